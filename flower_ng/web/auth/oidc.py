"""OidcProvider is an OpenID provider: where it is asked, and its keys. On the loop.

Both are found by discovery, kept for an hour, and asked for once for all who wait.
"""

import asyncio
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar
from urllib.parse import urlsplit

from tornado.httpclient import AsyncHTTPClient, HTTPClientError

from flower_ng.errors import BadGateway
from flower_ng.settings.checks import is_issuer
from flower_ng.web.auth.id_token import Expected, claims_of, key_id, usable_keys

if TYPE_CHECKING:
    from joserfc.jwk import Key

DISCOVERY: Final = "/.well-known/openid-configuration"
#: How long documents of the provider are good for, and at least between two that are asked for
#: because a key is not in the first, or because the first could not be had.
KEPT_S: Final = 3600.0
PAUSE_S: Final = 10.0
#: For connecting and for the answer, each, in seconds; and the largest answer, in bytes.
TIMEOUT_S: Final = 10.0
MOST_BYTES: Final = 1 << 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What discovery told: URLs, empty where the provider has none.

    `by_form` says that the client's secret belongs into the form, not into a header.
    """

    issuer: str
    authorize: str
    token: str
    keys: str
    person: str
    logout: str
    by_form: bool


class OidcProvider:
    """The provider at an issuer's URL."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url.rstrip("/")
        self._endpoints: Kept[Endpoints] = Kept(self._discovered, clock)
        self._keys: Kept[list[Key]] = Kept(self._fetched_keys, clock)

    async def endpoints(self) -> Endpoints:
        """Where it is asked; BadGateway where that can't be found out."""
        return await self._endpoints.get()

    async def claims(self, token: str, expected: Expected) -> dict[str, Any]:
        """What an ID token says; Forbidden, with the reason, unless all is as expected."""
        kid = key_id(token)
        keys = _named(await self._keys.get(), kid)
        if not keys:  # the provider has new ones
            keys = _named(await self._keys.get(PAUSE_S), kid)
        return claims_of(token, keys, expected)

    async def fetch(self, url: str, **request: Any) -> dict[str, Any]:
        """The JSON object at an address; HTTPClientError for another status than 200."""
        client = AsyncHTTPClient(force_instance=True, max_body_size=MOST_BYTES)
        headers = {"Accept": "application/json", "User-Agent": "flower_ng"}
        try:
            response = await client.fetch(
                url,
                headers={**headers, **request.pop("headers", {})},
                connect_timeout=TIMEOUT_S,
                request_timeout=TIMEOUT_S,
                follow_redirects=False,
                **request,
            )
        finally:
            client.close()
        try:
            answer = json.loads(response.body)
        except (ValueError, RecursionError) as error:
            raise BadGateway(f"The login provider answered {_host(url)} with no JSON") from error
        if not isinstance(answer, dict):
            raise BadGateway(f"The login provider answered {_host(url)} in an unknown form")
        return answer

    async def _discovered(self) -> Endpoints:
        told = await self._asked(f"{self._url}{DISCOVERY}")
        issuer = told.get("issuer")
        if not isinstance(issuer, str) or issuer.rstrip("/") != self._url:
            raise BadGateway(
                f"The login provider at {self._url} calls itself {str(issuer)[:200]!r}: set"
                " --oidc_url to exactly that, if it is the right one"
            )
        methods = told.get("token_endpoint_auth_methods_supported")
        supported = methods if isinstance(methods, list) else ["client_secret_basic"]
        return Endpoints(
            issuer=issuer,
            authorize=_needed(told, "authorization_endpoint"),
            token=_needed(told, "token_endpoint"),
            keys=_needed(told, "jwks_uri"),
            person=_url_of(told, "userinfo_endpoint"),
            logout=_url_of(told, "end_session_endpoint"),
            by_form="client_secret_basic" not in supported,
        )

    async def _fetched_keys(self) -> "list[Key]":
        endpoints = await self.endpoints()
        return usable_keys(await self._asked(endpoints.keys))

    async def _asked(self, url: str) -> dict[str, Any]:
        """The JSON object at an address of discovery; BadGateway for anything else."""
        try:
            return await self.fetch(url)
        except (HTTPClientError, OSError, ValueError) as error:
            raise BadGateway(f"The login provider did not answer at {url}: {error}") from error


class Kept(Generic[T]):
    """Something that is fetched when it is needed: once for all who wait, and kept."""

    def __init__(self, fetch: Callable[[], Awaitable[T]], clock: Callable[[], float]) -> None:
        self._fetch, self._clock = fetch, clock
        self._fetching: asyncio.Future[T] | None = None
        self._at = 0.0

    async def get(self, most_s: float = KEPT_S) -> T:
        """It, at most that old in seconds; what could not be had is tried again after a pause."""
        job = self._fetching
        if job is None or self._is_old(job, most_s):
            self._at = self._clock()
            job = self._fetching = asyncio.ensure_future(self._fetch())
        return await asyncio.shield(job)

    def _is_old(self, job: "asyncio.Future[T]", most_s: float) -> bool:
        if not job.done():
            return False
        has_failed = job.cancelled() or job.exception() is not None
        return self._clock() - self._at >= (PAUSE_S if has_failed else most_s)


def _named(keys: "list[Key]", kid: str | None) -> "list[Key]":
    """Return the keys that a token may be signed with: those of an id, all without one."""
    return [key for key in keys if kid is None or key.kid in (kid, None)]


def _needed(told: Mapping[str, Any], name: str) -> str:
    url = _url_of(told, name)
    if not url:
        raise BadGateway(f"The login provider names no {name} that can be used")
    return url


def _url_of(told: Mapping[str, Any], name: str) -> str:
    """Return a URL of the provider, which has to be safe from listeners; empty without one."""
    url = told.get(name)
    if not isinstance(url, str) or not re.fullmatch(r"[!-~]+", url):
        return ""
    return url if is_issuer(url.partition("?")[0]) is None else ""


def _host(url: str) -> str:
    return urlsplit(url).netloc
