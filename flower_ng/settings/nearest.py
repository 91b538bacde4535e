"""Nearest is the name that somebody who misspelt one may have meant. Start only, pure."""

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(name: str, known: Iterable[str], least: float = 0.6) -> str | None:
    """The known name that is most alike, whatever the case; None where none is alike enough."""
    names = {one.lower(): one for one in known}
    found = get_close_matches(name.lower(), names, n=1, cutoff=least)
    return names[found[0]] if found else None


def meant(name: str, known: Iterable[str], before: str = "") -> str:
    """`; did you mean …?` with the nearest name after `before`, empty where none is alike."""
    near = nearest(name, known)
    return f"; did you mean {before}{near}?" if near else ""
