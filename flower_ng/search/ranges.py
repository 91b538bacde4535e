"""Parses ranges such as `>5`, `1m..5m`, `2026-11-20..` and `-1h..`. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias, cast

from flower_ng.search.conditions import AllOf, Base, Compare, Relation, Search

#: A wrong value is repeated no further than this.
MAX_SHOWN = 40

UNITS_S = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}


class BoundsError(Exception):
    """Why a text is no bound: for the one who typed it."""


#: Nine digits are thirty years in seconds; longer ones are no numbers here.
_COUNT = re.compile(r"[0-9]{1,9}")
_SECONDS = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?")
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(ms|min|[smhdw])")
_DURATION = re.compile(rf"{_PART.pattern}(?: ?{_PART.pattern})*")
_TIME = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:[t ](?P<hour>[0-9]{2})(?::(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,6}))?)?)?"
    r"(?: ?(?P<offset>z|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9]))?)?)?)?"
)
_PRECISIONS = ("year", "month", "day", "hour", "minute", "second")
_DAYS = {"today": 0, "yesterday": -1, "tomorrow": 1}
_DAY_S = 86_400.0
_RELATION = re.compile(r"(<=|>=|<|>)(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Amount:
    """One number, or the period from `start` up to `end` that a count or a date stands for."""

    start: float
    end: float
    base: Base = "zero"

    @property
    def is_point(self) -> bool:
        """Whether it is a single number, which hardly any measured value equals."""
        return self.start == self.end


#: Reads an amount; BoundsError where there is none.
Read: TypeAlias = Callable[[str], Amount]


def count(text: str) -> Amount:
    """Read a whole number."""
    if not _COUNT.fullmatch(text):
        raise _unexpected("a whole number", text)
    return Amount(int(text), int(text) + 1)


def duration(text: str) -> Amount:
    """Read seconds, or numbers with units: `90`, `1.5h`, `1m30s`, and as pages say: `1m 30s`."""
    if _SECONDS.fullmatch(text):
        return Amount(float(text), float(text))
    if not _DURATION.fullmatch(text):
        raise _unexpected("a duration", text)
    seconds = sum(float(number) * UNITS_S[unit] for number, unit in _PART.findall(text))
    return Amount(seconds, seconds)


def moment(text: str) -> Amount:
    """Read a date or a time with its precision, or a time before now: `-1h`. UTC without offset."""
    text = text.strip().casefold()
    if text == "now":
        return Amount(0, 0, "now")
    if text in _DAYS:
        start = _DAYS[text] * _DAY_S
        return Amount(start, start + _DAY_S, "today")
    if text.startswith("-"):
        seconds = duration(text[1:]).start
        return Amount(-seconds, -seconds, "now")
    return _period(text)


def compared(quantity: str, text: str, read: Read) -> Search:
    """Return what a comparison or a range asks of a quantity.

    Raises BoundsError where it is none.
    """
    if relation := _RELATION.fullmatch(text):
        return _beside(quantity, cast("Relation", relation[1]), read(relation[2]))
    low, dots, high = text.partition("..")
    if not dots:
        return _within(quantity, read(text))
    return _between(quantity, read(low) if low else None, read(high) if high else None)


def _between(quantity: str, low: Amount | None, high: Amount | None) -> Search:
    if low and high and low.base == high.base and low.start > high.start:
        raise BoundsError("The range ends before it begins")
    ends: list[tuple[Relation, Amount | None]] = [(">=", low), ("<=", high)]
    parts = [_beside(quantity, relation, end) for relation, end in ends if end]
    if not parts:
        raise BoundsError("The range has no end")
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _within(quantity: str, amount: Amount) -> Search:
    if amount.is_point:
        raise BoundsError("Expected '<', '>' or a range")
    return _between(quantity, amount, amount)


def _beside(quantity: str, relation: Relation, amount: Amount) -> Compare:
    """Compare with an amount: after a period is after its end, up to it is up to its end."""
    if relation in {">=", "<"}:
        return Compare(quantity, relation, amount.start, amount.base)
    if not amount.is_point:
        relation = ">=" if relation == ">" else "<"
    return Compare(quantity, relation, amount.end, amount.base)


def _period(text: str) -> Amount:
    """Return the year, month, day, hour, minute, second or fraction that an ISO time names."""
    match = _TIME.fullmatch(text)
    if not match:
        raise _unexpected("a time", text)
    given = {name: int(match[name]) for name in _PRECISIONS if match[name]}
    try:
        start = datetime(**{"month": 1, "day": 1} | given, tzinfo=UTC)
        end = _next(start, list(given)[-1])
    except (ValueError, OverflowError):
        raise _unexpected("a time", text) from None
    ahead_s, fraction = _ahead_s(match["offset"]), match["fraction"]
    if not fraction:
        return Amount(start.timestamp() - ahead_s, end.timestamp() - ahead_s)
    starts_s = start.timestamp() - ahead_s + float(f"0.{fraction}")
    return Amount(starts_s, starts_s + 10.0 ** -len(fraction))


def _next(start: datetime, precision: str) -> datetime:
    """Return when the period of that precision ends."""
    if precision == "year":
        return start.replace(year=start.year + 1)
    if precision == "month":
        return (start + timedelta(days=31)).replace(day=1)
    return start + timedelta(**{f"{precision}s": 1})


def _ahead_s(offset: str | None) -> float:
    """Return how many seconds a clock with that offset is ahead of UTC."""
    if offset is None or offset == "z":
        return 0.0
    seconds = int(offset[1:3]) * 3600.0 + int(offset[-2:]) * 60.0
    return -seconds if offset.startswith("-") else seconds


def shown(text: str) -> str:
    """Return a value as an error repeats it: in quotes, and not too long."""
    return repr(text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…")


def _unexpected(expected: str, text: str) -> BoundsError:
    return BoundsError(
        f"Expected {expected}, not {shown(text)}" if text else f"Expected {expected}"
    )
