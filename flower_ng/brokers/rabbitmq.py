"""Queues from RabbitMQ's management API; asked on the loop, without blocking it."""

import logging
import ssl
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlsplit

import msgspec
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from flower_ng.brokers.base import Facts

log = logging.getLogger(__name__)

PORT = 15672
CONNECT_TIMEOUT_S = 1.0
TIMEOUT_S = 2.0
#: Some five thousand queues; more is cut off rather than held in memory.
ANSWER_MAX_BYTES = 10 * 2**20
#: What a configuration may write for "do not look at the certificate".
UNVERIFIED = (ssl.CERT_NONE, "none", "CERT_NONE")


@dataclass(frozen=True, slots=True)
class Management:
    """Where the management API is; `url` holds no credentials."""

    url: str
    user: str
    password: str = field(repr=False)


class RabbitBroker:
    """RabbitMQ, through its management plugin; what it says of a queue is passed on unchanged."""

    schemes: ClassVar[tuple[str, ...]] = ("amqp", "amqps")

    def __init__(self, facts: Facts, pool: Executor) -> None:  # noqa: ARG002 - this one does not block
        self.trouble: str | None = None
        self._management = management_of(facts)
        self._vhost = facts.path
        self._tls = facts.tls or {}

    async def queues(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return the queues of these names that exist; none when the API cannot be asked."""
        try:
            found = await self._ask()
        except (HTTPClientError, OSError, msgspec.DecodeError) as error:
            self._note(f"The management API at {self._management.url} failed: {error}")
            return []
        self._note(None)
        wanted = set(names)
        return [queue for queue in found if queue.get("name") in wanted]

    async def _ask(self) -> list[dict[str, Any]]:
        client = SimpleAsyncHTTPClient(force_instance=True, max_body_size=ANSWER_MAX_BYTES)
        try:
            answer = await client.fetch(self._request())
        finally:
            client.close()
        return msgspec.json.decode(answer.body, type=list[dict[str, Any]])

    def _request(self) -> HTTPRequest:
        asked = (self._tls.get(key) for key in ("ssl_cert_reqs", "cert_reqs"))
        return HTTPRequest(
            f"{self._management.url}queues/{quote(self._vhost, safe='')}",
            auth_username=self._management.user,
            auth_password=self._management.password,
            connect_timeout=CONNECT_TIMEOUT_S,
            request_timeout=TIMEOUT_S,
            follow_redirects=False,
            decompress_response=False,
            validate_cert=not any(one in UNVERIFIED for one in asked),
            ca_certs=self._tls.get("ssl_ca_certs") or self._tls.get("ca_certs"),
        )

    def _note(self, trouble: str | None) -> None:
        """Keep the reason, and log it when it is a new one."""
        if trouble is not None and trouble != self.trouble:
            log.warning("%s", trouble)
        self.trouble = trouble


def management_of(facts: Facts) -> Management:
    """Read `broker_api`; without it, the API is taken to be on the broker's own host."""
    parts = urlsplit(facts.management_url or f"http://{bracketed(facts.host)}:{PORT}/api/")
    place = parts.netloc.rpartition("@")[2]
    path = parts.path.rstrip("/") or "/api"
    user, password = facts.user, facts.password
    if parts.username is not None:
        user, password = unquote(parts.username), unquote(parts.password or "")
    return Management(f"{parts.scheme}://{place}{path}/", user or "guest", password or "guest")


def bracketed(host: str) -> str:
    """Return a host as a URL wants it: IPv6 addresses in brackets."""
    return f"[{host}]" if ":" in host else host
