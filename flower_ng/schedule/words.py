"""Says in words when a schedule is due. Pure."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any, Final

from celery.schedules import crontab, schedule, solar

WEEKDAYS: Final = (
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
)  # fmt: skip
MONTHS: Final = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
MINUTES: Final = frozenset(range(60))
HOURS: Final = frozenset(range(24))
UNITS: Final = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
#: So many times of a day are named one by one.
MOST_TIMES: Final = 6
#: So many numbers in a row are named by the first and the last.
LEAST_RUN: Final = 3


def words_of(it: Any, zone: tzinfo) -> tuple[str, str]:
    """Return when a schedule is due, and the zone of that; empty where no clock is named."""
    kind = type(it)
    if issubclass(kind, crontab):
        return crontab_words(it), zone_name(it.tz)
    if issubclass(kind, solar):
        return solar_words(it), ""
    if isinstance(at := getattr(it, "clocked_time", None), datetime):
        return f"once, on {at.astimezone(zone):%Y-%m-%d at %H:%M:%S}", zone_name(zone)
    if kind is schedule:
        return every(it.run_every, is_relative=it.relative), ""
    if kind.__name__ == "rrule":
        return "by a recurrence rule (rrule)", ""
    return f"as its class {kind.__name__} says", ""


def zone_name(zone: tzinfo) -> str:
    """Return what people call a zone."""
    return str(getattr(zone, "key", None) or getattr(zone, "zone", None) or zone)


def every(interval: timedelta | None, *, is_relative: bool = False) -> str:
    """Return an interval: `every 30 seconds`, `every hour`, `every 1.5 seconds`."""
    seconds = interval.total_seconds() if interval is not None else 0.0
    if seconds <= 0:
        return "all the time"
    size, unit = next((one for one in UNITS if not seconds % one[0]), UNITS[-1])
    count = seconds / size
    told = f"every {unit}" if count == 1 else f"every {count:,.15g} {unit}s"
    return f"{told}, by the clock" if is_relative else told


def solar_words(it: Any) -> str:
    """Return what the sun does, and where."""
    event = str(it.event).replace("_", " ")
    return f"at {event} at latitude {float(it.lat):g}, longitude {float(it.lon):g}"


def crontab_words(it: Any) -> str:
    """Return the times of a crontab and its days, which all have to fit."""
    days = list(_days(it))
    told = _times(frozenset(it.minute), frozenset(it.hour))
    return ", ".join((told, *days))


def _times(minutes: frozenset[int], hours: frozenset[int]) -> str:
    if len(minutes) * len(hours) <= MOST_TIMES:
        return f"at {joined([f'{h:02}:{m:02}' for h in sorted(hours) for m in sorted(minutes)])}"
    often, step = _often(minutes), _step(hours, 24)
    if hours == HOURS:
        return "every hour" if minutes == {0} else often or f"every hour at {_named(minutes)}"
    if step and len(minutes) == 1:
        return f"every {step} hours" + ("" if minutes == {0} else f" at {_named(minutes)}")
    if often and is_row(hours):
        first, last = min(hours), max(hours)
        return f"{often} from {first:02}:{min(minutes):02} to {last:02}:{max(minutes):02}"
    noun = "hour" if len(hours) == 1 else "hours"
    return f"{often or f'at {_named(minutes)}'} of the {noun} {ranges(hours)}"


def _often(minutes: frozenset[int]) -> str:
    """Return how often minutes come, empty where that is not evenly."""
    if minutes == MINUTES:
        return "every minute"
    step = _step(minutes, 60)
    return f"every {step} minutes" if step else ""


def _named(minutes: frozenset[int]) -> str:
    return f"{'minute' if len(minutes) == 1 else 'minutes'} {ranges(minutes)}"


def _step(numbers: frozenset[int], of: int) -> int | None:
    """Return the step of numbers that divide a whole evenly from 0 on."""
    step = of // len(numbers)
    is_even = len(numbers) > 1 and not of % step and numbers == set(range(0, of, step))
    return step if is_even and step > 1 else None


def _days(it: Any) -> Iterator[str]:
    weekdays, days = frozenset(it.day_of_week), frozenset(it.day_of_month)
    months = frozenset(it.month_of_year)
    is_any_weekday, is_any_day = weekdays >= set(range(7)), days >= set(range(1, 32))
    if not is_any_day:
        noun = "day" if len(days) == 1 else "days"
        yield f"on {noun} {ranges(days)} of the month"
    if not is_any_weekday:
        named = _weekdays(weekdays)
        yield named if is_any_day else f"if that is {named}"
    if not months >= set(range(1, 13)):
        yield f"in {joined([MONTHS[one - 1] for one in sorted(months)])}"


def _weekdays(days: frozenset[int]) -> str:
    week = [day for day in (*range(1, 7), 0) if day in days]
    if len(week) >= LEAST_RUN and is_row(frozenset(day or 7 for day in days)):
        return f"{WEEKDAYS[week[0]]} to {WEEKDAYS[week[-1]]}"
    return f"on {joined([WEEKDAYS[day] for day in week])}"


def is_row(numbers: Collection[int]) -> bool:
    """Whether numbers follow one another."""
    return max(numbers) - min(numbers) + 1 == len(numbers)


def ranges(numbers: Collection[int]) -> str:
    """Return numbers, those in a row by the first and the last: `1 to 5, 10 and 15`."""
    rows: list[list[int]] = []
    for number in sorted(numbers):
        if rows and rows[-1][-1] == number - 1:
            rows[-1].append(number)
        else:
            rows.append([number])
    parts: list[str] = []
    for row in rows:
        is_run = len(row) >= LEAST_RUN
        parts += [f"{row[0]} to {row[-1]}"] if is_run else [str(one) for one in row]
    return joined(parts)


def joined(parts: Sequence[str]) -> str:
    """Return a list as a sentence has it."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
