"""GitHub logs in with an account of github.com or of GitHub Enterprise."""

from collections.abc import Sequence

from flower_ng.web.logins.oauth import Address, OAuthLogin, Variable


class GithubLoginHandler(OAuthLogin):
    """Accounts of the domain in FLOWER_GITHUB_OAUTH_DOMAIN, by default github.com."""

    _OAUTH_DOMAIN = Variable("FLOWER_GITHUB_OAUTH_DOMAIN", "github.com")
    _OAUTH_AUTHORIZE_URL = Address("_OAUTH_DOMAIN", "/login/oauth/authorize")
    _OAUTH_ACCESS_TOKEN_URL = Address("_OAUTH_DOMAIN", "/login/oauth/access_token")
    flower_name = "flower.views.auth.GithubLoginHandler"
    scope = ("user:email",)

    @classmethod
    def _email_api_url(cls) -> str:
        """Where the addresses are; GitHub Enterprise has its API under the same domain."""
        if cls._OAUTH_DOMAIN == "github.com":
            return "https://api.github.com/user/emails"
        return f"https://{cls._OAUTH_DOMAIN}/api/v3/user/emails"

    async def addresses(self, token: str) -> Sequence[str | None]:
        """Every verified address of the account, in lower case."""
        emails = self.objects(self.parsed(await self.ask(self._email_api_url(), token)))
        return [str(item.get("email")).lower() for item in emails if item.get("verified") is True]
