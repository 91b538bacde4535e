"""Moments reads the times that a request names: UTC seconds, a time, or one before now. Pure."""

from contextlib import suppress

from flower_ng.errors import BadRequest
from flower_ng.store.bounds import Amount, BoundsError, moment
from flower_ng.web.arguments import finite

DAY_S = 86_400


def named(argument: str, text: str, now: float) -> Amount:
    """Return the point or the period that a text names, in UTC seconds; else BadRequest."""
    with suppress(ValueError):
        return Amount(finite(text), finite(text))
    try:
        amount = moment(text)
    except BoundsError:
        raise BadRequest(
            f"Invalid {argument} '{text}', expected UTC seconds, a time such as"
            " 2026-11-20T10:30, or one before now such as -1h"
        ) from None
    base = {"zero": 0.0, "now": now, "today": now // DAY_S * DAY_S}[amount.base]
    return Amount(base + amount.start, base + amount.end)
