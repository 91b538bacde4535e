"""Rules that compare the workers of one queue: free slots, registered tasks, versions. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from flower_ng.health.facts.records import Facts, WorkerFacts
from flower_ng.health.problem import Evidence
from flower_ng.health.rules.rule import ASKED_S, UNKNOWN, Answer, Finding, Found, Rule, answered
from flower_ng.monitor.remote.pools import pool_name

SOLO: Final = "solo"
#: Differing tasks that are listed by name; the rest is counted, to keep the evidence short.
MAX_NAMED_TASKS: Final = 3


def hoarding(facts: Facts, threshold_s: float) -> Found:
    """Tasks wait inside a worker while another worker of the same queue has free slots."""
    if not facts.can_hear:
        return None
    free = list(_free(facts.workers))
    return [
        Finding(worker.name, {"reserved": worker.reserved, "waiting_s": worker.waiting_s, **idle})
        for worker in facts.workers
        if worker.is_online and worker.waiting_s is not None and worker.waiting_s > threshold_s
        if not _has_no_slot(worker)  # `worker-stalled` says more
        if (idle := _idle_beside(worker, free))
    ]


def full(facts: Facts, threshold_s: float) -> Found:
    """Tasks wait inside a worker whose slots are all taken."""
    if not facts.can_hear:
        return None
    free = list(_free(facts.workers))
    return answered((worker.name, _full(worker, free, threshold_s)) for worker in facts.workers)


def _full(worker: WorkerFacts, free: Sequence[WorkerFacts], threshold_s: float) -> Answer:
    waiting_s, told = worker.waiting_s, worker.told
    if not worker.is_online:
        return UNKNOWN if worker.is_unknown else None
    if waiting_s is None or waiting_s <= threshold_s or _idle_beside(worker, free):
        return None  # with an idle worker beside it, `worker-hoards` says more
    if told is None or told.slots is None:
        return UNKNOWN
    if told.slots > worker.running or _has_no_slot(worker):
        return None
    waiting = {"reserved": worker.reserved, "waiting_s": waiting_s}
    return {**waiting, "running": worker.running, "slots": told.slots}


def stalled(facts: Facts, threshold_s: float) -> Found:
    """Tasks wait inside a worker that has free slots and begins nothing, or has no slot at all."""
    if not facts.can_hear:
        return None
    return answered((worker.name, _stalled(worker, threshold_s)) for worker in facts.workers)


def _stalled(worker: WorkerFacts, threshold_s: float) -> Answer:
    waiting_s, told = worker.waiting_s, worker.told
    if not worker.is_online:
        return UNKNOWN if worker.is_unknown else None
    if waiting_s is None or waiting_s <= threshold_s:
        return None
    if told is None or told.slots is None:
        return UNKNOWN
    if _has_no_slot(worker):
        return {"reserved": worker.reserved, "waiting_s": waiting_s, "running": 0, "slots": 0}
    # A solo pool answers between its tasks, with its slot free.
    return None if pool_name(told.pool) == SOLO else _hanging(worker, told.slots, threshold_s)


def _hanging(worker: WorkerFacts, slots: int, threshold_s: float) -> Answer:
    """Judge by what the worker says: events of a start may have been missed."""
    begun_s, held = worker.begun_s, worker.held
    if begun_s is not None and begun_s < threshold_s:
        return None
    if held is None or begun_s is None or held.age_s > begun_s:
        return UNKNOWN
    if held.waiting_s <= threshold_s or held.active >= slots:
        return None
    waiting = {"reserved": worker.reserved, "waiting_s": held.waiting_s}
    return {**waiting, "running": held.active, "slots": slots}


def _has_no_slot(worker: WorkerFacts) -> bool:
    return worker.told is not None and worker.told.slots == 0


def _free(workers: Iterable[WorkerFacts]) -> Iterator[WorkerFacts]:
    for worker in workers:
        slots = worker.told.slots if worker.told else None
        if worker.is_online and slots and worker.running + worker.reserved < slots:
            yield worker


def _idle_beside(worker: WorkerFacts, free: Iterable[WorkerFacts]) -> Evidence:
    queues = _queues(worker)
    beside = [one.name for one in free if queues.intersection(_queues(one))]
    return {"idle worker of the same queue": beside[0]} if beside else {}


def _queues(worker: WorkerFacts) -> frozenset[str]:
    return frozenset((worker.told and worker.told.queues) or ())


def differing(facts: Facts, _: float) -> Found:
    """Online workers of one queue register different tasks or run different Celery versions."""
    if not facts.can_hear:
        return None
    teams: dict[str, list[WorkerFacts]] = defaultdict(list)
    for queues, worker in _kinds(facts.workers):
        for queue in queues:
            teams[queue].append(worker)
    found = ((queue, _difference(team)) for queue, team in teams.items())
    return [Finding(queue, evidence) for queue, evidence in found if evidence]


def _kinds(workers: Iterable[WorkerFacts]) -> Iterator[tuple[Sequence[str], WorkerFacts]]:
    """Yield one of each group of identical workers, with its queues: most workers are identical."""
    seen = set()
    for worker in workers:
        if worker.is_online and (told := worker.told):
            kind = (told.queues, told.registered, worker.version)
            if kind not in seen:
                seen.add(kind)
                yield told.queues or (), worker


def _difference(team: Iterable[WorkerFacts]) -> Evidence:
    """Return the first difference between two workers, empty where there is none."""
    first, *others = team
    for other in others:
        if first.version and other.version and first.version != other.version:
            return {first.name: f"Celery {first.version}", other.name: f"Celery {other.version}"}
        if differing := _tasks_differ(first, other):
            return differing
    return {}


def _tasks_differ(one: WorkerFacts, other: WorkerFacts) -> Evidence:
    """Return the tasks that only one of two workers registers, by worker."""
    mine, theirs = (set((worker.told and worker.told.registered) or ()) for worker in (one, other))
    if not mine or not theirs or mine == theirs:
        return {}
    only = {one.name: mine - theirs, other.name: theirs - mine}
    return {name: _alone(tasks) for name, tasks in only.items()}


def _alone(tasks: set[str]) -> str:
    """Say which tasks only one worker registers: the first few names and a count."""
    if not tasks:
        return "nothing that the other lacks"
    named = ", ".join(sorted(tasks)[:MAX_NAMED_TASKS])
    more = len(tasks) - MAX_NAMED_TASKS
    return f"only here: {named}{f' and {more} more' if more > 0 else ''}"


RULES: Final = (
    Rule(
        "worker-stalled",
        "worker",
        "error",
        "Received tasks are not started",
        "Slots are free and yet nothing starts, or the pool was shrunk to none. Grow the pool where"
        " it has no slot; else look at the worker's log and restart it: its pool may hang.",
        stalled,
        needs_s=lambda threshold_s: threshold_s + ASKED_S,
    ),
    Rule(
        "workers-differ",
        "queue",
        "warning",
        "Workers of one queue differ",
        "Deploy the same code to all workers of this queue, or route tasks that only some of them"
        " know to a separate queue: a worker discards tasks that it does not know.",
        differing,
        lasting=True,
        needs_s=lambda _: ASKED_S,
    ),
    Rule(
        "worker-full",
        "worker",
        "warning",
        "Received tasks wait for a slot",
        "All slots of this worker are taken. Grow the pool, find out what its tasks wait for, or"
        " set worker_prefetch_multiplier = 1 so that other workers can take them.",
        full,
        needs_s=lambda _: ASKED_S,
    ),
    Rule(
        "worker-hoards",
        "worker",
        "warning",
        "Tasks wait behind long ones",
        "Set worker_prefetch_multiplier = 1, and acks_late for long tasks, or give long tasks"
        " their own workers: no other worker can take what this one has reserved.",
        hoarding,
        needs_s=lambda _: ASKED_S,
    ),
)
