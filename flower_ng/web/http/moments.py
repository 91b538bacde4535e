"""Reads the times in a request: UTC seconds, a date and time, or a time before now. Pure."""

from contextlib import suppress

from flower_ng.errors import BadRequest
from flower_ng.search import BoundsError, duration, moment
from flower_ng.web.http.arguments import finite

DAY_S = 86_400


def instant(argument: str, text: str, now: float) -> float:
    """Return the moment that a text names, in UTC seconds; else BadRequest.

    A date or a time is the moment at which it begins, so that it means the same as its UTC seconds.
    """
    with suppress(ValueError):
        return finite(text)
    try:
        amount = moment(text)
    except BoundsError:
        raise BadRequest(
            f"Invalid {argument} '{text}', expected UTC seconds, a time such as"
            " 2026-11-20T10:30, or one before now such as -1h"
        ) from None
    base = {"zero": 0.0, "now": now, "today": now // DAY_S * DAY_S}[amount.base]
    return base + amount.start


def span_s(argument: str, text: str, bounds: tuple[float, float], words: str) -> float:
    """Return how many seconds a text such as `5m` names; else BadRequest, `words` say what may be.

    `bounds` are the least and the most that it may be.
    """
    least, most = bounds
    with suppress(BoundsError):
        seconds = float(duration(text).start)
        if least <= seconds <= most:
            return seconds
    raise BadRequest(f"{argument} must be a duration {words}, not '{text}'")
