"""A batch as pages show it. Pure."""

from dataclasses import dataclass

from flower_ng.batch_record import BatchRecord, BatchState, BatchStatus, ItemState
from flower_ng.web.lookups.past_actions import batch_words
from flower_ng.web.ui.links import Links


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch with its counts; `done` is how many are done with, `share` that in percent.

    `left_s` is how long the rest takes at its rate, at least; None where it does not run.
    """

    batch: BatchRecord
    words: str
    url: str
    mark: str
    counts: tuple[tuple[str, int], ...]
    done: int
    share: int
    left_s: float | None
    is_elsewhere: bool


#: The colour of each state.
_MARKS = {
    BatchState.RUNNING: "STARTED",
    BatchState.PAUSED: "attention",
    BatchState.ENDED: "SUCCESS",
    BatchState.STOPPED: "offline",
}


def batch_view(status: BatchStatus, links: Links) -> BatchView:
    """Return what pages show of a batch."""
    batch, counts = status.batch, status.counts
    left = counts[ItemState.WAITING] + counts[ItemState.SENDING]
    done = batch.count - left
    return BatchView(
        batch,
        batch_words(batch),
        links.batch(batch.id),
        _MARKS[batch.state],
        tuple((name, number) for name, number in counts.items() if number),
        done,
        100 * done // max(batch.count, 1),
        left / batch.rate if batch.state == BatchState.RUNNING else None,
        status.is_elsewhere,
    )
