"""Okta logs in with an account of an Okta organisation."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from flower_ng.web.auth.oauth import Provider


class Okta(Provider):
    """Accounts of the authorization server at FLOWER_OAUTH2_OKTA_BASE_URL."""

    name = "Okta"
    flower_name = "flower.views.auth.OktaLoginHandler"
    scope = "openid email"
    extra: ClassVar[Mapping[str, str]] = {}

    @property
    def base_url(self) -> str:
        """The authorization server, as `https://org.example/oauth2/default`."""
        return self.environ.get("FLOWER_OAUTH2_OKTA_BASE_URL", "").rstrip("/")

    @property
    def authorize_url(self) -> str:
        """Where the browser asks the person."""
        return f"{self.base_url}/v1/authorize"

    @property
    def token_url(self) -> str:
        """Where a code becomes a token."""
        return f"{self.base_url}/v1/token"

    async def addresses(self, token: str) -> Sequence[str | None]:
        """The account's address, if it is verified."""
        person = await self.get_person(f"{self.base_url}/v1/userinfo", token)
        return [person.get("email")] if person.get("email_verified") is True else []
