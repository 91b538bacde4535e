"""OAuth is the authorization-code login in the shape of Flower 2.2.0's handlers; on the loop.

Flower's manual has people derive from its handlers and override parts of them. So each of those
parts is a method or an attribute of the same name here, called as Flower calls it: `get`,
`set_oauth_state`, `authorize_redirect`, `verify_oauth_state`, `get_authenticated_user` (Okta:
`get_access_token`), `_on_auth`, `get_auth_http_client`, `_OAUTH_…`. Endpoints, scopes and
parameters are Flower's, so that applications registered for it keep working.
"""

import json
import logging
import os
from collections.abc import Awaitable, Mapping, Sequence
from inspect import isawaitable
from typing import Any, ClassVar
from urllib.parse import urlencode

from tornado.auth import AuthError, OAuth2Mixin
from tornado.httpclient import HTTPResponse

from flower_ng.errors import BadGateway, Forbidden, NotFound
from flower_ng.web.auth.landing import landing
from flower_ng.web.auth.pattern import EmailPattern
from flower_ng.web.auth.sessions import SESSION_COOKIE
from flower_ng.web.logins.base import NEXT_COOKIE, BaseHandler, OAuth2StateMixin, get_next_url

log = logging.getLogger(__name__)

#: What a provider may answer instead of a code (RFC 6749, section 4.1.2.1).
_REFUSALS = frozenset(
    {
        "access_denied", "invalid_request", "invalid_scope", "server_error",
        "temporarily_unavailable", "unauthorized_client", "unsupported_response_type",
    }
)  # fmt: skip
_LOGGED = 200  # characters of a refusal that the log shows
_TIMEOUT_S = 10.0  # for connecting and for the answer, each; a person waits
_DENIED = (
    "Access denied. "
    "Please use another account or ask your admin to add your email to flower --auth."
)


class Variable:
    """A class attribute that an environment variable sets.

    It is text on the class too, as in Flower's handlers: those of others build on it.
    """

    def __init__(self, name: str, default: str) -> None:
        self._name = name
        self._default = default

    def __get__(self, _handler: "OAuthLogin | None", _owner: type) -> str:
        return os.environ.get(self._name) or self._default


class Address:
    """A class attribute that is a path of the provider's site, whose domain another one names."""

    def __init__(self, domain: str, path: str) -> None:
        self._domain = domain
        self._path = path

    def __get__(self, handler: "OAuthLogin | None", owner: type) -> str:
        return f"https://{getattr(handler or owner, self._domain)}{self._path}"


