"""The review of revoking or terminating a task, from what is known of it; on the loop, cheap."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from flower_ng.cluster import Cluster
from flower_ng.errors import Refused
from flower_ng.life.runs import is_running
from flower_ng.monitor.holds.revoking import has_ended
from flower_ng.monitor.remote.commands import revoke_stamped
from flower_ng.monitor.remote.many import words_of
from flower_ng.monitor.remote.pools import GREEN, Ability, inability, is_older, pool_name
from flower_ng.monitor.remote.task_actions import ABORT, FORGET, REVOKE, REVOKE_STAMPED
from flower_ng.monitor.remote.worker_answer import NO_ANSWER
from flower_ng.monitor.state.eta import eta_s
from flower_ng.store import TaskRow
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.review import Review
from flower_ng.web.ui.zone import Zone

#: Since when Celery's workers revoke by stamps.
STAMPS_SINCE: Final = (5, 3)


def inability_to_terminate(cluster: Cluster, task_id: str) -> str:
    """Say why the pool that runs a task can't end it, as far as both are known."""
    worker = _who_runs(cluster, task_id)
    return worker_inability_to_terminate(cluster, worker) if worker else ""


def pool_that_runs(cluster: Cluster, task_id: str) -> str:
    """Return the pool of the worker that runs a task; empty where one of both is not known."""
    return cluster.inspector.told.get(_who_runs(cluster, task_id), NO_ANSWER).pool


def _who_runs(cluster: Cluster, task_id: str) -> str:
    task = cluster.state.tasks.get(task_id)
    if task is None or task.worker is None or not is_running(task.state):
        return ""
    return task.worker.hostname


def ending(pool: str, signal: str) -> str:
    """Say how a task that runs is ended in a pool, by its `WorkerAnswer.pool`."""
    name = pool_name(pool)
    if name in GREEN:
        return f"it is stopped where it waits: the {name} pool has no process to send {signal} to"
    if name:
        return f"its process is ended with {signal}"
    green = " and ".join(GREEN)
    return f"it is ended: a process with {signal}, in pools of {green} where it waits"


