"""Rolling drains: which workers, what will happen, and how far one is; on the loop, cheap."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from flower_ng.cluster import Cluster
from flower_ng.errors import BadRequest, NotFound
from flower_ng.monitor.holds.records import Left, RollingDrain, host_of
from flower_ng.monitor.remote.hold_actions import ROLL
from flower_ng.monitor.remote.worker_answer import NO_ANSWER
from flower_ng.web.lookups.hold_review import forgotten
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.review import Review

#: So many workers are named in a review.
MOST_NAMED: Final = 20
UNIT_WORDS: Final = {
    "worker": ("worker", "workers"),
    "host": ("host", "hosts"),
    "queue": ("worker of each queue", "workers of each queue"),
}


@dataclass(frozen=True, slots=True)
class RolledWorker:
    """How far a worker of a rolling drain is.

    `stage` is `waiting`, `back`, `given back`, `gone`, `left out`, or that of its drain, with
    `since`; `left` is what it said to hold last.
    """

    worker: str
    stage: str
    since: float | None
    left: Left | None
    trouble: str


def rolled(cluster: Cluster, roll: RollingDrain) -> list[RolledWorker]:
    """Return how far each worker is, in their order."""
    holds, found = cluster.holds, []
    for name in roll.workers:
        turn, drain = roll.turns.get(name, "waiting"), holds.drains.get(name)
        trouble = roll.troubles.get(name, "")
        if turn != "away" or drain is None:
            found.append(RolledWorker(name, turn, None, None, trouble))
            continue
        left = holds.left.get(name) if drain.is_on else None
        found.append(RolledWorker(name, drain.stage, drain.stage_at, left, drain.trouble))
    return found


def roll_told(cluster: Cluster, roll: RollingDrain | None) -> dict[str, Any] | None:
    """Return a rolling drain as the API tells it."""
    if roll is None:
        return None
    told: dict[str, Any] = msgspec.to_builtins(roll)
    for name in ("pids", "queues", "turns", "troubles"):
        del told[name]
    told["workers"] = [msgspec.to_builtins(one) for one in rolled(cluster, roll)]
    return told


def workers_for(
    cluster: Cluster, named: Sequence[str], host: str, queue: str, *, is_all: bool
) -> tuple[str, ...]:
    """Return the workers that are meant, sorted by host; BadRequest where there are none.

    NotFound for one that is named and not known.
    """
    online = {one.hostname for one in cluster.presence.online()}
    if not named and not is_all:
        raise BadRequest("No worker is chosen: give worker, or all=true with host or queue")
    for name in named:
        if name not in cluster.state.workers and name not in cluster.inspector.told:
            raise NotFound(f"Unknown worker '{name}'")
    told = cluster.inspector.told
    found = sorted(
        (
            name
            for name in (dict.fromkeys(named) if named else online)
            if (not host or host_of(name) == host)
            and (not queue or queue in (told.get(name, NO_ANSWER).queues or ()))
        ),
        key=lambda name: (host_of(name), name),
    )
    if not found:
        where = f" on the host '{host}'" * bool(host) + f" of the queue '{queue}'" * bool(queue)
        raise BadRequest(f"No worker{where} is known to be online. Nothing was done")
    return tuple(found)


def roll_review(cluster: Cluster, roll: RollingDrain) -> Review:
    """Return what a rolling drain will do."""
    one, many = UNIT_WORDS[roll.by]
    end = "Each shuts down when it is empty" if roll.shuts_down else "Each waits when it is empty"
    if roll.shuts_down and roll.awaits_return:
        end += ", and is away until it is back under its name"
    elif not roll.shuts_down:
        end += ", and is away until somebody undoes its drain"
    count = len(roll.workers)
    now = cluster.holds.roll
    return Review(
        ROLL,
        fmt.counted(count, "worker"),
        f"{ROLL.effect} At most {fmt.counted(roll.most_away, one, many)} may be away at once."
        f" {end}.",
        count=count,
        refusals=(f"A rolling drain by {now.who} goes on already.",) if now and now.is_on else (),
        cautions=tuple(_cautions(cluster, roll)),
        unknowns=tuple(_unknowns(cluster, roll)),
        details=tuple(_order(roll)),
        facts={"workers": ", ".join(roll.workers)},
    )


def _order(roll: RollingDrain) -> Iterator[str]:
    named = ", ".join(roll.workers[:MOST_NAMED])
    more = len(roll.workers) - MOST_NAMED
    yield f"In this order: {named}" + (f" and {fmt.number(more)} more." if more > 0 else ".")
    if roll.for_s is not None:
        yield (
            f"One that is not empty after {fmt.span(roll.for_s)} has timed out: it is not shut"
            " down, and those behind it wait, until somebody shuts it down or undoes its drain."
        )


def _cautions(cluster: Cluster, roll: RollingDrain) -> Iterator[str]:
    yield from forgotten(cluster)
    for name in roll.workers:
        drain = cluster.holds.drains.get(name)
        if drain is not None and drain.is_on:
            yield f"{drain.who} drains {name} already: it is left out."
    for queue, names in _consumers(cluster).items():
        of_roll = [name for name in names if name in roll.workers]
        units = {host_of(name) for name in of_roll} if roll.by == "host" else set(of_roll)
        if of_roll and len(of_roll) == len(names) and len(units) <= roll.most_away:
            yield f"All who consume from {queue} may be away at once: it waits meanwhile."
    if roll.shuts_down:
        yield "Nothing here starts a worker again: that is up to what runs it."


def _unknowns(cluster: Cluster, roll: RollingDrain) -> Iterator[str]:
    told = cluster.inspector.told
    silent = [one for one in roll.workers if told.get(one, NO_ANSWER).queues is None]
    if silent:
        yield f"What they consume from has not been told by {', '.join(silent[:MOST_NAMED])}."


def _consumers(cluster: Cluster) -> dict[str, list[str]]:
    """Return the online workers of each queue."""
    found: dict[str, list[str]] = {}
    for worker in cluster.presence.online():
        for queue in cluster.inspector.told.get(worker.hostname, NO_ANSWER).queues or ():
            found.setdefault(queue, []).append(worker.hostname)
    return dict(sorted(found.items()))
