"""Durations and sizes as people write them in options: `30d`, `12h`, `10GB`. Start only, pure."""

import re
from collections.abc import Mapping
from typing import Final

SECONDS: Final[Mapping[str, float]] = {
    "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800,
}  # fmt: skip
BYTES: Final[Mapping[str, float]] = {
    "B": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
    "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40,
}  # fmt: skip

_AMOUNT = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-z]*)")


def seconds(text: str) -> float | None:
    """Return a duration; seconds need no unit, `0` is None: no bound. ValueError for others."""
    return _amount(text, SECONDS, usual="s") or None


def size_bytes(text: str) -> int | None:
    """Return a size; bytes need no unit, `0` is None: no bound. ValueError for others."""
    return int(_amount(text.upper(), BYTES, usual="B")) or None


def is_duration(text: str) -> str | None:
    """A duration."""
    return _wrong(text, SECONDS, "30d, 12h, 90m or 0 for ever")


def is_size(text: str | None) -> str | None:
    """A size, or none."""
    return None if text is None else _wrong(text.upper(), BYTES, "10GB, 500MB or 0 for no bound")


def _wrong(text: str, units: Mapping[str, float], examples: str) -> str | None:
    try:
        _amount(text, units, usual=next(iter(units)))
    except ValueError:
        return f"is not an amount such as {examples}"
    return None


def _amount(text: str, units: Mapping[str, float], *, usual: str) -> float:
    match = _AMOUNT.fullmatch(text.strip())
    unit = (match[2] or usual) if match else ""
    if match is None or unit not in units:
        raise ValueError(text)
    return float(match[1]) * units[unit]