def worker_inability_to_terminate(cluster: Cluster, name: str) -> str:
    """Say why a worker's pool can't end a running task; empty where it can, or is not known."""
    worker = cluster.state.workers.get(name)
    release = worker.sw_ver if worker is not None else None
    pool = cluster.inspector.told.get(name, NO_ANSWER).pool
    return inability(pool, Ability.TERMINATE, release)


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who has acknowledged a revoke, and who has not and why."""

    workers: tuple[str, ...] = ()
    others: Mapping[str, str] = field(default_factory=dict)

    @property
    def trouble(self) -> str:
        """What is not known of it, in words that follow a `but`; empty where all is known."""
        if not self.workers:
            return "no worker has acknowledged it: whether it is revoked is not known"
        if not self.others:
            return ""
        return f"{', '.join(self.others)} did not acknowledge it, and will be told again"

    def record(self) -> dict[str, Any]:
        """What the API answers; nothing where no worker is known."""
        if not self.workers and not self.others:
            return {}
        return {"acknowledged": list(self.workers), "not_acknowledged": dict(self.others)}


async def acknowledged(cluster: Cluster, task_id: str, who: str) -> Acknowledgement:
    """Have the workers that are there acknowledge that a task is revoked, and those that join."""
    task = cluster.state.tasks.get(task_id)
    at = eta_s(task.eta, cluster.timezone) if task is not None else None
    outcomes = await cluster.holds.revoke(task_id, who, at)
    done = tuple(sorted(name for name, one in outcomes.items() if one.word == "done"))
    return Acknowledgement(done, words_of(outcomes))


async def acknowledged_stamps(
    cluster: Cluster, stamps: Mapping[str, tuple[str, ...]], signal: str, who: str
) -> Acknowledgement:
    """Have the workers acknowledge that tasks with some stamps are revoked; also those that join.

    Refused where all that answer have a Celery that knows no stamps.
    """
    outcomes = await cluster.holds.revoke_stamped(stamps, who, revoke_stamped(stamps, signal))
    told = Acknowledgement(
        tuple(sorted(name for name, one in outcomes.items() if one.word == "done")),
        words_of(outcomes),
    )
    if outcomes and all(one.word == "refused" for one in outcomes.values()):
        raise Refused("; ".join(dict.fromkeys(one.words for one in outcomes.values())))
    return told


def stamped_review(cluster: Cluster, stamps: Mapping[str, tuple[str, ...]], signal: str) -> Review:
    """Return what revoking by stamps will do; `signal` is empty unless tasks are terminated too."""
    online = {one.hostname: one.sw_ver for one in cluster.presence.online()}
    old = sorted(name for name, version in online.items() if is_older(version, STAMPS_SINCE))
    words = ", ".join(f"{name}={value}" for name, some in stamps.items() for value in some)
    too_old = f"Celery knows no stamps before {'.'.join(map(str, STAMPS_SINCE))}: "
    is_none = bool(online) and len(old) == len(online)
    effect = REVOKE_STAMPED.effect.partition(";")[0] + "."
    if signal:
        green = " and ".join(GREEN)
        effect = (
            f"{effect} Those that run now are ended: processes with {signal}, in pools of {green}"
            " where they wait."
        )
    return Review(
        REVOKE_STAMPED,
        words,
        effect,
        count=None,
        refusals=(f"{too_old}no worker that is online can do it.",) if is_none else (),
        cautions=(f"{too_old}not told will be {', '.join(old)}.",) if old and not is_none else (),
        unknowns=(
            "Stamps are in no event: which tasks have them is not known here.",
            "Workers that restart forget it; this dashboard tells them again, for a day.",
        ),
        facts={"workers": ", ".join(sorted(online)) or "none online"},
    )


def revoked_words(cluster: Cluster, row: TaskRow, now: float) -> str:
    """Say of a task that was revoked and has not ended what becomes of it; else nothing."""
    revoked = cluster.holds.revoked.get(row.uuid)
    if revoked is None or has_ended(row) or row.is_running:
        return ""
    at = eta_s(row.eta, cluster.timezone)
    if not revoked.told:
        return f"Revoked by {revoked.who}, and no worker has acknowledged it: it may still run."
    if at is not None and at > now:
        zone = Zone(cluster.timezone)
        when = f"{fmt.moment(at, cluster.timezone)[:-4]} {zone.name}"
        return f"Revoked by {revoked.who}: dropped at its ETA, {when}, or when its worker restarts."
    return f"Revoked by {revoked.who}: dropped when a worker takes it."


def revoke_review(cluster: Cluster, task_id: str, signal: str, inability: str) -> Review:
    """Return what revoking will do; `signal` is empty unless the task is to be terminated.

    `inability` says why the pool that runs it can't terminate it.
    """
    task = cluster.state.tasks.get(task_id)
    effect = "All workers are told to discard the task instead of running it."
    if signal:
        effect = f"{effect} If it runs, {ending(pool_that_runs(cluster, task_id), signal)}."
    state = "unknown" if task is None else task.state
    cautions = []
    if task is not None and task.ready:
        cautions.append(f"It has ended already ({state}): revoking changes nothing.")
    elif task is not None and task.started and not signal:
        cautions.append("It runs already: without terminate it runs to its end.")
    unknowns = ["Which workers acknowledge it is known afterwards; those that join are told too."]
    at = eta_s(task.eta, cluster.timezone) if task is not None else None
    details = []
    if at is not None and not (task is None or task.ready or task.started):
        when = f"{fmt.moment(at, cluster.timezone)[:-4]} {Zone(cluster.timezone).name}"
        details.append(f"Its worker drops it at its ETA, {when}, or when it restarts.")
    if task is None:
        unknowns.append("No task of this id is in memory: it may have ended long ago.")
    return Review(
        REVOKE,
        task_id,
        effect,
        refusals=(fmt.sentence(inability),) if inability else (),
        cautions=tuple(cautions),
        unknowns=tuple(unknowns),
        details=tuple(details),
        facts={"state": state},
    )


def abort_review(cluster: Cluster, task_id: str, refusal: str) -> Review:
    """Return what aborting will do; `refusal` says why there is no result backend to tell."""
    task = cluster.state.tasks.get(task_id)
    cautions, unknowns = [], ["Whether the task looks whether it was aborted is not known here."]
    if task is None:
        unknowns.append("No task of this id is in memory: it may have ended long ago.")
    elif task.ready:
        cautions.append(
            f"It has ended already ({task.state}): its state in the result backend becomes ABORTED."
        )
    elif not task.started:
        cautions.append("It does not run yet: once it begins, its worker writes another state.")
    return Review(
        ABORT,
        task_id,
        ABORT.effect,
        refusals=(fmt.sentence(refusal),) if refusal else (),
        cautions=tuple(cautions),
        unknowns=tuple(unknowns),
        facts={"state": "unknown" if task is None else task.state},
    )


def forget_review(row: TaskRow) -> Review:
    """Return what forgetting a task will do."""
    return Review(
        FORGET,
        row.uuid,
        FORGET.effect,
        cautions=() if has_ended(row) else ("It has not ended: its next event makes it known.",),
        facts={"state": row.state},
    )
