"""Format turns values into the words and numbers of pages: templates' `fmt`; pure functions."""

import json
import math
import re
from datetime import UTC, datetime, tzinfo
from functools import lru_cache, partial
from html import escape
from types import SimpleNamespace
from typing import Any

import humanize as words
import pytz

from flower_ng.records import INFERRED
from flower_ng.web.ui.zone import Zone, offset, when_is

DASH = "–"  # noqa: RUF001 - the sign for what is not known

_MINUTE_S = 60
_UNITS = ((86400, "d"), (3600, "h"), (_MINUTE_S, "min"), (1, "s"))
_SHORT_FROM = 10_000
_POWERS = "kMGT"
_UPPER = re.compile(r"\b(ssl|uri|url|uuid|eta)\b", re.IGNORECASE)
_AS_IS = frozenset({"args", "kwargs"})
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_ELLIPSIS = " ..."
#: What can't be known of attempts that ran at once.
OTHER_ATTEMPT = "attempts ran at once, and events do not say which of them this is of"


def text(value: object) -> str:
    """The value as plain text; a dash stands for what is not known."""
    return DASH if value is None or value == "" else str(value)


def number(value: float | None) -> str:
    """A count with thousands set apart: `12,345`."""
    return DASH if value is None else f"{value:,}"


def short(value: float | None) -> str:
    """A count where room is short: `9,999`, then `12.3k`, `4.5M`, `6.7G`."""
    if value is None or abs(value) < _SHORT_FROM:
        return number(value)
    power = min(int(math.log10(abs(value)) // 3), len(_POWERS))
    if abs(round(value / 1000**power, 1)) >= 1000 and power < len(_POWERS):  # noqa: PLR2004 - 1000k is 1M
        power += 1
    shown = f"{value / 1000**power:.1f}".removesuffix(".0")
    return f"{shown}{_POWERS[power - 1]}"


def rate(per_s: float | None) -> str:
    """How often something happens: `0/s`, `0.04/s`, `2.5/s`, `140/s`, `12.3k/s`."""
    if per_s is None:
        return DASH
    digits = 2 if 0 < per_s < 1 else 1 if 0 < per_s < 10 else 0  # noqa: PLR2004 - digits of a rate
    shown = f"{per_s:.{digits}f}" if per_s < _SHORT_FROM else short(per_s)
    return "< 0.01/s" if per_s and shown == "0.00" else f"{shown}/s"


def share(value: float | None) -> str:
    """A part of a whole, given as 0 to 1: `0 %`, `0.4 %`, `12 %`, `99.6 %`.

    Never 0 for what is more, and never 100 for what is less.
    """
    if value is None:
        return DASH
    percent = 100 * value
    if not percent or 1 <= percent <= 99 or percent >= 100:  # noqa: PLR2004 - no digit is needed
        return f"{percent:.0f} %"
    if percent < 0.1:  # noqa: PLR2004 - one digit is shown
        return "< 0.1 %"
    return "> 99.9 %" if percent > 99.9 else f"{percent:.1f} %"  # noqa: PLR2004 - as above


def size(value_bytes: float | None) -> str:
    """Bytes in the nearest unit: `1.2 MB`."""
    return DASH if value_bytes is None else words.naturalsize(value_bytes)


def duration(seconds: float | None) -> str:
    """A span of time in three digits, `1.23 ms`, `123 ms`, `12.3 s`, then `2m 05s`, `1h 02m 03s`.

    A dash where it is unknown or negative.
    """
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return DASH
    value, unit = (seconds * 1000, "ms") if round(seconds, 3) < 1 else (seconds, "s")
    digits = 2 if round(value, 2) < 10 else 1 if round(value, 1) < 100 else 0  # noqa: PLR2004 - powers
    is_long = round(seconds, digits) >= _MINUTE_S
    return _clock_face(round(seconds)) if is_long else f"{value:.{digits}f} {unit}"


def _clock_face(seconds: int) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h {minutes:02}m {seconds:02}s" if hours else f"{minutes}m {seconds:02}s"


def moment(timestamp: float | None, timezone: tzinfo) -> str:
    """A point in time as `YYYY-MM-DD HH:mm:ss.SSS` in the given timezone.

    Of one that clocks there show twice, when they are put back, it names the offset from UTC.
    """
    return " ".join(filter(None, _moment(timestamp, timezone))) or DASH


def _moment(timestamp: float | None, timezone: tzinfo) -> tuple[str, str]:
    """Day and time, and the offset where that is needed; empty for what is no time."""
    when = None if timestamp is None else when_is(timestamp, timezone)
    if timestamp is None or when is None:
        return "", ""
    shown = f"{when:%Y-%m-%d %H:%M:%S}.{when.microsecond // 1000:03}"
    return shown, offset(timestamp, timezone)


def iso(timestamp: float | None) -> str:
    """A point in time for machines: ISO 8601, UTC, milliseconds; empty when not known."""
    when = None if timestamp is None else when_is(timestamp, UTC)
    return "" if when is None else f"{when.isoformat(timespec='milliseconds')[:-6]}Z"


def iso_seconds(text: str | None) -> float | None:
    """What Celery writes as a time, in UTC seconds; None where it does not say of which zone."""
    try:
        when = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return when.timestamp() if when.tzinfo else None


def time(timestamp: float | None, timezone: tzinfo) -> str:
    """A `<time>` element (write it with `raw`): UTC for machines, the given timezone for people.

    The day and the milliseconds are marked: eyes look for the hour, the minute and the second.
    """
    shown, ahead = _moment(timestamp, timezone)
    if not shown:
        return DASH
    day, _, hour = shown.rpartition(" ")
    second, _, thousandths = hour.rpartition(".")
    parts = f"<small>{day} </small>{second}<small>.{thousandths}</small>"
    twice = f"<span> {ahead}</span>" if ahead else ""
    return f'<time datetime="{iso(timestamp)}">{parts}{twice}</time>'


def time_ago(timestamp: float | None, now: float, timezone: tzinfo) -> str:
    """A `<time>` element (write it with `raw`) that reads `3 min ago`, and says of when that is."""
    if timestamp is None or when_is(timestamp, UTC) is None:
        return DASH
    title = f"{moment(timestamp, timezone)} {Zone(timezone).name}"
    attributes = f'datetime="{iso(timestamp)}" title="{escape(title)}" data-relative'
    return f"<time {attributes}>{age(now - timestamp)}</time>"


def age(seconds: float) -> str:
    """How long ago, in the largest unit: `now`, `12 s ago`, `3 min ago`, `2 h ago`, `9 d ago`.

    What lies ahead reads `in 3 min`. The script that keeps ages new writes them the same way.
    """
    if abs(seconds) < 1:
        return "now"
    return f"in {span(-seconds)}" if seconds < 0 else f"{span(seconds)} ago"


def span(seconds: float | None) -> str:
    """A long time in its largest unit: `12 s`, `3 min`, `2 h`, `9 d`; a dash for a negative one."""
    if seconds is None or not math.isfinite(seconds) or seconds < 0:
        return DASH
    unit_s, unit = next((pair for pair in _UNITS if seconds >= pair[0]), _UNITS[-1])
    return f"{int(seconds // unit_s):,} {unit}"


def ago(timestamp: float | None, now: float) -> str:
    """How long ago in words: `3 minutes ago`; what lies ahead reads `3 minutes from now`."""
    return DASH if timestamp is None else words.naturaltime(now - timestamp)


def source(name: str | None) -> str:
    """Say in a word or two who told a state, by its `state_source`; empty where its events did."""
    if name is None:
        return ""
    return "inferred" if name == INFERRED else f"from the {name}"


def source_words(name: str | None) -> str:
    """Say who told a state, and why no event did; empty where its events did."""
    if name is None:
        return ""
    why = OTHER_ATTEMPT if name == INFERRED else "no event told it"
    return f"{source(name)}: {why}"


def label(key: str) -> str:
    """A readable label: blanks for `-` and `_`, a capital first, acronyms upper-case."""
    if key in _AS_IS:
        return key
    plain = _UPPER.sub(lambda found: found[0].upper(), re.sub("[-_]", " ", key))
    return plain[:1].upper() + plain[1:]


def sentence(words: str) -> str:
    """Words with a capital letter and a full stop."""
    return f"{words[:1].upper()}{words[1:].rstrip('.')}."


def counted(count: int, noun: str, plural: str = "") -> str:
    """How many of something: `1 task`, `2,000 tasks`."""
    return f"{number(count)} {noun if count == 1 else plural or f'{noun}s'}"


def cut(value: str, length: int) -> str:
    """The text, shortened to `length` characters with ` ...` at its end when it is longer."""
    if len(value) <= length:
        return value
    return value[: max(length - len(_ELLIPSIS), 0)] + _ELLIPSIS


def humanize(obj: Any, type: str | None = None, length: int | None = None) -> Any:  # noqa: A002
    """What Flower's manual offers to `format_task` as `flower.utils.template.humanize`.

    `type` is `time` or `natural-time`, each with an optional `-<timezone>`; without it texts become
    labels and lists are joined with commas. `length` cuts the text that comes out.
    """
    shown = _humanized(obj, type)
    return cut(shown, length) if length is not None and isinstance(shown, str) else shown


def _humanized(obj: Any, kind: str | None) -> Any:
    if obj is None:
        return ""
    if kind and kind.startswith("natural-time"):
        return ago(float(obj), datetime.now(UTC).timestamp())
    if kind and kind.startswith("time"):
        return moment(float(obj), _zone(kind.removeprefix("time").lstrip("-")))
    if isinstance(obj, str):
        return obj if _UUID.fullmatch(obj) else label(obj)
    if isinstance(obj, list) and all(isinstance(item, int | float | str) for item in obj):
        return ", ".join(map(str, obj))
    return obj


def _zone(name: str) -> tzinfo:
    return pytz.timezone(name) if name else UTC


@lru_cache(maxsize=8)
def in_zone(timezone: tzinfo) -> SimpleNamespace:
    """This module for templates, where all times are in one zone: no page can take another."""
    return SimpleNamespace(
        **{
            **globals(),
            "moment": partial(moment, timezone=timezone),
            "time": partial(time, timezone=timezone),
            "time_ago": partial(time_ago, timezone=timezone),
        }
    )


def json_text(answer: Any) -> str:
    """Strict JSON in ASCII: numbers that JSON lacks become null, other objects their repr."""
    try:
        text = json.dumps(answer, allow_nan=False, default=repr)
    except ValueError:
        text = json.dumps(_finite(answer), allow_nan=False, default=repr)
    return text.replace("</", "<\\/")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
