"""Google logs in with a Google account."""

from collections.abc import Sequence

from flower_ng.web.auth.oauth import Provider


class Google(Provider):
    """Accounts of Google; an address that Google calls unverified does not count."""

    name = "Google"
    flower_name = "flower.views.auth.GoogleAuth2LoginHandler"
    scope = "profile email"
    authorize_url = "https://accounts.google.com/o/oauth2/v2/auth"
    token_url = "https://www.googleapis.com/oauth2/v4/token"  # noqa: S105 - an address
    userinfo_url = "https://www.googleapis.com/userinfo/v2/me"

    async def addresses(self, token: str) -> Sequence[str | None]:
        """The account's address."""
        person = await self.get_person(self.userinfo_url, token)
        return [] if person.get("verified_email") is False else [person.get("email")]

    def denial(self, addresses: Sequence[str]) -> str:
        """Name the account, because people have several."""
        who = ", ".join(addresses) or "this account"
        return f"Access denied to {who}. Please use another account or ask your admin for access."
