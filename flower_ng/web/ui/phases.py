"""Lifetime is one task's time, drawn to scale: in the queue, in the worker, running; pure.

A task with an ETA also waits for that: in its worker, or with the broker where that delays tasks.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from typing import Final

from flower_ng.monitor.state.eta import delayed_key, eta_s
from flower_ng.store import Attempt, Spread, TaskPoint, TaskRow

#: The drawing is this wide; the page stretches it to its own width.
WIDTH: Final = 600

UNKNOWN: Final = "unknown"
CLOCKS: Final = "clocks differ"
GOING: Final = "so far"
NOT_YET: Final = "not yet"
NO_END: Final = "end unknown"
#: The event of sending is stamped when the message is out: up to this long after its receipt.
STAMPED_LATE_S: Final = 1.0
#: States in which a task may have an ETA that is yet to come.
_WAITING: Final = frozenset({"PENDING", "RECEIVED", "RETRY"})
#: States behind which a task does nothing any more.
OVER: Final = frozenset({"SUCCESS", "FAILURE", "REVOKED", "REJECTED", "IGNORED"})
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
    `usual_x` and `usual_width` are those of the usual median, by the same scale. `until` is when
    it will end, where that is known and has not come yet.
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
    until: float | None = None


@dataclass(frozen=True, slots=True)
class _Times:
    """The moments of a task's newest try, UTC seconds by the clocks of whoever told of them.

    The task waited for its `eta` since `waits_since`; it is None where it did not.
    """

    sent: float | None
    received: float | None
    started: float | None
    ended: float | None
    eta: float | None = None
    waits_since: float | None = None


def phases(
    row: TaskRow,
    usual: TaskPoint | None,
    now: float,
    timezone: tzinfo = UTC,
    *,
    is_in_doubt: bool = False,
) -> tuple[Phase, ...]:
    """Return the parts of the newest try, what still goes on measured up to `now`.

    Clocks of clients and workers may disagree: then a part is not told, rather than negative.
    An ETA without an offset is of `timezone`. Whether one that `is_in_doubt` still runs is unknown.
    """
    times = _times(row, timezone)
    is_running = row.is_running and not is_in_doubt
    ran = (None, NO_END) if is_in_doubt else _ran(row, times, now)
    parts = [
        Phase("queued", "In the queue", *_queued(row, times, now), usual.queued if usual else None),
        Phase("held", "In the worker", *_held(row, times, now), usual.wait if usual else None),
        Phase("ran", "Running" if is_running else "Run", *ran, usual.run if usual else None),
    ]  # fmt: skip
    if times.eta is not None and times.waits_since is not None:
        place = 3 if row.state == "RETRY" else 0 if _is_delayed(row) else 1
        parts.insert(place, _wait(row, times.waits_since, times.eta, times, now))
    return _scaled(parts)


def _times(row: TaskRow, timezone: tzinfo) -> _Times:
    known = Attempt(received=row.received, started=row.started, ended=_ended(row))
    runs = row.attempts or (known,)
    last = runs[-1]
    sent, eta = _sent(row, runs), eta_s(row.eta, timezone)
    since = last.ended if row.state == "RETRY" else sent if _is_delayed(row) else last.received
    if eta is None or since is None or eta <= since:
        eta = None
    return _Times(sent, last.received, last.started, last.ended, eta, since)


def _is_delayed(row: TaskRow) -> bool:
    """Whether the broker held the task until its ETA, before it came into its queue."""
    return delayed_key(row.routing_key) is not None


def _queued(row: TaskRow, times: _Times, now: float) -> tuple[float | None, str]:
    since = times.sent
    if times.eta is not None and _is_delayed(row) and row.state != "RETRY":
        # RabbitMQ delays by whole seconds, so that it may come a little early.
        since = times.eta if times.received is None else min(times.eta, times.received)
        if since > now:
            return None, NOT_YET
    if since is not None and times.received is not None and is_stamped_late(since, times.received):
        since = times.received
    return _between(since, times.received, now if row.state == "PENDING" else None)


def _held(row: TaskRow, times: _Times, now: float) -> tuple[float | None, str]:
    since = times.received
    if times.eta is not None and since is not None and row.state != "RETRY":
        since = max(times.eta, since)
        if since > now and times.started is None:
            return None, NOT_YET
    return _between(since, times.started, now if row.state == "RECEIVED" else None)


def _wait(row: TaskRow, since: float, eta: float, times: _Times, now: float) -> Phase:
    """Return the wait for an ETA, which ends early where the task was revoked before it."""
    if row.state in _WAITING and now < eta:
        return Phase("delayed", "Waiting for ETA", max(0.0, now - since), GOING, None, until=eta)
    ended = times.ended if row.state == "REVOKED" and times.started is None else None
    until = eta if ended is None else min(eta, ended)
    return Phase("delayed", "Waited for ETA", max(0.0, until - since), "", None)


def is_stamped_late(sent: float, received: float) -> bool:
    """Whether a message that was told as sent after its receipt was sent just before it."""
    return received < sent <= received + STAMPED_LATE_S


def _sent(row: TaskRow, runs: Sequence[Attempt]) -> float | None:
    """When the newest run's message came into its queue, None where nobody told.

    A retry is sent before the attempt that asks for it has ended, a task that replaces another
    while that one runs; what is delivered again goes back when the run before it ends.
    """
    last, before = runs[-1], runs[-2] if len(runs) > 1 else None
    if before is None:
        return _newest(_sendings(row, last), last.received) or row.sent
    if last.delivery == 1:
        return _newest(_sendings(row, last, before), last.received)
    is_between = before.ended and (last.received is None or before.ended <= last.received)
    return before.ended if is_between else None


def _sendings(row: TaskRow, last: Attempt, before: Attempt | None = None) -> list[float]:
    """When messages were sent that may be those of a run, `before` which came another one.

    A worker tells a little late that a run has started: what the run itself sends may come first.
    """
    sent = [event for event in row.events if event.type == "sent"]
    number = (last.number or 1) - 1
    if before is None:
        return [event.at for event in sent]
    if number and (numbered := [event.at for event in sent if event.retries == number]):
        return numbered
    begin = (before.received, before.started)
    order = begin if len(sent) > 1 else reversed(begin)
    since = next((at for at in order if at is not None), 0.0)
    return [event.at for event in sent if event.at >= since]


def _newest(sent: Sequence[float], received: float | None) -> float | None:
    """The newest sending before a receipt; the first where all are later."""
    earlier = [at for at in sent if received is None or at <= received]
    return earlier[-1] if earlier else next(iter(sent), None)


def _ended(row: TaskRow) -> float | None:
    name = _ENDS.get(row.state)
    return getattr(row, name) if name else None


def _ran(row: TaskRow, times: _Times, now: float) -> tuple[float | None, str]:
    """The worker's own measure where there is one."""
    if row.state == "SUCCESS" and row.runtime is not None:
        return row.runtime, ""
    return _between(times.started, times.ended, now if row.is_running else None)


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
        yield replace(
            part,
            x=round(x, 2),
            width=round(width, 2),
            usual_x=round(usual_x, 2),
            usual_width=round(usual_width, 2),
        )
        x, usual_x = x + width, usual_x + usual_width


def _median(part: Phase) -> float:
    return part.usual.p50_s if part.usual else 0.0
