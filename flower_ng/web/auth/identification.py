"""Identification finds out who a request comes from, by the logins that are configured.

On the loop.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from tornado.httputil import HTTPHeaders

from flower_ng.errors import LoginRequired
from flower_ng.web.auth.basic import BasicAuth
from flower_ng.web.auth.identity import How, Identity
from flower_ng.web.auth.pattern import EmailPattern
from flower_ng.web.auth.roles import Role, Roles
from flower_ng.web.auth.sessions import LoginSession
from flower_ng.web.auth.tokens import Tokens


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """The headers in which a trusted proxy names the user and, between commas, the groups."""

    user: str = ""
    groups: str = ""

    def __bool__(self) -> bool:
        return bool(self.user)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request shows to say who it comes from.

    `peer` is the address that it comes from.
    `proxy_user` and `proxy_groups` are what a trusted proxy wrote, empty from anybody else.
    `session` is that of a cookie signed by us, which has not ended.
    """

    peer: str = ""
    authorization: str | None = None
    proxy_user: str = ""
    proxy_groups: str = ""
    session: LoginSession | None = None


@dataclass(frozen=True, slots=True)
class Identification:
    """The logins of one site.

    A token says who it is, or a trusted proxy's header; else HTTP Basic and the session do, both
    where both are configured.
    """

    basic: BasicAuth = field(default_factory=lambda: BasicAuth(()))
    pattern: EmailPattern | None = None
    header: ProxyHeader = field(default_factory=ProxyHeader)
    roles: Roles = field(default_factory=Roles)
    tokens: Tokens = field(default_factory=Tokens)

    @property
    def has_lock(self) -> bool:
        """Whether any login is configured."""
        return bool(self.basic or self.header) or self.pattern is not None

    async def identity(self, credentials: Credentials, *, anonymous: Role) -> Identity | None:
        """Who it is; None for someone who has to log in by the provider.

        Without any login everybody is anonymous, with the role given. LoginRequired where the
        credentials are missing or wrong.
        """
        if token := self.tokens.shown(credentials.authorization):
            return await self.tokens.identity(token)
        if self.header and credentials.proxy_user:
            groups = _listed(credentials.proxy_groups)
            return self._person(credentials.proxy_user, How.PROXY, groups)
        if not self.has_lock:
            return Identity("anonymous", How.ANONYMOUS, anonymous)
        return await self._logged_in(credentials)

    async def _logged_in(self, credentials: Credentials) -> Identity | None:
        user = None
        if self.basic:
            user = await self.basic.user(credentials.authorization, credentials.peer)
        if self.basic and user is None:
            raise LoginRequired
        if self.pattern is not None:
            session = credentials.session
            if session is None or not self.pattern.accepts(session.who):
                return None
            return self._person(session.who, How.SESSION, session.groups)
        if user is None:
            raise LoginRequired(
                f"The reverse proxy named no user in the header {self.header.user}, or this"
                " request did not come from one of --trusted_proxies"
            )
        return self._person(user, How.BASIC)

    def _person(self, name: str, how: How, groups: Sequence[str] = ()) -> Identity:
        return Identity(name, how, self.roles.role(name, groups), tuple(groups))


def named_user(headers: HTTPHeaders, header: ProxyHeader) -> str:
    """The user that a trusted proxy names; empty where it names none, or the header came twice."""
    return _only(headers, header.user)


def named_groups(headers: HTTPHeaders, header: ProxyHeader) -> str:
    """The groups of the user, between commas; empty where the header came twice."""
    return _only(headers, header.groups)


def _only(headers: HTTPHeaders, name: str) -> str:
    """Return a header that came once: of two, a client sent one, and the proxy let it pass."""
    values = headers.get_list(name) if name else []
    return values[0].strip() if len(values) == 1 else ""


def _listed(groups: str) -> tuple[str, ...]:
    return tuple(group.strip() for group in groups.split(",") if group.strip())
