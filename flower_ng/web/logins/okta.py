"""Okta logs in with an account of an Okta organisation."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from flower_ng.web.logins.oauth import OAuthLogin, Variable, resolved


class OktaLoginHandler(OAuthLogin):
    """Accounts of the authorization server at FLOWER_OAUTH2_OKTA_BASE_URL."""

    flower_name = "flower.views.auth.OktaLoginHandler"
    scope = ("openid", "email")
    extra: ClassVar[Mapping[str, str]] = {}

    #: The authorization server, as `https://org.example/oauth2/default`.
    base_url = Variable("FLOWER_OAUTH2_OKTA_BASE_URL", "")

    @classmethod
    def missing(cls) -> str:
        """The server's address, unless a subclass has its own addresses."""
        return "FLOWER_OAUTH2_OKTA_BASE_URL is not set" if cls.base_url == "" else ""

    @property
    def _OAUTH_AUTHORIZE_URL(self) -> str:  # noqa: N802 - Tornado's name
        return f"{self.base_url.rstrip('/')}/v1/authorize"

    @property
    def _OAUTH_ACCESS_TOKEN_URL(self) -> str:  # noqa: N802 - Tornado's name
        return f"{self.base_url.rstrip('/')}/v1/token"

    @property
    def _OAUTH_USER_INFO_URL(self) -> str:  # noqa: N802 - Flower's name
        return f"{self.base_url.rstrip('/')}/v1/userinfo"

    async def _exchanged(self, code: str) -> Any:
        uri = self._client["redirect_uri"]
        return await resolved(self.get_access_token(redirect_uri=uri, code=code))

    async def get_access_token(self, redirect_uri: str, code: str) -> dict[str, Any]:
        """Exchange a code for what holds the `access_token`: Flower's name of it for Okta."""
        return await self.get_authenticated_user(redirect_uri, code)

    async def addresses(self, token: str) -> Sequence[str | None]:
        """The account's address, if it is verified."""
        person = await self.get_person(self._OAUTH_USER_INFO_URL, token)
        return [person.get("email")] if person.get("email_verified") is True else []
