"""What a broker adapter is and what it is built from; adapters are asked on the loop."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from kombu import Connection

from flower_ng.errors import Unavailable

log = logging.getLogger(__name__)

#: An answer takes no longer: the default inspect timeout and two seconds more.
LIMIT_S = 3.0
#: Names that Kombu gives to one and the same transport.
ALIASES = {"pyamqp": "amqp", "librabbitmq": "amqp"}
#: Parts of a URL that are secret: what stands between the user and the last @, some parameters.
USERINFO = re.compile(r"(?<=://)([^:/?#@]*):[^?#]*@")
SECRETS = re.compile(r"(?i)([?&][^=&#;]*(?:password|secret|token)[^=&#;]*=)[^&#;]*")
#: Several URLs in one, as for failover and Sentinel.
NEXT_URL = re.compile(r";(?=[a-zA-Z0-9+.-]+://)")


@dataclass(frozen=True, slots=True)
class Facts:
    """Where a broker is and how Celery talks to it.

    `transport` is Kombu's name of it. `path` is the virtual host or database, as in the URL.
    `tls` holds the arguments from `broker_use_ssl` or the URL, None for plain text.
    `alternates` are all URLs where several are configured. `clone` makes a connection of the
    app's own kind, not yet connected. `management_url` is the option `broker_api`.
    """

    transport: str
    host: str
    port: int | None
    user: str | None
    password: str | None = field(repr=False)
    path: str
    options: Mapping[str, Any] = field(repr=False)
    tls: Mapping[str, Any] | None = field(repr=False)
    alternates: tuple[str, ...] = field(repr=False)
    clone: Callable[..., Connection] = field(repr=False)
    credentials: Any = field(default=None, repr=False)
    management_url: str | None = field(default=None, repr=False)


class Broker(Protocol):
    """Tells the lengths of queues. `schemes` are the transports that it serves.

    `trouble` is why the newest answer is empty or incomplete, None when it is neither.
    """

    schemes: ClassVar[tuple[str, ...]]
    trouble: str | None

    def __init__(self, facts: Facts, pool: Executor) -> None:
        """Take note of the facts; nothing is connected before a question."""

    async def queues(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return `{"name": str, "messages": int | None, …}` for the named queues.

        `messages` is None where it cannot be known, never 0 instead. Unavailable when the broker
        does not answer. Takes at most `LIMIT_S`.
        """


class Pooled:
    """The half of a blocking adapter that waits: `lengths` runs in the pool.

    The same question asked while it is being answered is not asked again, so that a broker that
    hangs cannot fill the pool.
    """

    trouble: str | None = None

    def __init__(self, facts: Facts, pool: Executor) -> None:
        self._facts = facts
        self._pool = pool
        self._asked: dict[tuple[str, ...], asyncio.Future[list[dict[str, Any]]]] = {}

    async def queues(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return the lengths of the named queues; Unavailable when the broker does not answer."""
        key = tuple(names)
        answer = self._asked.get(key) or self._start(key)
        try:
            return await asyncio.wait_for(asyncio.shield(answer), LIMIT_S)
        except TimeoutError:
            raise Unavailable(f"The broker did not answer within {LIMIT_S} s.") from None

    def lengths(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Ask the broker; blocks; in the pool."""
        raise NotImplementedError

    def _start(self, key: tuple[str, ...]) -> asyncio.Future[list[dict[str, Any]]]:
        answer = asyncio.get_running_loop().run_in_executor(self._pool, self.lengths, key)
        self._asked[key] = answer
        answer.add_done_callback(lambda _: self._answered(key, answer))
        return answer

    def _answered(self, key: tuple[str, ...], answer: asyncio.Future[Any]) -> None:
        del self._asked[key]
        if not answer.cancelled() and answer.exception() is not None:
            self.trouble = str(answer.exception())


def facts_of(connection: Connection, management_url: str | None = None) -> Facts:
    """Read an app's connection, as `app.connection_for_read()` returns it; nothing is connected."""
    password: Any = connection.password
    return Facts(
        transport=transport_of(connection),
        host=connection.hostname or "localhost",
        port=connection.port,
        user=connection.userid,
        password=password() if callable(password) else password,
        path=connection.virtual_host or "/",
        options=dict(connection.transport_options or {}),
        tls=tls_of(connection),
        alternates=tuple(connection.alt),
        clone=connection.clone,
        credentials=getattr(connection, "credential_provider", None),
        management_url=management_url,
    )


def transport_of(connection: Connection) -> str:
    """Return Kombu's short name of the transport, also where it is given as a class or a path."""
    name: Any = connection.transport_cls
    if not isinstance(name, str) or ":" in name or "." in name:
        name = connection.transport.driver_type
    return str(ALIASES.get(name, name))


def tls_of(connection: Connection) -> Mapping[str, Any] | None:
    """Return the TLS arguments as Kombu uses them: `True` stands for none in particular."""
    if not connection.ssl:
        return None
    return dict(connection.ssl) if isinstance(connection.ssl, Mapping) else {}


def mask(url: str) -> str:
    """Return a broker's URL, or several joined by `;`, with the passwords as `**`."""
    return ";".join(
        SECRETS.sub(r"\1**", USERINFO.sub(r"\1:**@", one)) for one in NEXT_URL.split(url)
    )
