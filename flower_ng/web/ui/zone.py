"""Zone is the time zone that all times on pages are in: its name, and times written in it; pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

#: A clock that is ahead of UTC by hours and minutes, as browsers name it.
_OFFSET: Final = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")
#: No clock is put forward or back by more.
_MOST_S: Final = 4 * 3600


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone, by what Celery, zoneinfo or pytz made of its name."""

    timezone: tzinfo = UTC

    @property
    def name(self) -> str:
        """Return what people call it: `Europe/Berlin`, `UTC`, `UTC+05:30`."""
        return named if (named := _iana(self.timezone)) else str(_fixed(self.timezone))

    @property
    def key(self) -> str:
        """Return what browsers call it: `Europe/Berlin`, `UTC`, `+05:30`."""
        return self.name.removeprefix("UTC") or "UTC"

    def wall(self, at: float) -> str:
        """Return the time that clocks show there, to the second, as forms hold it."""
        when = when_is(at, self.timezone)
        return "" if when is None else f"{when:%Y-%m-%dT%H:%M:%S}"

    def ahead(self, wall: str) -> str:
        """Return by how much clocks there are ahead of UTC at a time that they show: `+02:00`.

        Of a time that they show twice it is the first one; empty for what is no time.
        """
        try:
            return _hours_and_minutes(_aware(datetime.fromisoformat(wall), self.timezone, fold=0))
        except (ValueError, OverflowError):
            return ""

    def searched(self, wall: str, *, is_end: bool = False) -> str:
        """Return what a form holds as searches name it: in UTC, which the Z says.

        Of a time that clocks show twice it is the first one, as an end the second. What is no time
        is returned as it is: the search says what is wrong with it.
        """
        try:
            told = datetime.fromisoformat(wall)
            when = told if told.tzinfo else _aware(told, self.timezone, fold=int(is_end))
            return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        except (ValueError, OverflowError):
            return wall


def zone_named(key: str, otherwise: tzinfo) -> Zone:
    """Return the zone that a browser named, another one where there is none of that name."""
    if found := _OFFSET.fullmatch(key):
        ahead = timedelta(hours=int(found[2]), minutes=int(found[3]))
        return Zone(timezone(-ahead if found[1] == "-" else ahead))
    try:
        return Zone(ZoneInfo(key) if key else otherwise)
    except (KeyError, ValueError, OSError):  # what it raises for what is no name
        return Zone(otherwise)


def offset(at: float, timezone: tzinfo) -> str:
    """Return `+02:00` of a time that clocks there show twice, empty of all others."""
    when = when_is(at, timezone)
    ahead = when.utcoffset() if when is not None and timezone is not UTC else None
    if when is None or ahead is None or not _is_shown_twice(at, ahead, timezone):
        return ""
    return _hours_and_minutes(when)


def _hours_and_minutes(when: datetime) -> str:
    return f"{when:%z}"[:3] + ":" + f"{when:%z}"[3:5]


def _is_shown_twice(at: float, ahead: timedelta, timezone: tzinfo) -> bool:
    for near in (at - _MOST_S, at + _MOST_S):
        other = _ahead(near, timezone)
        if other != ahead and _ahead(at + (ahead - other).total_seconds(), timezone) == other:
            return True
    return False


def _ahead(at: float, timezone: tzinfo) -> timedelta:
    when = when_is(at, timezone)
    return (when.utcoffset() if when is not None else None) or timedelta()


def _aware(wall: datetime, timezone: tzinfo, *, fold: int) -> datetime:
    localize = getattr(timezone, "localize", None)  # pytz has no other way
    if localize is not None:
        aware: datetime = localize(wall, is_dst=not fold)
        return aware
    return wall.replace(tzinfo=timezone, fold=fold)


def _iana(timezone: tzinfo) -> str:
    """Return the name in the database of time zones; zoneinfo calls it key, pytz zone."""
    return str(getattr(timezone, "key", None) or getattr(timezone, "zone", None) or "")


def _fixed(zone: tzinfo) -> tzinfo:
    """Return a zone without a name as what it is ahead of UTC now."""
    return timezone(datetime.now(zone).utcoffset() or timedelta())


def when_is(at: float, timezone: tzinfo) -> datetime | None:
    """Return a moment (UTC seconds) as clocks there show it; None for what no calendar holds."""
    try:
        return datetime.fromtimestamp(at, timezone)
    except (OverflowError, OSError, ValueError):
        return None
