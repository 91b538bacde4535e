"""GitLab logs in with an account of gitlab.com or of a GitLab of one's own."""

from collections.abc import Sequence
from urllib.parse import urlencode

from flower_ng.errors import Forbidden
from flower_ng.web.auth.oauth import Provider

_PAGES = 50  # of 100 groups; nobody is in more


class GitLab(Provider):
    """Accounts of the domain in FLOWER_GITLAB_OAUTH_DOMAIN, by default gitlab.com.

    FLOWER_GITLAB_AUTH_ALLOWED_GROUPS (full paths, commas between) asks for membership in one of
    them, with FLOWER_GITLAB_MIN_ACCESS_LEVEL (20, reporter) at least.
    """

    name = "GitLab"
    flower_name = "flower.views.auth.GitLabLoginHandler"
    scope = "read_api"
    scheme = "https"

    @property
    def domain(self) -> str:
        """Where the accounts are."""
        return self.environ.get("FLOWER_GITLAB_OAUTH_DOMAIN", "gitlab.com")

    @property
    def authorize_url(self) -> str:
        """Where the browser asks the person."""
        return f"{self.scheme}://{self.domain}/oauth/authorize"

    @property
    def token_url(self) -> str:
        """Where a code becomes a token."""
        return f"{self.scheme}://{self.domain}/oauth/token"

    async def addresses(self, token: str) -> Sequence[str | None]:
        """The account's address, unless GitLab says that it was never confirmed."""
        person = await self.get_person(f"{self.scheme}://{self.domain}/api/v4/user", token)
        return [person.get("email")] if person.get("confirmed_at", True) else []

    async def check_membership(self, token: str) -> None:
        """Raise Forbidden for someone who is in none of the allowed groups."""
        allowed = self._allowed_groups()
        if allowed and allowed.isdisjoint(await self._groups(token)):
            raise Forbidden("Access denied. Your GitLab account is in none of the allowed groups.")

    def _allowed_groups(self) -> frozenset[str]:
        paths = self.environ.get("FLOWER_GITLAB_AUTH_ALLOWED_GROUPS", "").split(",")
        return frozenset(path.strip() for path in paths if path.strip())

    async def _groups(self, token: str) -> set[str]:
        level = self.environ.get("FLOWER_GITLAB_MIN_ACCESS_LEVEL", "20")
        paths: set[str] = set()
        page = "1"
        for _ in range(_PAGES):
            query = urlencode({"min_access_level": level, "per_page": 100, "page": page})
            url = f"{self.scheme}://{self.domain}/api/v4/groups?{query}"
            response = await self.get(url, token)
            paths.update(
                str(group.get("full_path")) for group in self.objects(self.parsed(response))
            )
            page = response.headers.get("X-Next-Page", "")
            if not page:
                break
        return paths
