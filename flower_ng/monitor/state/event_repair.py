"""Makes an Event of a malformed one, field by field, or says why it cannot. Pure; on any thread.

Only for what the typed decoder refused (wire.py): broken, hostile, or not JSON.
"""

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from celery.utils.saferepr import saferepr

from flower_ng.event_record import (
    CLOCK_MAX,
    NAME_LENGTH,
    NUMBER_MAX,
    OWN_FIELDS,
    OWN_LENGTH,
    OWN_VALUE_LENGTH,
    TEXT_LENGTH,
    TIME_MAX,
    TRACEBACK_LENGTH,
    Event,
)
from flower_ng.truncation import cut, cut_traceback

FREQ_MIN_S, FREQ_MAX_S = 1.0, 3600.0
LOADS = 3  # averages of 1, 5 and 15 minutes
#: Celery's own events about tasks, which have no fields but those of Event.
TASK_TYPES: Final = frozenset(
    f"task-{kind}"
    for kind in ("sent", "received", "started", "succeeded", "failed", "retried", "revoked")
) | {"task-rejected"}
#: What every event has, whoever sends it.
_ENVELOPE: Final = frozenset(
    {"type", "hostname", "timestamp", "utcoffset", "clock", "pid", "uuid", "local_received"}
)
#: Types that name a group and nothing in it.
BARE: Final = frozenset({"task", "task-", "worker", "worker-"})

_NAMES: Final = ("eta", "expires", "parent_id", "root_id", "sw_ident", "sw_ver", "sw_sys")
_TEXTS: Final = ("args", "kwargs", "result", "exception", "exchange", "routing_key", "queue")
_FLAGS: Final = ("requeue", "terminated", "expired")
_COUNTS: Final = ("pid", "retries", "active", "processed")
_SURROGATES: Final = re.compile("[\ud800-\udfff]")


class Malformed(ValueError):  # noqa: N818 - the adjective is the reason's name
    """An event that cannot be used; `reason` is one of a few fixed phrases."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def clean(fields: Any, now: float) -> Event:
    """Make an Event of whatever came; Malformed without a usable type, host name or id.

    A time that is none becomes `now`. Fields that Celery does not send are left out.
    """
    if not isinstance(fields, Mapping):
        raise Malformed("not an object")
    kind = _type(fields.get("type"))
    event = Event(kind, _hostname(fields.get("hostname")), _timestamp(fields.get("timestamp"), now))
    if kind.startswith("task-"):
        event.uuid = _uuid(fields.get("uuid"))
    event.name = _name(fields.get("name"))
    event.clock = _whole(fields.get("clock"), CLOCK_MAX)
    event.traceback = _traceback(fields.get("traceback"))
    event.runtime = _seconds(fields.get("runtime"))
    event.freq = _freq(fields.get("freq"))
    event.loadavg = _loadavg(fields.get("loadavg"))
    for name in _NAMES:
        setattr(event, name, _string(fields.get(name)))
    for name in _TEXTS:
        setattr(event, name, _text(fields.get(name)))
    for name in _FLAGS:
        value = fields.get(name)
        setattr(event, name, value if isinstance(value, bool) else None)
    for name in _COUNTS:
        setattr(event, name, _whole(fields.get(name), NUMBER_MAX))
    if kind.startswith("task-") and kind not in TASK_TYPES:
        event.own = own_fields(fields)
    return event


def own_fields(fields: Mapping[Any, Any]) -> str:
    """Return what an event of the app's own says, as a JSON object; empty where it says nothing.

    Numbers and short texts are kept as they are, others as their representation. Of too many, or
    too long ones, the first are kept, and `…` tells how many there were more.
    """
    told: dict[str, Any] = {}
    named = [(str(name), value) for name, value in fields.items() if name not in _ENVELOPE]
    for name, value in named[:OWN_FIELDS]:
        told[_whole_characters(cut(name, OWN_VALUE_LENGTH))] = _own_value(value)
        if len(json.dumps(told, ensure_ascii=False)) > OWN_LENGTH:
            told.popitem()
            break
    if len(told) < len(named):
        told["…"] = len(named) - len(told)
    return json.dumps(told, ensure_ascii=False) if told else ""


def _own_value(value: Any) -> Any:
    if value is None or isinstance(value, bool) or _is_number(value):
        return value
    text = value if isinstance(value, str) else saferepr(value, maxlen=OWN_VALUE_LENGTH)
    return _whole_characters(cut(text, OWN_VALUE_LENGTH))


def _type(value: Any) -> str:
    if not isinstance(value, str):
        raise Malformed("no type")
    if value in BARE:
        raise Malformed("bad type")
    return _required(value, "bad type")


def _hostname(value: Any) -> str:
    return _required(value, "bad hostname")


def _uuid(value: Any) -> str:
    is_number = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= CLOCK_MAX
    return _required(str(value) if is_number or isinstance(value, UUID) else value, "bad uuid")


def _required(value: Any, reason: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= NAME_LENGTH:
        raise Malformed(reason)
    return _whole_characters(value)


def _name(value: Any) -> str | None:
    """Return text, or a plain number as text; a list or an object is no name."""
    return _string(str(value) if _is_number(value) else value)


def _string(value: Any) -> str | None:
    return _whole_characters(cut(value, NAME_LENGTH)) if isinstance(value, str) else None


def _text(value: Any) -> str | None:
    text = _in_words(value, TEXT_LENGTH)
    return None if text is None else _whole_characters(cut(text, TEXT_LENGTH))


def _traceback(value: Any) -> str | None:
    text = _in_words(value, TRACEBACK_LENGTH)
    return None if text is None else _whole_characters(cut_traceback(text, TRACEBACK_LENGTH))


def _in_words(value: Any, length: int) -> str | None:
    """Return the text, or the representation of whatever stands in its place."""
    return value if value is None or isinstance(value, str) else saferepr(value, maxlen=length)


def _whole_characters(value: str) -> str:
    """Replace lone surrogates, which neither JSON nor a page can carry."""
    return _SURROGATES.sub("\ufffd", value)


def _is_number(value: Any) -> bool:
    """Whether it is a number: not true, not NaN, not infinite, not too long to be written."""
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < NUMBER_MAX**2
    return isinstance(value, float) and math.isfinite(value)


def _whole(value: Any, most: int) -> int | None:
    if not _is_number(value) or value != int(value):
        return None
    return int(value) if 0 <= value <= most else None


def _seconds(value: Any) -> float | None:
    return float(value) if _is_number(value) and 0 <= value < TIME_MAX else None


def _timestamp(value: Any, now: float) -> float:
    return float(value) if _is_number(value) and 0 < value < TIME_MAX else now


def _freq(value: Any) -> float | None:
    return float(min(FREQ_MAX_S, max(FREQ_MIN_S, value))) if _is_number(value) else None


def _loadavg(value: Any) -> tuple[float, float, float] | None:
    if not isinstance(value, list | tuple) or len(value) != LOADS:
        return None
    one, five, fifteen = map(_seconds, value)
    return None if one is None or five is None or fifteen is None else (one, five, fifteen)
