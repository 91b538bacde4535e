"""Period is the time in which the tasks of a list were received, told and changed; pure."""

from dataclasses import dataclass
from typing import Final

from flower_ng.web.links import Links
from flower_ng.web.paging import Choice, Listing
from flower_ng.web.terms import received, with_received

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

    `start` and `end` are what the fields for a fixed time hold; `url` leads to any period, which
    stands for `{period}` in it.
    """

    label: str
    spans: tuple[Choice, ...]
    start: str
    end: str
    url: str


def time_range(text: str, listing: Listing, links: Links) -> TimeRange:
    """Return the time that a search, in parts, asks for."""
    period = received(text)
    spans = [
        Choice(label, listing.filtered(links, search=with_received(text, span)), span == period)
        for label, span in SPANS.items()
    ]
    start, _, end = period.partition("..") if period[:1].isdigit() else ("", "", "")
    return TimeRange(
        label=next((span.label for span in spans if span.is_current), _told(period, start, end)),
        spans=tuple(spans),
        start=start,
        end=end,
        url=listing.filtered(
            links, search=f"{with_received(text, '')} received:{{period}}".strip()
        ),
    )


def _told(period: str, start: str, end: str) -> str:
    """A period in few words: times of one day without it."""
    day, _, time = start.partition("T")
    last, _, end_time = end.partition("T")
    if not start or not end:
        return period
    return f"{time} to {end_time} UTC" if time and day == last else f"{day} to {last}"
