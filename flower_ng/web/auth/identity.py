"""Identity is who a request comes from, how that is known, and what they may do; pure."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from flower_ng.web.auth.roles import Role


class How(StrEnum):
    """By what someone is known."""

    ANONYMOUS = "anonymous"
    BASIC = "basic"
    SESSION = "session"
    PROXY = "proxy"
    TOKEN = "token"  # noqa: S105 - a word


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks: `name` is the user, e-mail address or token's name, or `anonymous`.

    `groups` are those that the proxy or the login provider named. `scope` is empty, or what alone
    a token is for.
    """

    name: str
    how: How
    role: Role
    groups: tuple[str, ...] = ()
    scope: str = ""

    @property
    def is_named(self) -> bool:
        """Whether it is known who it is."""
        return self.how is not How.ANONYMOUS


#: Who is not known, or not yet.
STRANGER: Final = Identity("anonymous", How.ANONYMOUS, Role.NONE)
