"""The reviews of pausing a queue and of draining a worker; on the loop, cheap."""

from collections.abc import Iterator

from flower_ng.cluster import Cluster
from flower_ng.monitor.remote.hold_actions import DRAIN, PAUSE, RESUME, UNDRAIN
from flower_ng.monitor.remote.worker_answer import NO_ANSWER
from flower_ng.web.lookups.command_review import other_consumers
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.review import Review

FORGOTTEN = (
    "This dashboard keeps nothing over a restart (see --db and --history): what is paused or"
    " drained when it ends is not seen to any more, and is not given back."
)


def pause_review(cluster: Cluster, queue: str, for_s: float | None) -> Review:
    """Return what pausing will do."""
    workers = cluster.holds.consumers(queue)
    before = cluster.holds.pauses.get(queue)
    end = "until somebody resumes it" if for_s is None else f"for {fmt.span(for_s)}"
    cautions = list(forgotten(cluster))
    if before is not None and before.is_on:
        cautions.append(f"It is paused already, by {before.who}: this pause takes its place.")
    return Review(
        PAUSE,
        queue,
        f"{PAUSE.effect} It lasts {end}.",
        count=len(workers),
        cautions=tuple(cautions),
        unknowns=() if workers else ("No worker has told that it consumes from it.",),
        details=tuple(f"{name} stops consuming from it." for name in workers),
        facts={"consumers": ", ".join(workers) or "none known"},
    )


def resume_review(cluster: Cluster, queue: str) -> Review:
    """Return what resuming will do."""
    pause = cluster.holds.pauses.get(queue)
    taken = sorted(pause.taken) if pause is not None else []
    return Review(
        RESUME,
        queue,
        RESUME.effect,
        count=len(taken),
        refusals=() if pause is not None else (f"'{queue}' is not paused.",),
        details=tuple(f"{name} consumes from it again." for name in taken),
        facts={"consumed from it": ", ".join(taken) or "none"},
    )


def drain_review(cluster: Cluster, worker: str, effect: str) -> Review:
    """Return what draining will do."""
    told = cluster.inspector.told.get(worker, NO_ANSWER)
    cautions = [
        *forgotten(cluster),
        *(
            f"No other online worker has told that it consumes from {queue}."
            for queue in told.queues or ()
            if not other_consumers(cluster, worker, queue)
        ),
    ]
    heard = cluster.state.workers.get(worker)
    return Review(
        DRAIN,
        worker,
        effect,
        cautions=tuple(cautions),
        unknowns=() if told.queues is not None else ("It has not told what it consumes from.",),
        details=tuple(f"It stops consuming from {queue}." for queue in told.queues or ()),
        facts={
            "process id": fmt.text(heard.pid) if heard else "unknown",
            "consumes from": ", ".join(told.queues or ()) or "nothing known",
        },
    )


def undrain_review(cluster: Cluster, worker: str) -> Review:
    """Return what undoing a drain will do."""
    drain = cluster.holds.drains.get(worker)
    taken = drain.taken if drain is not None else ()
    return Review(
        UNDRAIN,
        worker,
        UNDRAIN.effect,
        refusals=() if drain is not None else (f"'{worker}' is not drained.",),
        details=tuple(f"It consumes from {queue} again." for queue in taken),
        facts={"stage": drain.stage if drain is not None else "not drained"},
    )


def forgotten(cluster: Cluster) -> Iterator[str]:
    """Yield what to think of where nothing is kept over a restart."""
    if cluster.store.status().kind in ("temporary", "memory"):
        yield FORGOTTEN
