"""Google logs in with a Google account."""

from collections.abc import Sequence

from tornado.auth import GoogleOAuth2Mixin

from flower_ng.web.logins.oauth import OAuthLogin


class GoogleAuth2LoginHandler(OAuthLogin, GoogleOAuth2Mixin):  # type: ignore[misc]  # ours takes less
    """Accounts of Google; an address counts only if Google says that it is verified."""

    _OAUTH_USERINFO_URL = "https://www.googleapis.com/userinfo/v2/me"
    flower_name = "flower.views.auth.GoogleAuth2LoginHandler"
    scope = ("profile", "email")

    def get_google_oauth_settings(self) -> dict[str, str]:
        """Our client, for handlers that use Tornado's own parts."""
        return dict(self._client)

    async def addresses(self, token: str) -> Sequence[str | None]:
        """The account's address."""
        person = await self.get_person(self._OAUTH_USERINFO_URL, token)
        return [person.get("email")] if person.get("verified_email") is True else []

    def denial(self, addresses: Sequence[str]) -> str:
        """Name the account, because people have several."""
        who = ", ".join(addresses) or "this account"
        return f"Access denied to {who}. Please use another account or ask your admin for access."
