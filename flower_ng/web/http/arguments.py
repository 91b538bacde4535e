"""Arguments turns the text of a request's argument into a bool, int or float, or says why not.

Rules and texts are those of Flower 2.2.0; pure functions.
"""

import math
from collections.abc import Callable
from typing import Any

from flower_ng.errors import BadRequest

YES = frozenset({"y", "yes", "t", "true", "on", "1"})
NO = frozenset({"n", "no", "f", "false", "off", "0"})


def parse(value: str, kind: type) -> Any:
    """The value as bool, int or float; BadRequest when it is none."""
    try:
        return _PARSERS[kind](value)
    except ValueError:
        message = f"Invalid argument '{value}' of type '{kind.__name__}'"
        raise BadRequest(message) from None


def truth(value: str) -> bool:
    """A yes or a no in one of their twelve spellings, any case; else ValueError."""
    word = value.strip().lower()
    if word in YES:
        return True
    if word in NO:
        return False
    raise ValueError(value)


def finite(value: str) -> float:
    """A number that a clock or a counter can hold: ValueError for nan and inf."""
    parsed = float(value)
    if not math.isfinite(parsed):
        raise ValueError(value)
    return parsed


_PARSERS: dict[type, Callable[[str], Any]] = {bool: truth, int: int, float: finite, str: str}
