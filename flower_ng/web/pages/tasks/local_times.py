"""Times without an offset from UTC in a search, read in the zone that pages show; pure."""

import re
from itertools import pairwise
from typing import Final

from flower_ng.search import TIME, BoundsError, field_named, moment, tokens
from flower_ng.web.ui.zone import Zone

#: A time of the day without an offset from UTC.
_LOCAL: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?)?"
    r"(?![:.]?[0-9]| ?[-+][0-9]| ?[Zz])"
)
_UTC: Final = "+00:00"


def local_search(text: str, zone: Zone) -> str:
    """Return a search with the offsets of a zone; empty where all of its times mean the same there.

    Dates are left alone: a search takes no offset behind them.
    """
    found = tokens(text)
    starts = [token.position for token in found]
    local = text[: starts[0]] if found else text
    for token, (start, end) in zip(found, pairwise([*starts, len(text)]), strict=True):
        field = field_named(token.bare.partition(":")[0])
        term = text[start:end]
        local += _with_offsets(term, zone) if field and field.kind is TIME else term
    return local if local.replace(_UTC, "") != text.replace(_UTC, "") else ""


def local_moment(text: str, zone: Zone) -> str:
    """Return a text that is a time as pages show it, with the zone's offset; empty for others."""
    shown = _with_offsets(text.strip().strip('"'), zone)
    try:
        return shown if moment(shown).base == "zero" and "-" in shown else ""
    except BoundsError:
        return ""


def _with_offsets(text: str, zone: Zone) -> str:
    return _LOCAL.sub(lambda time: time[0] + zone.ahead(time[0]), text)
