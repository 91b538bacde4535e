"""Turns what Flower pickled into our records. Pure; in a subprocess.

A pickle names classes and has them called. Here each of the few names that Flower's files hold
stands for a record of what it would have been called with; any other name is refused. Of the values
none is trusted: each is of its type and within its bounds, or it is left out and counted.
"""

import pickle
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, Self

import msgspec

from flower_ng.event_record import (
    CLOCK_MAX,
    NAME_LENGTH,
    NUMBER_MAX,
    TEXT_LENGTH,
    TIME_MAX,
    TRACEBACK_LENGTH,
)
from flower_ng.records import Task, Worker
from flower_ng.store.flower_file.shelf import UnreadableError
from flower_ng.truncation import cut, cut_traceback

#: What Flower 2.0 to 2.2 with any Celery and Kombu of their time name in their files.
NAMES: Final = frozenset(
    {
        ("flower.events", "EventsState"),
        ("celery.events.state", "State"),
        ("celery.events.state", "Task"),
        ("celery.events.state", "Worker"),
        ("celery.events.state", "_depickle_task"),
        ("celery.events.state", "CallableDefaultdict"),
        ("celery.utils.functional", "LRUCache"),
        ("kombu.utils.functional", "LRUCache"),
        ("collections", "Counter"),
        ("collections", "OrderedDict"),
        ("collections", "defaultdict"),
        ("weakref", "WeakSet"),
        ("_weakrefset", "WeakSet"),
    }
)


class RecordedCall(dict[Any, Any]):
    """Stands for one object: the `name` of what was called, its `arguments`, `state` and items.

    It does nothing; as a dict it cannot be hashed either, so that it is a value and never a key.
    """

    __slots__ = ("arguments", "state")

    name = ""
    arguments: tuple[Any, ...]
    state: Any

    def __new__(cls, *arguments: Any) -> Self:
        """Record a call."""
        made = super().__new__(cls)
        made.arguments, made.state = arguments, None
        return made

    def __init__(self, *arguments: Any) -> None:
        """Do not take the arguments for those of a dict."""

    def __setstate__(self, state: Any) -> None:
        """Record what would have become its attributes."""
        self.state = state


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes) -> None:
        super().__init__(BytesIO(data))
        self._classes: dict[str, type[RecordedCall]] = {}

    def find_class(self, module: str, name: str, /) -> type[RecordedCall]:
        if (module, name) not in NAMES:
            raise UnreadableError(f"it names {module}.{name}, as no file of Flower's does")
        return self._classes.setdefault(name, type(name, (RecordedCall,), {"name": name}))


def unpickled(data: bytes) -> Any:
    """Return what a pickle holds: numbers, texts, lists, tuples, sets, dicts and recorded calls.

    Raises UnreadableError for a name that is not Flower's, and whatever a damaged pickle raises.
    """
    return _Unpickler(data).load()


#: Of one host; Flower counts every type that anyone sends.
MAX_EVENT_TYPES: Final = 100
_LOADS: Final = 3
_FREQ_MAX_S: Final = 3600.0
_NOT_FLOWERS: Final = "it holds no state of Flower's"


class Host(msgspec.Struct, gc=False):
    """A host by its name: its worker, None for one that only publishes, and its events by type."""

    hostname: str
    worker: Worker | None = None
    counts: dict[str, int] = {}


class Content:
    """What a file holds: `hosts` in the order of their first sighting, `tasks` the oldest first.

    `left_out` counts what could not be used, by what it is.
    """

    def __init__(self, events: Any, counter: Any) -> None:
        self.left_out: Counter[str] = Counter()
        state = arguments(events, "EventsState", "State")
        hosts = {host.hostname: host for host in self._workers(cached(state, 1))}
        for hostname, counts in self._counters(counter):
            hosts.setdefault(hostname, Host(hostname)).counts = counts
        self.hosts = list(hosts.values())
        self.tasks = sorted(self._tasks(cached(state, 2)), key=lambda task: task.timestamp)

    def _workers(self, workers: Mapping[Any, Any]) -> Iterator[Host]:
        for made in workers.values():
            worker = _worker(arguments(made, "Worker"))
            if worker is None:
                self.left_out["workers without a name"] += 1
            else:
                yield Host(worker.hostname, worker)

    def _counters(self, counter: Any) -> Iterator[tuple[str, dict[str, int]]]:
        for hostname, made in counter.items() if isinstance(counter, dict) else ():
            given = made.arguments[0] if isinstance(made, RecordedCall) and made.arguments else made
            counts = _counts(given)
            if _name(hostname) is None or not counts:
                self.left_out["counters of hosts"] += 1
            else:
                yield hostname, counts

    def _tasks(self, tasks: Mapping[Any, Any]) -> Iterator[Task]:
        for made in tasks.values():
            _, fields = (*arguments(made, "_depickle_task"), None, None)[:2]
            task = self._task(fields) if isinstance(fields, dict) else None
            if task is None:
                self.left_out["tasks without an id"] += 1
            else:
                yield task

    def _task(self, fields: Mapping[Any, Any]) -> Task | None:
        task = Task("")
        for name, read in _FIELDS.items():
            if (given := fields.get(name)) is None:
                continue
            if (value := read(given)) is None:
                self.left_out[f"{name} of tasks"] += 1
            else:
                setattr(task, name, value)
        task.root_id = task.root_id or _name(fields.get("root"))
        task.parent_id = task.parent_id or _name(fields.get("parent"))
        if (worker := fields.get("worker")) is not None:
            task.worker = _worker(arguments(worker, "Worker"))
        task.timestamp = task.timestamp or max(times(task).values(), default=0.0)
        return task if task.uuid else None


