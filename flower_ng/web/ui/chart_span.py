"""Span is the stretch of time that a page of numbers shows, chosen by links; pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flower_ng.errors import BadRequest
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Choice
from flower_ng.web.ui.time_window import start_of


@dataclass(frozen=True, slots=True)
class Span:
    """A period up to now: `step_s` is a bucket of a chart, `coarse_s` of a small one.

    `label` stands on its button, `period` in a sentence: "in the last hour".
    """

    key: str
    label: str
    period: str
    length_s: int
    step_s: int
    coarse_s: int

    def start(self, now: float) -> float:
        """Return where it begins, UTC seconds: at a whole minute, as the numbers are kept."""
        return start_of(self.length_s, now)


SPANS: Final = (
    Span("1h", "1 h", "hour", 3600, 60, 120),
    Span("24h", "24 h", "24 hours", 86_400, 600, 3600),
    Span("7d", "7 d", "7 days", 604_800, 3600, 21_600),
)


def span_of(key: str) -> Span:
    """Return the span with this key, the first one where there is none."""
    return next((span for span in SPANS if span.key == key), SPANS[0])


def span_asked(key: str) -> Span:
    """Return the span that a script asks for, the first one for nothing; else BadRequest."""
    if key and key not in {one.key for one in SPANS}:
        known = ", ".join(one.key for one in SPANS)
        raise BadRequest(f"span must be one of {known}, not '{key}'")
    return span_of(key)


def spans(chosen: Span, path: str, links: Links, query: dict[str, str]) -> Iterator[Choice]:
    """Yield a link for each span, the rest of the query kept."""
    for span in SPANS:
        wanted = {**query, "span": "" if span is SPANS[0] else span.key}
        url = links.page(path, {key: value for key, value in wanted.items() if value})
        yield Choice(span.label, url, span is chosen)
