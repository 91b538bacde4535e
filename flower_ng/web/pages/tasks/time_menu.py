"""Period is the time in which the tasks of a list were received, told and changed; pure."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from flower_ng.errors import SearchError
from flower_ng.store import parse_search
from flower_ng.web.pages.tasks.search_terms import received, with_received
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Choice, Listing
from flower_ng.web.ui.time_window import limits
from flower_ng.web.ui.zone import Zone

SPANS: Final = {
    "15 min": "-15m..",
    "1 h": "-1h..",
    "6 h": "-6h..",
    "24 h": "-1d..",
    "7 d": "-7d..",
    "30 d": "-30d..",
    "Any time": "",
}


@dataclass(frozen=True, slots=True)
class TimeRange:
    """The time that the search names: how it does, and the ways to others.

    `first` and `last` are the ends of a fixed time, UTC seconds and both in it, None where it has
    no such end; `start` and `end` are the same as the fields for it hold them. `label` tells any
    other time. `url` leads to any period, which stands for `{period}` in it.
    """

    label: str
    first: float | None
    last: float | None
    spans: tuple[Choice, ...]
    start: str
    end: str
    url: str


def time_range(text: str, listing: Listing, links: Links, zone: Zone) -> TimeRange:
    """Return the time that a search, in parts, asks for; fields show it in a zone."""
    period = received(text)
    spans = [
        Choice(label, listing.filtered(links, search=with_received(text, span)), span == period)
        for label, span in SPANS.items()
    ]
    first, last = _fixed(text)
    return TimeRange(
        label=next((span.label for span in spans if span.is_current), _relative_label(period)),
        first=first,
        last=last,
        spans=tuple(spans),
        start="" if first is None else zone.wall(first),
        end="" if last is None else zone.wall(last),
        url=listing.filtered(
            links, search=f"{with_received(text, '')} received:{{period}}".strip()
        ),
    )


def _fixed(text: str) -> tuple[float | None, float | None]:
    """Return the first and the last second that a search names; None for those relative to now."""
    with suppress(SearchError):
        found = [one for one in limits(parse_search(text)) if one.base == "zero"]
        lows = [one.value for one in found if one.relation in {">", ">="}]
        highs = [one.value - (one.relation == "<") for one in found if one.relation in {"<", "<="}]
        return max(lows, default=None), min(highs, default=None)
    return None, None


def _relative_label(period: str) -> str:
    """A period that is not fixed, in its own words; its days are those of UTC."""
    return f"{period} (UTC)" if "day" in period or "tomorrow" in period else period
