"""GitLab logs in with an account of gitlab.com or of a GitLab of one's own."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

from flower_ng.errors import Forbidden
from flower_ng.web.logins.oauth import Address, OAuthLogin, Variable

_PAGES = 50  # of 100 groups; nobody is in more
_GROUPS: Final = "FLOWER_GITLAB_AUTH_ALLOWED_GROUPS"
_MIN_LEVEL: Final = "FLOWER_GITLAB_MIN_ACCESS_LEVEL"
_LEVEL: Final = re.compile(r"[1-9][0-9]?")


class GitLabLoginHandler(OAuthLogin):
    """Accounts of the domain in FLOWER_GITLAB_OAUTH_DOMAIN, by default gitlab.com.

    FLOWER_GITLAB_AUTH_ALLOWED_GROUPS (full paths, commas between) asks for membership in one of
    them, with FLOWER_GITLAB_MIN_ACCESS_LEVEL (20, reporter) at least.
    """

    _OAUTH_GITLAB_DOMAIN = Variable("FLOWER_GITLAB_OAUTH_DOMAIN", "gitlab.com")
    _OAUTH_AUTHORIZE_URL = Address("_OAUTH_GITLAB_DOMAIN", "/oauth/authorize")
    _OAUTH_ACCESS_TOKEN_URL = Address("_OAUTH_GITLAB_DOMAIN", "/oauth/token")
    flower_name = "flower.views.auth.GitLabLoginHandler"
    scope = ("read_api",)

    @classmethod
    def missing(cls) -> str:
        """A group, where the variable that names them has none; a level that GitLab knows.

        GitLab answers an unknown level with all groups that the person can see, public ones too.
        """
        if os.environ.get(_GROUPS, "").strip() and not _groups(os.environ):
            return f"{_GROUPS} names no group"
        if not _LEVEL.fullmatch(_level(os.environ)):
            return f"{_MIN_LEVEL} is {_level(os.environ)!r}, not an access level such as 20"
        return ""

    async def addresses(self, token: str) -> Sequence[str | None]:
        """The account's address, if GitLab says that it was confirmed."""
        person = await self.get_person(self._api("/user"), token)
        return [person.get("email")] if person.get("confirmed_at") else []

    async def check_membership(self, token: str) -> None:
        """Raise Forbidden for someone who is in none of the allowed groups."""
        allowed = _groups(self.services.door.environ)
        if allowed and allowed.isdisjoint(await self._memberships(token)):
            raise Forbidden("Access denied. Your GitLab account is in none of the allowed groups.")

    def _api(self, path: str) -> str:
        return f"https://{self._OAUTH_GITLAB_DOMAIN}/api/v4{path}"

    async def _memberships(self, token: str) -> set[str]:
        level = _level(self.services.door.environ)
        paths: set[str] = set()
        page = "1"
        for _ in range(_PAGES):
            query = urlencode({"min_access_level": level, "per_page": 100, "page": page})
            response = await self.ask(self._api(f"/groups?{query}"), token)
            paths.update(
                str(group.get("full_path")) for group in self.objects(self.parsed(response))
            )
            page = response.headers.get("X-Next-Page", "")
            if not page:
                break
        return paths


def _groups(environ: Mapping[str, str]) -> frozenset[str]:
    paths = environ.get(_GROUPS, "").split(",")
    return frozenset(path.strip() for path in paths if path.strip())


def _level(environ: Mapping[str, str]) -> str:
    return environ.get(_MIN_LEVEL, "").strip() or "20"
