"""Durations and sizes as people write them in options: `30d`, `12h`, `10GB`, `500m` of a size.

Units in any case. Start only, pure.
"""

import re
from collections.abc import Mapping
from typing import Final

SECONDS: Final[Mapping[str, float]] = {
    "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800,
}  # fmt: skip
BYTES: Final[Mapping[str, float]] = {
    "b": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
    "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40,
}  # fmt: skip
#: Above any limit that makes sense, and small enough for the integers of databases.
MOST_SECONDS: Final = 36_500 * 86_400.0
MOST_BYTES: Final = 1e15

#: The ends of sessions are kept for as long as the longest of them.
SHORTEST_SESSION_S: Final = 60.0
LONGEST_SESSION_S: Final = 90 * 86_400.0

_AMOUNT = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-z]*)")


def seconds(text: str) -> float | None:
    """Return a duration in seconds, the default unit; `0` is None: no limit. ValueError if bad."""
    return _amount(text, SECONDS, usual="s") or None


def size_bytes(text: str) -> int | None:
    """Return a size in bytes, the default unit; `0` is None: no limit. ValueError if bad."""
    return int(_amount(text, BYTES, usual="b")) or None


def is_duration(text: str) -> str | None:
    """Say what is wrong with a duration, None if nothing is."""
    return _wrong(
        text, SECONDS, MOST_SECONDS, "a duration such as 30d, 12h or 0 (no limit)", "36500d"
    )


def is_session_age(text: str) -> str | None:
    """Say what is wrong with how long sessions last, None if nothing is."""
    try:
        age = seconds(text)
    except ValueError:
        age = None
    is_one = age is not None and SHORTEST_SESSION_S <= age <= LONGEST_SESSION_S
    return None if is_one else "is not a duration from 1m to 90d, such as 12h or 7d"


def is_size(text: str | None) -> str | None:
    """Say what is wrong with a size, None if nothing is."""
    if text is None:
        return None
    return _wrong(text, BYTES, MOST_BYTES, "a size such as 10GB or 0 (no limit)", "1000TB")


def _wrong(
    text: str, units: Mapping[str, float], most: float, examples: str, most_text: str
) -> str | None:
    try:
        amount = _amount(text, units, usual=next(iter(units)))
    except ValueError:
        return f"is not {examples}"
    return None if amount <= most else f"must be at most {most_text}"


def _amount(text: str, units: Mapping[str, float], *, usual: str) -> float:
    match = _AMOUNT.fullmatch(text.strip())
    unit = (match[2].lower() or usual) if match else ""
    if match is None or unit not in units:
        raise ValueError(text)
    return float(match[1]) * units[unit]
