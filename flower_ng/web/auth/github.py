"""GitHub logs in with an account of github.com or of GitHub Enterprise."""

from collections.abc import Sequence

from flower_ng.web.auth.oauth import Provider


class GitHub(Provider):
    """Accounts of the domain in FLOWER_GITHUB_OAUTH_DOMAIN, by default github.com."""

    name = "GitHub"
    flower_name = "flower.views.auth.GithubLoginHandler"
    scope = "user:email"
    scheme = "https"

    @property
    def domain(self) -> str:
        """Where the accounts are."""
        return self.environ.get("FLOWER_GITHUB_OAUTH_DOMAIN", "github.com")

    @property
    def authorize_url(self) -> str:
        """Where the browser asks the person."""
        return f"{self.scheme}://{self.domain}/login/oauth/authorize"

    @property
    def token_url(self) -> str:
        """Where a code becomes a token."""
        return f"{self.scheme}://{self.domain}/login/oauth/access_token"

    @property
    def emails_url(self) -> str:
        """Where the addresses are; GitHub Enterprise has its API under the same domain."""
        if self.domain == "github.com":
            return "https://api.github.com/user/emails"
        return f"{self.scheme}://{self.domain}/api/v3/user/emails"

    async def addresses(self, token: str) -> Sequence[str | None]:
        """Every verified address of the account, in lower case."""
        emails = self.objects(self.parsed(await self.get(self.emails_url, token)))
        return [str(item.get("email")).lower() for item in emails if item.get("verified")]