def times(task: Task) -> dict[str, float]:
    """Return when what happened to a task, by the events' names; what is not known is left out."""
    found = {name: getattr(task, name) for name in _TIMES}
    return {name: at for name, at in found.items() if at is not None}


def arguments(made: Any, *names: str) -> tuple[Any, ...]:
    """Return what an object of one of these classes was made with; UnreadableError for others."""
    if not isinstance(made, RecordedCall) or made.name not in names:
        raise UnreadableError(_NOT_FLOWERS)
    return made.arguments


def cached(state: tuple[Any, ...], place: int) -> Mapping[Any, Any]:
    """Return what an LRUCache among the arguments holds."""
    cache = state[place] if place < len(state) else None
    data = cache.state.get("data") if isinstance(cache, RecordedCall) and cache.state else None
    if not isinstance(data, dict):
        raise UnreadableError(_NOT_FLOWERS)
    return data


def _worker(given: tuple[Any, ...]) -> Worker | None:
    """Read the arguments of Celery's Worker, in its order."""
    names = ("hostname", "pid", "freq", "heartbeats", "clock", "active", "processed", "loadavg")
    fields = dict(zip((*names, "sw_ident", "sw_ver", "sw_sys"), given, strict=False))
    hostname, beats = _name(fields.get("hostname")), _heartbeats(fields.get("heartbeats"))
    if hostname is None:
        return None
    return Worker(
        hostname,
        pid=_count(fields.get("pid")),
        freq=min(_FREQ_MAX_S, max(1.0, _seconds(fields.get("freq")) or 60.0)),
        heartbeats=beats,
        clock=_clock(fields.get("clock")) or 0,
        active=_count(fields.get("active")),
        processed=_count(fields.get("processed")),
        loadavg=_loadavg(fields.get("loadavg")),
        sw_ident=_name(fields.get("sw_ident")),
        sw_ver=_name(fields.get("sw_ver")),
        sw_sys=_name(fields.get("sw_sys")),
        heard_at=max(beats, default=0.0),
        beat_at=max(beats, default=0.0),
    )


def _heartbeats(value: Any) -> tuple[float, ...]:
    beats = [_time(beat) for beat in value[-4:]] if isinstance(value, list | tuple) else []
    return tuple(beat for beat in beats if beat is not None)


def _loadavg(value: Any) -> tuple[float, float, float] | None:
    if not isinstance(value, list | tuple) or len(value) != _LOADS:
        return None
    one, five, fifteen = map(_seconds, value)
    return None if one is None or five is None or fifteen is None else (one, five, fifteen)


def _counts(value: Any) -> dict[str, int]:
    pairs = islice(value.items(), MAX_EVENT_TYPES) if isinstance(value, dict) else ()
    return {kind: count for kind, number in pairs if _name(kind) and (count := _count(number))}


def _name(value: Any) -> str | None:
    is_name = isinstance(value, str) and 0 < len(value) <= NAME_LENGTH
    return _characters(value) if is_name else None


def _text(value: Any) -> str | None:
    return _characters(cut(value, TEXT_LENGTH)) if isinstance(value, str) else None


def _traceback(value: Any) -> str | None:
    return _characters(cut_traceback(value, TRACEBACK_LENGTH)) if isinstance(value, str) else None


def _characters(value: str) -> str:
    """Replace lone surrogates, which no database can take."""
    if value.isascii():
        return value
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _time(value: Any) -> float | None:
    seconds = _seconds(value)
    return seconds or None


def _seconds(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value < TIME_MAX else None


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= NUMBER_MAX else None


def _clock(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value <= CLOCK_MAX else None


_TIMES: Final = (
    "sent", "received", "started", "retried", "rejected", "revoked", "succeeded", "failed",
)  # fmt: skip
_NAMES: Final = ("uuid", "name", "state", "eta", "expires", "client", "root_id", "parent_id")
_TEXTS: Final = ("args", "kwargs", "result", "exception", "exchange", "routing_key")
_FIELDS: Final[Mapping[str, Callable[[Any], Any]]] = MappingProxyType(
    {
        **dict.fromkeys(_NAMES, _name),
        **dict.fromkeys((*_TIMES, "timestamp"), _time),
        **dict.fromkeys(_TEXTS, _text),
        "traceback": _traceback,
        "runtime": _seconds,
        "retries": _count,
        "clock": _clock,
    }
)
