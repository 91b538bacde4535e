"""Queue lengths of Redis, directly or through Sentinel. Blocking, in the pool.

Kombu keeps a queue as one list for each priority step (`kombu.transport.redis`): the length of a
queue is the sum over its lists. Messages that workers hold unacknowledged are not in them.
"""

import ssl
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, closing, contextmanager
from typing import Any, ClassVar

import redis
from kombu.utils.imports import symbol_by_name
from kombu.utils.url import url_to_parts
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from redis.sentinel import Sentinel

from flower_ng.brokers.base import UNCERTAIN, BlockingAdapter, Look, numbers
from flower_ng.brokers.condition import RedisFacts
from flower_ng.brokers.endpoint import BrokerEndpoint
from flower_ng.brokers.messages import QueueGlimpse, QueueIds, QueuePlace, of_kombu
from flower_ng.brokers.moving import MovedMessages, moved_in_redis
from flower_ng.brokers.redis_info import redis_facts
from flower_ng.brokers.redis_keys import Leftovers
from flower_ng.brokers.redis_lists import ids_of_tasks, messages_of, place_of_task
from flower_ng.errors import NoAnswer, Refused, Unavailable

#: Kombu's own, where `broker_transport_options` says nothing.
PRIORITY_STEPS = (0, 3, 6, 9)
SEPARATOR = "\x06\x16"
UNACKED = "unacked"
PORT = 6379
SENTINEL_PORT = 26379
#: Seconds; short, because somebody waits for the page.
CONNECT_TIMEOUT_S = 1.0
TIMEOUT_S = 2.0
#: `ssl_cert_reqs` as configurations spell it.
CERT_REQS = {
    "none": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}


