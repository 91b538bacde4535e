"""Suggests the name that a misspelt one may stand for. At start, pure."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, names: Iterable[str], similarity: float = 0.6) -> str | None:
    """Return the most similar of the names, ignoring case; None if none is similar enough."""
    by_lower = {candidate.lower(): candidate for candidate in names}
    matches = get_close_matches(name.lower(), by_lower, n=1, cutoff=similarity)
    return by_lower[matches[0]] if matches else None


def suggestion(name: str, names: Iterable[str], before: str = "") -> str:
    """Return `; did you mean …?` with `before` and the nearest name, empty if none is near."""
    near = nearest(name, names)
    return f"; did you mean {before}{near}?" if near else ""
