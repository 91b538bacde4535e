"""The OAuth client: the id, secret and redirect URL that a login provider knows us by."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """The `oauth2_…` options."""

    key: str = ""
    secret: str = ""
    redirect_uri: str = ""
