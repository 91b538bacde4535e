"""The border: turns message bodies from the wire into Events, and counts what it refuses.

Runs on whichever thread decodes, the loop as a rule. Well-formed JSON takes the fast path, one
typed decode. Whatever that refuses is looked at field by field: a field that cannot be read is left
out or cut, an event without type, host name or id is refused, and nothing is ever merged blindly.
"""

import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final

import msgspec
from celery import Celery
from kombu.exceptions import ContentDisallowed, KombuError
from kombu.serialization import loads, prepare_accept_content

from flower_ng.monitor.inbox import Message
from flower_ng.monitor.records import (
    CLOCK_MAX,
    NAME_LENGTH,
    NUMBER_MAX,
    TEXT_LENGTH,
    TIME_MAX,
    TRACEBACK_LENGTH,
    Event,
)

log = logging.getLogger(__name__)

LOG_INTERVAL_S = 5.0
FREQ_MIN_S, FREQ_MAX_S = 1.0, 3600.0
CUT_MARK = "…"

_NAMES: Final = ("eta", "expires", "parent_id", "root_id", "sw_ident", "sw_ver", "sw_sys")
_TEXTS: Final = ("args", "kwargs", "result", "exception", "exchange", "routing_key", "queue")
_COUNTS: Final = ("pid", "retries", "active", "processed")


class Malformed(ValueError):  # noqa: N818 - the adjective is the reason's name
    """An event that cannot be used; `reason` is a short fixed word."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Wire:
    """Decodes messages; `malformed` counts what it refused, by reason.

    `accept` are the content types or serializer names that the app's workers may use for events;
    pickle is used only if it is among them.
    """

    def __init__(
        self,
        accept: AbstractSet[str] = frozenset({"json"}),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.malformed: Counter[str] = Counter()
        self._accept = prepare_accept_content(accept)
        self._clock = clock
        self._decode = msgspec.json.Decoder(Event | list[Event]).decode
        self._logged_at = -math.inf
        self._unlogged = 0

    def events(self, message: Message) -> list[Event]:
        """Return the events of a message that can be used; never raises."""
        if message.content_type == "application/json":
            try:
                decoded = self._decode(message.body)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                return list(self._salvage(message))
            events = decoded if type(decoded) is list else [decoded]
            if all(map(_is_whole, events)):
                return events
        return list(self._salvage(message))

    def event(self, fields: Any) -> Event:
        """Clean one event given as a mapping; Malformed when it cannot be used."""
        return clean(fields, self._clock())

    def refuse(self, reason: str) -> None:
        """Count one event or message that cannot be used; log it at most every 5 s."""
        self.malformed[reason] += 1
        self._unlogged += 1
        now = self._clock()
        if now - self._logged_at >= LOG_INTERVAL_S:
            log.warning("Ignored %d malformed events, the newest: %s", self._unlogged, reason)
            self._logged_at, self._unlogged = now, 0

    def _salvage(self, message: Message) -> Iterator[Event]:
        """Yield what can be saved of a message that the typed decoder refused."""
        for fields in self._load(message):
            try:
                yield self.event(fields)
            except Malformed as refused:
                self.refuse(refused.reason)

    def _load(self, message: Message) -> list[Any]:
        try:
            body = loads(
                message.body,
                message.content_type,
                message.content_encoding,
                accept=self._accept,
            )
        except ContentDisallowed:
            self.refuse("content type")
            return []
        except (KombuError, ValueError, LookupError, TypeError, RecursionError):
            self.refuse("not decodable")
            return []
        return body if isinstance(body, list) else [body]


class _Typed(msgspec.Struct, gc=False):
    type: str = "unknown"


_TYPES: Final = msgspec.json.Decoder(_Typed | list[_Typed])


def types_of(message: Message) -> list[str]:
    """Return the types of a message's events, for counting what is dropped; cheap.

    A message that cannot be read at all counts as one event of type `unknown`.
    """
    try:
        decoded = _TYPES.decode(message.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ["unknown"]
    return [event.type[:NAME_LENGTH] for event in (decoded if type(decoded) is list else [decoded])]


def accepted(capp: Celery) -> frozenset[str]:
    """Return the serializers that Celery's own receiver accepts for events, JSON always."""
    return frozenset({capp.conf.event_serializer, "json"})


