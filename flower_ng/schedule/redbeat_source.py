"""Reads and changes the entries that RedBeat keeps in Redis. In the pool.

Its keys, all behind `redbeat_key_prefix`: `:schedule` is a sorted set of entries by when they are
due, `:lock` says that a beat runs, and each entry is a hash of its definition and beat's notes.
"""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from importlib import import_module
from typing import Any, Final
from zoneinfo import ZoneInfo

from celery import Celery
from celery.schedules import BaseSchedule, crontab, schedule
from redis.exceptions import RedisError, WatchError

from flower_ng.brokers import BrokerEndpoint, endpoint_of
from flower_ng.brokers.redis import RedisBroker, SentinelBroker
from flower_ng.errors import Conflict, NotFound, Unavailable
from flower_ng.schedule.entry import BeatEntry, Kind
from flower_ng.schedule.settings_source import MOST
from flower_ng.schedule.words import words_of

PREFIX: Final = "redbeat:"
FIELDS: Final = ("definition", "meta")
#: For how long RedBeat's options may wait, as a broker's do.
WAITS: Final = ("socket_timeout", "socket_connect_timeout")
#: The fields of a crontab.
CRONTAB: Final = ("minute", "hour", "day_of_week", "day_of_month", "month_of_year")
#: Why nothing is expected of what somebody may have left behind.
UNNAMED: Final = "The settings do not name RedBeat, and no beat holds its lock."
#: The parts of a time.
PARTS: Final = ("year", "month", "day", "hour", "minute", "second", "microsecond")


@dataclass(frozen=True, slots=True)
class RedBeatLook:
    """What was found; `has_lock` says that a beat holds the lock, and so runs."""

    entries: tuple[BeatEntry, ...]
    has_lock: bool


class RedBeatSource:
    """The entries of one app's RedBeat; nothing is connected before it is asked."""

    def __init__(self, capp: Celery, pool: Executor) -> None:
        self._capp, self._pool = capp, pool
        self._prefix = str(capp.conf.get("redbeat_key_prefix") or PREFIX)

    @property
    def is_named(self) -> bool:
        """Whether the settings speak of RedBeat."""
        conf = self._capp.conf
        return bool(conf.get("redbeat_redis_url")) or "redbeat" in str(conf.beat_scheduler)

    def is_reachable(self) -> bool:
        """Whether its Redis is one that is read here."""
        return self._endpoint() is not None

    def look(self) -> RedBeatLook:
        """Return its entries, the first MOST by when they are due; Unavailable without Redis."""
        with self._client() as client:
            asked = client.pipeline(transaction=False)
            asked.zrange(self._schedule, 0, MOST - 1, withscores=True)
            asked.exists(f"{self._prefix}:lock")
            found, lock = asked.execute()
            hashes = client.pipeline(transaction=False)
            for key, _ in found:
                hashes.hmget(key, FIELDS)
            told = hashes.execute() if found else []
        entries = (
            self._entry(_text(key), score, *parts)
            for (key, score), parts in zip(found, told, strict=True)
            if parts[0] is not None
        )
        why = "" if lock or self.is_named else UNNAMED
        return RedBeatLook(
            tuple(replace(one, rests=one.rests or why) for one in entries), bool(lock)
        )

    def set_enabled(self, name: str, *, wanted: bool) -> None:
        """Change one word of a definition, unless somebody changes it at the same time."""
        key = f"{self._prefix}{name}"
        with self._client() as client, client.pipeline(transaction=True) as change:
            change.watch(key)
            known: Any = change.hget(key, FIELDS[0])
            if known is None:
                raise NotFound(f"RedBeat has no entry '{name}' any more")
            definition = {**json.loads(known), "enabled": wanted}
            change.multi()
            change.hset(key, FIELDS[0], json.dumps(definition))
            try:
                change.execute()
            except WatchError as error:
                raise Conflict(
                    f"'{name}' was changed by somebody else at the same time. Nothing was done"
                ) from error

    @property
    def _schedule(self) -> str:
        return f"{self._prefix}:schedule"

    def _endpoint(self) -> BrokerEndpoint | None:
        conf = self._capp.conf
        url = conf.get("redbeat_redis_url") or None
        if url is not None and str(url).startswith("redis-sentinel"):
            return self._behind_sentinels()
        if url is not None and not str(url).startswith(("redis://", "rediss://", "redis+socket")):
            return None
        connection = self._capp.connection_for_read(url)
        if ssl := conf.get("redbeat_redis_use_ssl"):
            connection.ssl = ssl
        endpoint = endpoint_of(connection)
        known = (*RedisBroker.schemes, *SentinelBroker.schemes)
        return endpoint if endpoint.transport in known else None

    def _behind_sentinels(self) -> BrokerEndpoint | None:
        """Return the master that RedBeat's own options name; the address itself says nothing."""
        conf = self._capp.conf
        options = conf.get("redbeat_redis_options") or conf.broker_transport_options or {}
        if not options.get("sentinels"):
            return None
        waits = {key: options[key] for key in WAITS if options.get(key)}
        ssl = conf.get("redbeat_redis_use_ssl")
        return replace(
            endpoint_of(self._capp.connection_for_read()),
            transport=SentinelBroker.schemes[0],
            user=options.get("username"),
            password=options.get("password"),
            path=str(options.get("db", 0)),
            options={
                "master_name": options.get("service_name", "master"),
                "sentinel_kwargs": options.get("sentinel_kwargs"),
                **waits,
            },
            tls=ssl if isinstance(ssl, dict) else None,
            alternates=tuple(f"sentinel://{host}:{port}" for host, port in options["sentinels"]),
            credentials=options.get("credential_provider"),
        )

    @contextmanager
    def _client(self) -> Iterator[Any]:
        endpoint = self._endpoint()
        if endpoint is None:
            raise Unavailable("RedBeat's Redis is not of a kind that is read here")
        is_sentinel = endpoint.transport in SentinelBroker.schemes
        kind = SentinelBroker if is_sentinel else RedisBroker
        try:
            with ExitStack() as stack:
                yield kind(endpoint, self._pool).client(stack)
        except (RedisError, OSError, ValueError) as error:
            raise Unavailable(f"Redis does not answer: {error}") from error

    def _entry(self, key: str, score: float, definition: Any, meta: Any) -> BeatEntry:
        name = key.removeprefix(self._prefix)
        try:
            told, notes = json.loads(definition), json.loads(meta or "{}")
            plain = _plain(name, told, notes, score)
        except (ValueError, TypeError, AttributeError) as error:
            return BeatEntry(name, Kind.REDBEAT, "", None, problem=f"It can't be read: {error}")
        try:
            found = schedule_of(told.get("schedule"), self._capp)
        except (ValueError, TypeError, KeyError, ImportError) as error:
            return BeatEntry(**plain, schedule=None, problem=f"Its schedule can't be read: {error}")
        words, zone = words_of(found, self._capp.timezone)
        return BeatEntry(**plain, schedule=found, words=words, zone=zone)


