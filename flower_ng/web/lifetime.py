"""Lifetime is one task's time, drawn to scale: in the queue, in the worker, running; pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from flower_ng.store import TaskRow
from flower_ng.store.rollups.points import Spread, TaskPoint
from flower_ng.store.timeline import Attempt

#: The drawing is this wide; the page stretches it to its own width.
WIDTH: Final = 600

UNKNOWN: Final = "unknown"
CLOCKS: Final = "told in another order"
GOING: Final = "so far"
_ENDS: Final = {
    "SUCCESS": "succeeded",
    "FAILURE": "failed",
    "RETRY": "retried",
    "REVOKED": "revoked",
    "REJECTED": "rejected",
}


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of a task's time; `seconds` is None where `note` says why it cannot be told.

    `usual` is how long it takes tasks of this type. `x` and `width` are of a drawing WIDTH wide;
    `usual_x` and `usual_width` are those of the usual median, by the same scale.
    """

    kind: str
    label: str
    seconds: float | None
    note: str
    usual: Spread | None
    x: float = 0.0
    width: float = 0.0
    usual_x: float = 0.0
    usual_width: float = 0.0


@dataclass(frozen=True, slots=True)
class _Times:
    """The moments of a task's newest try, UTC seconds by the clocks of whoever told of them."""

    sent: float | None
    received: float | None
    started: float | None
    ended: float | None


def phases(row: TaskRow, usual: TaskPoint | None, now: float) -> tuple[Phase, ...]:
    """Return the three parts of the newest try, what still goes on measured up to `now`.

    Clocks of clients and workers may disagree: then a part is not told, rather than negative.
    """
    times = _times(row)
    queued = _between(times.sent, times.received, now if row.state == "PENDING" else None)
    waiting = now if row.state == "RECEIVED" else None
    held = _between(times.received, times.started, waiting)
    parts = (
        ("queued", "In the queue", queued, usual.queued if usual else None),
        ("held", "In the worker", held, usual.wait if usual else None),
        ("ran", "Running" if row.state == "STARTED" else "Ran", _ran(row, times, now),
         usual.run if usual else None),
    )  # fmt: skip
    return _scaled([Phase(kind, label, *told, spread) for kind, label, told, spread in parts])


def _times(row: TaskRow) -> _Times:
    tries = row.attempts
    last = tries[-1] if tries else Attempt(None, row.received, row.started, _ended(row))
    return _Times(_sent(row, last.received), last.received, last.started, last.ended)


def _sent(row: TaskRow, received: float | None) -> float | None:
    """When the newest try was sent: a retry is sent before the try that asks for it has ended."""
    sent = [event.at for event in row.events if event.type == "sent"]
    before = [at for at in sent if received is None or at <= received]
    return before[-1] if before else next(iter(sent), row.sent)


def _ended(row: TaskRow) -> float | None:
    name = _ENDS.get(row.state)
    return getattr(row, name) if name else None


def _ran(row: TaskRow, times: _Times, now: float) -> tuple[float | None, str]:
    """The worker's own measure where there is one."""
    if row.state == "SUCCESS" and row.runtime is not None:
        return row.runtime, ""
    return _between(times.started, times.ended, now if row.state == "STARTED" else None)


def _between(
    start: float | None, end: float | None, going_until: float | None
) -> tuple[float | None, str]:
    """How long it took and a note; `going_until` stands for an end that has not come."""
    last = going_until if end is None else end
    if start is None or last is None:
        return None, UNKNOWN
    if last < start:
        return None, CLOCKS
    return last - start, GOING if end is None else ""


def _scaled(parts: Sequence[Phase]) -> tuple[Phase, ...]:
    told = sum(part.seconds or 0.0 for part in parts)
    usually = sum(_median(part) for part in parts)
    return tuple(_placed(parts, WIDTH / (max(told, usually) or 1.0)))


def _placed(parts: Sequence[Phase], scale: float) -> Iterator[Phase]:
    x = usual_x = 0.0
    for part in parts:
        width, usual_width = (part.seconds or 0.0) * scale, _median(part) * scale
        places = (round(value, 2) for value in (x, width, usual_x, usual_width))
        yield Phase(part.kind, part.label, part.seconds, part.note, part.usual, *places)
        x, usual_x = x + width, usual_x + usual_width


def _median(part: Phase) -> float:
    return part.usual.p50_s if part.usual else 0.0
