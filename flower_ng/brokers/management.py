"""A client of RabbitMQ's management API. On the loop, never blocking."""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import msgspec
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from flower_ng.brokers.endpoint import BrokerEndpoint

PORT: Final = 15672
CONNECT_TIMEOUT_S: Final = 1.0
TIMEOUT_S: Final = 2.0
#: Some five thousand queues; more is cut off rather than held in memory.
ANSWER_MAX_BYTES: Final = 10 * 2**20
#: What a configuration may write for "do not look at the certificate".
UNVERIFIED: Final = (ssl.CERT_NONE, "none", "CERT_NONE")
#: All that a question may fail with.
FAILURES: Final = (HTTPClientError, OSError, msgspec.DecodeError)


@dataclass(frozen=True, slots=True)
class Management:
    """Where the management API is; `url` holds no credentials. `tls` as in `broker_use_ssl`."""

    url: str
    user: str
    password: str = field(repr=False)
    tls: Mapping[str, Any] = field(default_factory=dict, repr=False)

    async def objects(self, path: str) -> list[dict[str, Any]]:
        """Return the list of objects at a path; one of FAILURES when that cannot be had."""
        return msgspec.json.decode(await self.ask(path), type=list[dict[str, Any]])

    async def object(self, path: str) -> dict[str, Any]:
        """Return the object at a path; one of FAILURES when that cannot be had."""
        return msgspec.json.decode(await self.ask(path), type=dict[str, Any])

    async def ask(self, path: str, method: str = "GET") -> bytes:
        """Return the answer; takes at most TIMEOUT_S and follows no redirects."""
        client = SimpleAsyncHTTPClient(force_instance=True, max_body_size=ANSWER_MAX_BYTES)
        try:
            return (await client.fetch(self._request(path, method))).body
        finally:
            client.close()

    def _request(self, path: str, method: str) -> HTTPRequest:
        asked = (self.tls.get(key) for key in ("ssl_cert_reqs", "cert_reqs"))
        return HTTPRequest(
            f"{self.url}{path}",
            method,
            auth_username=self.user,
            auth_password=self.password,
            connect_timeout=CONNECT_TIMEOUT_S,
            request_timeout=TIMEOUT_S,
            follow_redirects=False,
            decompress_response=False,
            validate_cert=not any(one in UNVERIFIED for one in asked),
            ca_certs=self.tls.get("ssl_ca_certs") or self.tls.get("ca_certs"),
        )


def management_of(facts: BrokerEndpoint) -> Management:
    """Read `broker_api`; without it, the API is taken to be on the broker's own host."""
    parts = urlsplit(facts.management_url or f"http://{bracketed(facts.host)}:{PORT}/api/")
    place = parts.netloc.rpartition("@")[2]
    path = parts.path.rstrip("/") or "/api"
    user, password = facts.user, facts.password
    if parts.username is not None:
        user, password = unquote(parts.username), unquote(parts.password or "")
    url = f"{parts.scheme}://{place}{path}/"
    return Management(url, user or "guest", password or "guest", facts.tls or {})


def bracketed(host: str) -> str:
    """Return a host as a URL wants it: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host