def _is_whole(event: Event) -> bool:
    """Whether a typed event also keeps the rules that types cannot say."""
    group, _, subject = event.type.partition("-")
    return bool(subject) and (group != "task" or event.uuid is not None)


def clean(fields: Any, now: float) -> Event:
    """Make an Event of whatever came; Malformed without a usable type, host name or id."""
    if not isinstance(fields, Mapping):
        raise Malformed("not an object")
    kind = _type(fields.get("type"))
    event = Event(kind, _required(fields, "hostname"), _timestamp(fields.get("timestamp"), now))
    if kind.startswith("task-"):
        event.uuid = _uuid(fields.get("uuid"))
    event.name = _scalar_text(fields.get("name"), NAME_LENGTH)
    event.clock = _whole(fields.get("clock"), CLOCK_MAX)
    event.traceback = _text(fields.get("traceback"), TRACEBACK_LENGTH)
    event.runtime = _seconds(fields.get("runtime"))
    event.freq = _freq(fields.get("freq"))
    event.loadavg = _loadavg(fields.get("loadavg"))
    for name in _NAMES:
        setattr(event, name, _string(fields.get(name), NAME_LENGTH))
    for name in _TEXTS:
        setattr(event, name, _text(fields.get(name), TEXT_LENGTH))
    for name in _COUNTS:
        setattr(event, name, _whole(fields.get(name), NUMBER_MAX))
    return event


def _type(value: Any) -> str:
    if not isinstance(value, str):
        raise Malformed("no type")
    group, _, subject = value.partition("-")
    if not group or not subject or len(value) > NAME_LENGTH:
        raise Malformed("bad type")
    return _printable(value)


def _required(fields: Mapping[Any, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value or len(value) > NAME_LENGTH:
        raise Malformed(f"bad {name}")
    return _printable(value)


def _uuid(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) <= CLOCK_MAX else ""
    if not isinstance(value, str) or not value or len(value) > NAME_LENGTH:
        raise Malformed("bad uuid")
    return _printable(value)


def _scalar_text(value: Any, length: int) -> str | None:
    """Return text, or a plain number as text; a list or an object is no name."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)[:length]
    return _string(value, length)


def _string(value: Any, length: int) -> str | None:
    return _cut(value, length) if isinstance(value, str) else None


def _text(value: Any, length: int) -> str | None:
    """Return the text, or the representation of whatever stands in its place."""
    if value is None:
        return None
    return _cut(value if isinstance(value, str) else repr(value), length)


def _cut(value: str, length: int) -> str:
    shortened = value if len(value) <= length else value[: length - 1] + CUT_MARK
    return _printable(shortened)


def _printable(value: str) -> str:
    """Replace lone surrogates, which neither JSON nor a page can carry."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # noqa: PLR0124 - not NaN


def _whole(value: Any, most: int) -> int | None:
    if not _is_number(value) or not 0 <= value <= most:
        return None
    return int(value)


def _seconds(value: Any) -> float | None:
    return float(value) if _is_number(value) and 0 <= value < TIME_MAX else None


def _timestamp(value: Any, now: float) -> float:
    return float(value) if _is_number(value) and 0 < value < TIME_MAX else now


def _freq(value: Any) -> float | None:
    return float(min(FREQ_MAX_S, max(FREQ_MIN_S, value))) if _is_number(value) else None


def _loadavg(value: Any) -> tuple[float, float, float] | None:
    if not isinstance(value, list | tuple) or len(value) != 3:  # noqa: PLR2004 - 1, 5 and 15 min
        return None
    loads_ = [_seconds(load) for load in value]
    one, five, fifteen = loads_
    return None if one is None or five is None or fifteen is None else (one, five, fifteen)
