"""OAuth is the authorization-code login: where to send the browser, and who came back; on the loop.

A provider is a subclass that names its endpoints and reads its answers. Endpoints, scopes and
parameters are those of Flower 2.2.0, so that applications registered for it keep working.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse

from flower_ng.errors import BadGateway, Forbidden
from flower_ng.web.auth.pattern import EmailPattern

_TIMEOUT_S = 10.0  # for connecting and for the answer, each; a person waits
_DENIED = (
    "Access denied. "
    "Please use another account or ask your admin to add your email to flower --auth."
)


@dataclass(frozen=True, slots=True)
class OAuthClient:
    """What the login provider knows us by."""

    key: str = ""
    secret: str = ""
    redirect_uri: str = ""


class Provider(ABC):
    """One login service; `environ` is read whenever an endpoint is asked for."""

    name: ClassVar[str]
    flower_name: ClassVar[str]
    scope: ClassVar[str]
    extra: ClassVar[Mapping[str, str]] = {"approval_prompt": ""}

    def __init__(self, client: OAuthClient, environ: Mapping[str, str]) -> None:
        self.client = client
        self.environ = environ

    @property
    @abstractmethod
    def authorize_url(self) -> str:
        """Where the browser asks the person."""

    @property
    @abstractmethod
    def token_url(self) -> str:
        """Where a code becomes a token."""

    @abstractmethod
    async def addresses(self, token: str) -> Sequence[str | None]:
        """The person's e-mail addresses, verified ones only; None where the answer has none."""

    async def check_membership(self, token: str) -> None:  # noqa: B027 - most have nothing to check
        """Raise Forbidden when the address alone does not do; here it does."""

    def authorization(self, state: str) -> str:
        """The address to send the browser to; `state` comes back with it."""
        query = {
            "redirect_uri": self.client.redirect_uri,
            "client_id": self.client.key,
            "response_type": "code",
            "scope": self.scope,
            "state": state,
            **self.extra,
        }
        return f"{self.authorize_url}?{urlencode(query)}"

    async def identity(self, code: str, allowed: EmailPattern) -> str:
        """The allowed address of the person who came back with this code.

        Raises Forbidden when the provider or the pattern says no, BadGateway when the provider
        can't be understood.
        """
        token = await self._token(code)
        addresses = [str(address) for address in await self.addresses(token) if address]
        accepted = [address for address in addresses if allowed.accepts(address)]
        if not accepted:
            raise Forbidden(self.denial(addresses))
        await self.check_membership(token)
        return accepted[-1]

    def denial(self, addresses: Sequence[str]) -> str:  # noqa: ARG002 - for those who name it
        """What to tell someone whose addresses are not allowed."""
        return _DENIED

    async def get_person(self, url: str, token: str) -> dict[str, Any]:
        """The JSON object at this address, as the bearer of the token sees it."""
        return self.objects([self.parsed(await self.get(url, token))])[0]

    def objects(self, answer: Any) -> list[dict[str, Any]]:
        """The answer, if it is a list of JSON objects; else BadGateway."""
        if isinstance(answer, list) and all(isinstance(item, dict) for item in answer):
            return answer
        raise BadGateway(_error(f"{self.name} answered in an unknown form"))

    async def get(self, url: str, token: str) -> HTTPResponse:
        """The provider's answer at this address to the bearer of the token."""
        return await self._fetch(HTTPRequest(url, headers={"Authorization": f"Bearer {token}"}))

    async def _token(self, code: str) -> str:
        form = {
            "redirect_uri": self.client.redirect_uri,
            "code": code,
            "client_id": self.client.key,
            "client_secret": self.client.secret,
            "grant_type": "authorization_code",
        }
        request = HTTPRequest(self.token_url, method="POST", body=urlencode(form))
        request.headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = self.parsed(await self._fetch(request))
        token = answer.get("access_token") if isinstance(answer, dict) else None
        if not isinstance(token, str) or not token:
            raise Forbidden(_error(_reason(answer)))
        return token

    async def _fetch(self, request: HTTPRequest) -> HTTPResponse:
        request.headers["Accept"] = "application/json"
        request.user_agent = "flower_ng"
        request.connect_timeout = request.request_timeout = _TIMEOUT_S
        request.follow_redirects = False
        try:
            return await AsyncHTTPClient().fetch(request)
        except HTTPClientError as error:
            if 400 <= error.code < 500:  # noqa: PLR2004 - the provider said no
                raise Forbidden(_error(f"{self.name} answered {error.code}")) from error
            raise BadGateway(_error(f"{self.name} failed: {error}")) from error
        except OSError as error:
            raise BadGateway(_error(f"{self.name} cannot be reached: {error}")) from error

    def parsed(self, response: HTTPResponse) -> Any:
        """The JSON of an answer; BadGateway if it is none."""
        try:
            return json.loads(response.body)
        except ValueError as error:
            raise BadGateway(_error(f"{self.name} answered with no JSON")) from error


def _error(reason: str) -> str:
    return f"OAuth authenticator error: {reason}"


def _reason(answer: Any) -> str:
    if not isinstance(answer, dict):
        return "no access token came"
    return str(answer.get("error_description") or answer.get("error") or "no access token came")