class OAuthLogin(BaseHandler, OAuth2StateMixin, OAuth2Mixin):
    """`/login` for one provider: there without a code, back with one."""

    _OAUTH_NO_CALLBACKS: ClassVar[bool] = False
    _OAUTH_SETTINGS_KEY: ClassVar[str] = "oauth"
    #: What Flower calls this handler in the option `auth_provider`.
    flower_name: ClassVar[str]
    scope: ClassVar[Sequence[str]]
    extra: ClassVar[Mapping[str, str]] = {"approval_prompt": ""}

    @classmethod
    def missing(cls) -> str:
        """What the handler lacks to log anybody in; empty when nothing."""
        return ""

    async def get(self) -> None:
        """Send the browser to the provider, or let in whom it sent back."""
        if self.get_argument("error"):
            raise Forbidden(_error(self._refusal()))
        code = self.get_argument("code", escape=False)
        if not code:
            await resolved(self._send_out())
            return
        self.verify_oauth_state()
        await resolved(self._on_auth(await self._exchanged(code)))

    def _refusal(self) -> str:
        """Say why the provider refused; words that anybody can put into a link go to the log."""
        error = self.get_argument("error", escape=False)
        words = self.get_argument("error_description", default="", escape=False)
        log.warning("The login provider refused: %a %a", error[:_LOGGED], words[:_LOGGED])
        return error if error in _REFUSALS else "the provider refused (its words are in the log)"

    def _send_out(self) -> Awaitable[None] | None:
        wanted = landing(self.get_argument("next", "", escape=False), self.services.prefix)
        self.set_secure_cookie(NEXT_COOKIE, wanted, expires_days=1)
        self.authorize_redirect(
            redirect_uri=self._client["redirect_uri"] or None,
            client_id=self._client["key"],
            scope=list(self.scope),
            response_type="code",
            extra_params={**self.extra, "state": self.set_oauth_state()},
        )
        return None

    @property
    def _client(self) -> Mapping[str, str]:
        """What the provider knows us by: key, secret and redirect_uri."""
        client: Mapping[str, str] = self.settings[self._OAUTH_SETTINGS_KEY]
        return client

    async def _exchanged(self, code: str) -> Any:
        """What the provider gives for a code."""
        uri = self._client["redirect_uri"]
        return await resolved(self.get_authenticated_user(redirect_uri=uri, code=code))

    async def get_authenticated_user(self, redirect_uri: str, code: str) -> dict[str, Any]:
        """Exchange a code for what holds the `access_token`; AuthError where there is none."""
        form = {
            "redirect_uri": redirect_uri,
            "code": code,
            "client_id": self._client["key"],
            "client_secret": self._client["secret"],
            "grant_type": "authorization_code",
        }
        response = await self._fetch(
            self._OAUTH_ACCESS_TOKEN_URL,  # type: ignore[attr-defined]  # each provider's own
            {"Content-Type": "application/x-www-form-urlencoded"},
            method="POST",
            body=urlencode(form),
        )
        return self.parsed(response)  # type: ignore[no-any-return]

    async def _on_auth(self, user: Any) -> None:
        """Open a session for the person that the token stands for, if they may come in."""
        token = _token(user)
        addresses = [str(address) for address in await self.addresses(token) if address]
        accepted = [address for address in addresses if self._pattern().accepts(address)]
        if not accepted:
            raise Forbidden(self.denial(addresses))
        await self.check_membership(token)
        self.set_secure_cookie(SESSION_COOKIE, accepted[-1])
        self.redirect(get_next_url(self))

    def _pattern(self) -> EmailPattern:
        pattern = self.services.door.pattern
        if pattern is None:
            raise NotFound("No login is configured: --auth_provider needs --auth")
        return pattern

    async def addresses(self, token: str) -> Sequence[str | None]:
        """The person's e-mail addresses, verified ones only; None where the answer has none."""
        raise NotImplementedError

    async def check_membership(self, token: str) -> None:
        """Raise Forbidden when the address alone does not do; here it does."""

    def denial(self, addresses: Sequence[str]) -> str:  # noqa: ARG002 - for those who name it
        """What to tell someone whose addresses are not allowed."""
        return _DENIED

    async def get_person(self, url: str, token: str) -> dict[str, Any]:
        """The JSON object at this address, as the bearer of the token sees it."""
        return self.objects([self.parsed(await self.ask(url, token))])[0]

    def objects(self, answer: Any) -> list[dict[str, Any]]:
        """The answer, if it is a list of JSON objects; else BadGateway."""
        if isinstance(answer, list) and all(isinstance(item, dict) for item in answer):
            return answer
        raise BadGateway(_error("the login provider answered in an unknown form"))

    async def ask(self, url: str, token: str) -> HTTPResponse:
        """The provider's answer at this address to the bearer of the token."""
        return await self._fetch(url, {"Authorization": f"Bearer {token}"})

    async def _fetch(self, url: str, headers: Mapping[str, str], **request: Any) -> HTTPResponse:
        return await self.get_auth_http_client().fetch(
            url,
            headers={"Accept": "application/json", "User-Agent": "flower_ng", **headers},
            connect_timeout=_TIMEOUT_S,
            request_timeout=_TIMEOUT_S,
            follow_redirects=False,
            **request,
        )

    def parsed(self, response: HTTPResponse) -> Any:
        """The JSON of an answer; BadGateway if it is none."""
        try:
            return json.loads(response.body)
        except ValueError as error:
            raise BadGateway(_error("the login provider answered with no JSON")) from error


async def resolved(answer: Any) -> Any:
    """What a hook gives, which may be a coroutine, a future or a plain function."""
    return await answer if isawaitable(answer) else answer


def _token(user: Any) -> str:
    token = user.get("access_token") if isinstance(user, dict) else None
    if not isinstance(token, str) or not token:
        raise AuthError(_error(_reason(user)))
    return token


def _error(reason: str) -> str:
    return f"OAuth authenticator error: {reason}"


def _reason(answer: Any) -> str:
    if not isinstance(answer, dict):
        return "no access token came"
    return str(answer.get("error_description") or answer.get("error") or "no access token came")