def schedule_of(told: Any, capp: Celery) -> BaseSchedule:
    """Return a schedule as RedBeat writes it; ValueError for one that is not known."""
    kind = told.get("__type__") if isinstance(told, Mapping) else None
    if kind == "interval":
        return schedule(
            timedelta(seconds=float(told["every"])), bool(told.get("relative")), app=capp
        )
    if kind == "crontab":
        return crontab(**{name: told.get(name, "*") for name in CRONTAB}, app=capp)
    if kind == "rrule":  # its own class, which only its package has
        decoder: Any = import_module("redbeat.decoder").RedBeatJSONDecoder
        found: BaseSchedule = json.loads(json.dumps(told), cls=decoder)
        found.app = capp
        return found
    raise ValueError(f"a schedule of type {kind!r}")


def _plain(
    name: str, told: Mapping[str, Any], notes: Mapping[str, Any], score: float
) -> dict[str, Any]:
    is_over, runs = score < 0, notes.get("total_run_count")
    return {
        "name": str(told.get("name") or name),
        "kind": Kind.REDBEAT,
        "task": str(told.get("task") or ""),
        "args": tuple(told.get("args") or ()),
        "kwargs": dict(told.get("kwargs") or {}),
        "options": dict(told.get("options") or {}),
        "is_enabled": told.get("enabled") is not False,
        # Before the first run it is when the entry was made.
        "last_run_at": _moment(notes.get("last_run_at")) if runs else None,
        "runs": runs,
        "due_at": None if is_over else score,
        "rests": "Its schedule has no time any more." if is_over else "",
    }


def _moment(told: Any) -> float | None:
    """Return a time as RedBeat writes it, in UTC seconds."""
    if not isinstance(told, Mapping) or told.get("__type__") != "datetime":
        return None
    zone = told.get("timezone", "UTC")
    is_offset = isinstance(zone, int | float)
    parts = {part: int(told.get(part, 0)) for part in PARTS}
    at = datetime(**parts, tzinfo=UTC)
    zoned = timezone(timedelta(seconds=zone)) if is_offset else ZoneInfo(str(zone))
    return at.replace(tzinfo=zoned).timestamp()


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
