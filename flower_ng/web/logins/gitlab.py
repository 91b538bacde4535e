"""GitLab logs in with an account of gitlab.com or of a GitLab of one's own."""

from collections.abc import Sequence
from urllib.parse import urlencode

from flower_ng.errors import Forbidden
from flower_ng.web.logins.oauth import Address, OAuthLogin, Variable

_PAGES = 50  # of 100 groups; nobody is in more


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

    async def addresses(self, token: str) -> Sequence[str | None]:
        """The account's address, if GitLab says that it was confirmed."""
        person = await self.get_person(self._api("/user"), token)
        return [person.get("email")] if person.get("confirmed_at") else []

    async def check_membership(self, token: str) -> None:
        """Raise Forbidden for someone who is in none of the allowed groups."""
        allowed = self._allowed_groups()
        if allowed and allowed.isdisjoint(await self._groups(token)):
            raise Forbidden("Access denied. Your GitLab account is in none of the allowed groups.")

    def _api(self, path: str) -> str:
        return f"https://{self._OAUTH_GITLAB_DOMAIN}/api/v4{path}"

    def _allowed_groups(self) -> frozenset[str]:
        environ = self.services.door.environ
        paths = environ.get("FLOWER_GITLAB_AUTH_ALLOWED_GROUPS", "").split(",")
        return frozenset(path.strip() for path in paths if path.strip())

    async def _groups(self, token: str) -> set[str]:
        level = self.services.door.environ.get("FLOWER_GITLAB_MIN_ACCESS_LEVEL", "20")
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
