"""History shows what is kept of the past, for how long, what went, and what is missing."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flower_ng.store import StoreStatus
from flower_ng.web.http.base import Need, Page
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.gap_words import GAP_WHY

#: Why tasks are deleted, in the words of the page.
REASONS: Final = {
    "max_tasks": "Over task limit",
    "max_age": "Expired",
    "max_failure_age": "Expired failures",
    "max_bytes": "Over size limit",
    "forgotten": "Forgotten on request",
}
#: Older gaps are not shown.
MOST_GAPS: Final = 50
NO_BOUND: Final = "no limit"


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """A name and its value: a text, or a time in UTC seconds."""

    label: str
    text: str = ""
    moment: float | None = None


@dataclass(frozen=True, slots=True)
class GapLine:
    """From when to when something is missing, and why; `end` and `lost` are None if unknown."""

    start: float
    end: float | None
    why: str
    lost: int | None


@dataclass(frozen=True, slots=True)
class HistoryView:
    """The store's own word; `trouble` is why it cannot be written now."""

    title: str
    stored: tuple[HistoryRow, ...]
    limits: tuple[HistoryRow, ...]
    deleted: tuple[HistoryRow, ...]
    writing: tuple[HistoryRow, ...]
    trouble: str
    gaps: tuple[GapLine, ...]


class History(Page):
    """`/history`."""

    path = "/history"
    need = Need.READ
    nav = "History"
    template = "pages/history.html"

    async def view(self, *_none: str) -> HistoryView:
        """Ask the store."""
        status = self.cluster.store.status()
        return HistoryView(
            title="History",
            stored=tuple(_stored(status)),
            limits=tuple(_limits(status)),
            deleted=tuple(
                HistoryRow(words, fmt.number(status.deleted.get(reason, 0)))
                for reason, words in REASONS.items()
            ),
            writing=tuple(_writing(status)),
            trouble=status.failing or "",
            gaps=tuple(
                GapLine(gap.start, gap.end, GAP_WHY.get(gap.why, gap.why), gap.lost)
                for gap in status.gaps[: -MOST_GAPS - 1 : -1]
            ),
        )


#: Where tasks are that don't outlast the process.
PLACES: Final = {
    "temporary": "a temporary file, deleted when flower_ng stops",
    "memory": "in memory, lost when flower_ng stops: no temporary file could be written",
}


def _stored(status: StoreStatus) -> Iterator[HistoryRow]:
    yield HistoryRow("Tasks", fmt.number(status.tasks))
    yield HistoryRow("Size", fmt.size(status.bytes))
    yield HistoryRow("Oldest", moment=status.oldest)
    yield HistoryRow("Newest", moment=status.newest)
    yield HistoryRow("Location", PLACES.get(status.kind) or fmt.text(status.path))


def _limits(status: StoreStatus) -> Iterator[HistoryRow]:
    yield HistoryRow("Tasks", fmt.number(status.max_tasks))
    yield HistoryRow("Age", _span(status.max_age_s))
    yield HistoryRow("Age of failed tasks", _span(status.max_failure_age_s))
    yield HistoryRow("Size", NO_BOUND if status.max_bytes is None else fmt.size(status.max_bytes))


def _writing(status: StoreStatus) -> Iterator[HistoryRow]:
    yield HistoryRow("Pending changes", fmt.number(status.waiting))
    yield HistoryRow(
        "Oldest pending change", fmt.duration(status.lag_s) if status.waiting else fmt.DASH
    )
    yield HistoryRow("Failed writes", fmt.number(status.failures))
    yield HistoryRow("Lost changes", fmt.number(status.lost))
    if status.unindexed is not None:
        yield HistoryRow("Not indexed yet", fmt.number(status.unindexed))
    if status.outdated is not None:
        yield HistoryRow("Outdated in the index", fmt.share(status.outdated))


def _span(seconds: float | None) -> str:
    return NO_BOUND if seconds is None else fmt.span(seconds)