class RedisBroker(BlockingAdapter):
    """Redis over TCP, TLS or a unix socket; a new connection for each question."""

    schemes: ClassVar[tuple[str, ...]] = ("redis", "rediss")

    def __init__(self, facts: BrokerEndpoint, pool: Executor) -> None:
        super().__init__(facts, pool)
        options = facts.options
        self._prefix = options.get("global_keyprefix", "")
        self._separator = options.get("sep", SEPARATOR)
        self._leftovers = Leftovers(self._prefix, self._separator)

    def lengths(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Return `{"name", "messages"}` for each queue."""
        with self._asking() as client:
            return self._lengths(client, names)

    def seen(self, names: Sequence[str]) -> Look:
        """Look at the named queues, at those that are bound, and at Redis itself."""
        with self._asking() as client:
            self._leftovers.go_on(client)
            every = sorted({*names, *self._leftovers.queues(client)})
            rows = tuple(map(numbers, self._lengths(client, every)))
            return Look(rows, self._condition(client))

    def swept(self) -> list[str]:
        """Delete the answers that nobody waits for; a key that came alive again is left."""
        with self._asking() as client:
            names = [one.name for one in self._leftovers.stale(client)]
            if names:
                client.unlink(*(f"{self._prefix}{name}" for name in names))
            return names

    def glimpse(self, name: str, most: int) -> QueueGlimpse:
        """Read the ends of the lists, where messages are taken from; nothing is popped."""
        with self._asking() as client:
            pipeline = client.pipeline(transaction=False)
            for key in self._keys(name):
                pipeline.lrange(key, -most, -1)
            found = pipeline.execute()
        raw = [message for messages in found for message in reversed(messages)]
        return QueueGlimpse(tuple(map(of_kombu, raw[:most])))

    def placed(self, name: str, task_id: str) -> QueuePlace:
        """Look through the lists, in the order in which they are taken from."""
        with self._asking() as client:
            return place_of_task(client, tuple(self._keys(name)), task_id)

    def present_ids(self, name: str) -> QueueIds:
        """Read the lists, and what workers hold; nothing is popped."""
        with self._asking() as client:
            return ids_of_tasks(client, tuple(self._keys(name)), self._unacked_key)

    def purged(self, name: str) -> int:
        """Count and delete the lists of a queue in one transaction."""
        keys = list(self._keys(name))
        with self._asking() as client:
            sizes = self._sizes(client, [name])  # a key that is no list is not deleted
            if wrong := next((size for size in sizes if isinstance(size, Exception)), None):
                raise Refused(f"Redis refuses to count {name!r}, so it was not purged: {wrong}")
            transaction = client.pipeline(transaction=True)
            for key in keys:
                transaction.llen(key)
            transaction.unlink(*keys)
            return self._executed(transaction, name, len(keys))

    def _executed(self, transaction: Any, name: str, lists: int) -> int:
        try:
            return sum(transaction.execute()[:lists])
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise NoAnswer(f"Redis failed: {error}. {UNCERTAIN.format(name)}") from error
        except redis.ResponseError as error:
            raise Refused(f"Redis refuses to purge {name!r}: {error}") from error

    def removed(self, name: str, task_id: str) -> bool:
        """Find a message by its headers, and remove exactly that in one step."""
        with self._asking() as client:
            for key in self._keys(name):
                for raw in messages_of(client, key):
                    if of_kombu(raw).id == task_id:
                        return self._taken_out(client, key, raw, name)
        return False

    def _taken_out(self, client: "redis.Redis", key: str, raw: bytes, name: str) -> bool:
        try:
            return bool(client.lrem(key, -1, raw))  # type: ignore[arg-type] # bytes do as well
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise NoAnswer(f"Redis failed: {error}. {UNCERTAIN.format(name)}") from error

    def moved(self, source: str, target: str, most: int) -> MovedMessages:
        """Move messages, each in one step; the priorities stay."""
        lists = list(zip(self._keys(source), self._keys(target), strict=True))
        with self._asking() as client:
            return moved_in_redis(client, lists, target, most)

    @contextmanager
    def _asking(self) -> "Iterator[redis.Redis]":
        try:
            with ExitStack() as stack:
                yield self.client(stack)
        except (RedisError, OSError, ValueError, ImportError) as error:
            raise Unavailable(f"Redis does not answer: {error}") from error

    def _lengths(self, client: "redis.Redis", names: Sequence[str]) -> list[dict[str, Any]]:
        sizes = self._sizes(client, names)
        self.trouble = next((str(size) for size in sizes if isinstance(size, Exception)), None)
        steps = len(self._steps)
        lists = [sizes[at : at + steps] for at in range(0, len(sizes), steps)]
        return [
            {"name": name, "messages": total(found)}
            for name, found in zip(names, lists, strict=True)
        ]

    def _condition(self, client: "redis.Redis") -> RedisFacts | None:
        options = self._facts.options
        pipeline = client.pipeline(transaction=False)
        pipeline.info()
        pipeline.hlen(self._unacked_key)
        info, unacked = pipeline.execute(raise_on_error=False)
        if isinstance(info, Exception):
            self.trouble = self.trouble or f"INFO is refused: {info}"
            return None
        return redis_facts(info, unacked, options, tuple(self._leftovers.stale(client)))

    def client(self, stack: ExitStack) -> "redis.Redis":
        """Make a client that `stack` closes."""
        pool = redis.ConnectionPool(**place_of(self._facts))
        return stack.enter_context(closing(redis.Redis.from_pool(pool)))

    @property
    def _unacked_key(self) -> str:
        return f"{self._prefix}{self._facts.options.get('unacked_key') or UNACKED}"

    @property
    def _steps(self) -> Sequence[int]:
        return self._facts.options.get("priority_steps") or PRIORITY_STEPS

    def _sizes(self, client: "redis.Redis", names: Sequence[str]) -> list[Any]:
        pipeline = client.pipeline(transaction=False)
        for name in names:
            for key in self._keys(name):
                pipeline.llen(key)
        return list(pipeline.execute(raise_on_error=False))

    def _keys(self, name: str) -> Iterator[str]:
        for step in self._steps:
            yield f"{self._prefix}{name}{self._separator}{step}" if step else self._prefix + name


class SentinelBroker(RedisBroker):
    """Redis behind Sentinel: the master of `master_name`, as any of the sentinels knows it."""

    schemes: ClassVar[tuple[str, ...]] = ("sentinel",)

    def client(self, stack: ExitStack) -> "redis.Redis":
        """Make a client of the master that `stack` closes, with those of the sentinels."""
        options = self._facts.options
        if not options.get("master_name"):
            raise ValueError("set master_name in broker_transport_options")
        sentinel = Sentinel(  # type: ignore[no-untyped-call]
            sentinels_of(self._facts),
            min_other_sentinels=options.get("min_other_sentinels", 0),
            sentinel_kwargs={**patience(options), **(options.get("sentinel_kwargs") or {})},
            **login_of(self._facts),
            **patience(options),
            **({"ssl": True, **tls_arguments(self._facts.tls)} if self._facts.tls else {}),
            db=database(self._facts.path),
        )
        for one in sentinel.sentinels:
            stack.callback(one.close)
        master: redis.Redis = sentinel.master_for(options["master_name"])  # type: ignore[no-untyped-call]
        return stack.enter_context(closing(master))


def place_of(facts: BrokerEndpoint) -> dict[str, Any]:
    """Return the arguments of a connection pool for a server itself."""
    scheme, _, path = facts.host.partition("://")
    if path and scheme == "socket":
        return unix_socket(facts)
    place = {
        "host": facts.host,
        "port": facts.port or PORT,
        "db": database(facts.path),
        **login_of(facts),
        **patience(facts.options),
    }
    if facts.tls or facts.transport == "rediss":
        place |= {"connection_class": redis.SSLConnection, **tls_arguments(facts.tls or {})}
    return place


def unix_socket(facts: BrokerEndpoint) -> dict[str, Any]:
    """Return the arguments for `redis+socket://[user:password@]/path[?virtual_host=database]`."""
    parts = url_to_parts(facts.host)
    waits = patience(facts.options)
    del waits["socket_connect_timeout"]
    return {
        "connection_class": redis.UnixDomainSocketConnection,
        "path": f"/{parts.path}",
        "db": database(parts.query.get("virtual_host", "/")),
        "username": parts.username,
        "password": parts.password,
        **waits,
    }


def sentinels_of(facts: BrokerEndpoint) -> list[tuple[str, int]]:
    """Return host and port of every sentinel."""
    urls = [url_to_parts(url) for url in facts.alternates if url.startswith("sentinel://")]
    found = [(url.hostname or "localhost", url.port or SENTINEL_PORT) for url in urls]
    return found or [(facts.host, facts.port or SENTINEL_PORT)]


def login_of(facts: BrokerEndpoint) -> dict[str, Any]:
    """Return who we are: a credential provider where Kombu has one, else user and password."""
    provider = facts.credentials
    if not provider:
        return {"username": facts.user, "password": facts.password}
    if isinstance(provider, str):
        provider = symbol_by_name(provider)()
    return {"credential_provider": provider}


def patience(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return how long to wait: once, and not long."""
    return {
        "socket_connect_timeout": options.get("socket_connect_timeout") or CONNECT_TIMEOUT_S,
        "socket_timeout": options.get("socket_timeout") or TIMEOUT_S,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }


def tls_arguments(tls: Mapping[str, Any]) -> dict[str, Any]:
    """Return TLS arguments as redis-py wants them."""
    arguments = dict(tls)
    wanted = arguments.get("ssl_cert_reqs")
    if isinstance(wanted, str):
        arguments["ssl_cert_reqs"] = CERT_REQS[wanted.lower().removeprefix("cert_")]
    return arguments


def database(path: str) -> int:
    """Return the database of a URL's path; ValueError when it is not a number."""
    name = path.lstrip("/")
    if name and not name.isdecimal():
        raise ValueError(f"the database must be a number, got {name!r}")
    return int(name or 0)


def total(sizes: Sequence[Any]) -> int | None:
    """Sum up the lists of a queue; None when one of them could not be measured."""
    return None if any(isinstance(size, Exception) for size in sizes) else sum(sizes)
