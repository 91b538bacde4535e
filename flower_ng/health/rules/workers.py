"""Rules about workers. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from flower_ng.health.facts.records import Facts, WorkerFacts
from flower_ng.health.facts.task_observer import IDENTITY_S
from flower_ng.health.facts.worker_answers import LEAST_S, WARM_S
from flower_ng.health.problem import Evidence
from flower_ng.health.rules.rule import (
    ASKED_S,
    UNKNOWN,
    Answer,
    Find,
    Finding,
    Found,
    Rule,
    answered,
)

#: A worker that was silent for longer is history, unless it left tasks behind.
HISTORY_S: Final = 86_400.0
#: Tasks that only some know are named up to here.
MOST_NAMED: Final = 3
#: Less growth is no leak, whatever its share.
LEAST_GROWTH_BYTES: Final = 100_000_000


#: What a test says of a worker.
Test: TypeAlias = Callable[[WorkerFacts, float], Answer]


def each(test: Test) -> Find:
    """Ask `test` of each worker; where events can't arrive, nothing is known of any."""

    def find(facts: Facts, threshold: float) -> Found:
        if not facts.can_hear:
            return None
        return answered((worker.name, test(worker, threshold)) for worker in facts.workers)

    return find


def silent(worker: WorkerFacts, threshold_s: float) -> Answer:
    """No sign of life, and no goodbye; its tasks are another rule's."""
    if worker.status == "unknown":
        return UNKNOWN
    if worker.status != "silent" or worker.running:
        return None
    # Silence before a restart or an outage does not count: until it is long enough anew, what was
    # said of it stays.
    return {"silent_s": worker.silent_s} if worker.silent_s > threshold_s else UNKNOWN


def left_behind(facts: Facts, least: float) -> Found:
    """Workers are gone, and of tasks that they had started nobody knows an end."""
    if not facts.can_hear or not facts.has_returned:
        return None
    return answered((worker.name, _left_behind(worker, least)) for worker in facts.workers)


def _left_behind(worker: WorkerFacts, least: float) -> Answer:
    if worker.status == "unknown":
        return UNKNOWN
    if worker.is_online or worker.running < least:
        return None
    if worker.lost < least:
        return UNKNOWN  # the result backend is yet to be asked
    since: Evidence = {} if worker.status == "purged" else {"silent_s": worker.silent_s}
    because: Evidence = {"reason": worker.lost_because} if worker.lost_because else {}
    return {"tasks without a known end": worker.lost, **since, **because}


def unanswering(worker: WorkerFacts, threshold_s: float) -> Answer:
    """It sends heartbeats and answers no question."""
    if worker.status == "unknown":
        return UNKNOWN
    if not worker.is_online:
        return None
    if worker.unanswered_s is None:
        return None if worker.told else UNKNOWN
    if worker.unanswered_s < threshold_s:
        return UNKNOWN
    return {"unanswered_s": worker.unanswered_s, "reason": worker.why}


def skewed(worker: WorkerFacts, threshold_s: float) -> Answer:
    """Its clock and ours differ."""
    if worker.status == "unknown" or (worker.is_online and worker.skew_s is None):
        return UNKNOWN
    if not worker.is_online or worker.skew_s is None or abs(worker.skew_s) < threshold_s:
        return None
    side = "ahead_s" if worker.skew_s > 0 else "behind_s"
    return {side: abs(worker.skew_s)}


def twins(worker: WorkerFacts, threshold: float) -> Answer:
    """Its process or its count of tasks goes back and forth: two speak under one name."""
    if worker.switches < threshold:
        return None
    return {"changes of identity in a minute": worker.switches}


def loaded(worker: WorkerFacts, most: float) -> Answer:
    """The load of its host over 15 minutes is more than it should be."""
    if worker.status == "unknown":
        return UNKNOWN
    if not worker.is_online or not worker.load or worker.load[-1] <= most:
        return None
    return {"load over 15 minutes": worker.load[-1]}


def growing(worker: WorkerFacts, factor: float) -> Answer:
    """The main process holds far more memory than it did."""
    growth = worker.growth
    if growth is None or growth.now_bytes - growth.before_bytes < LEAST_GROWTH_BYTES:
        return None
    if growth.now_bytes < factor * growth.before_bytes:
        return None
    sizes = {"before_bytes": growth.before_bytes, "now_bytes": growth.now_bytes}
    return {**sizes, "within_s": growth.over_s}


def churning(worker: WorkerFacts, threshold: float) -> Answer:
    """Children of the pool are replaced, and no setting explains it."""
    churn = worker.churn
    if churn is None or churn.replaced - churn.explained < threshold:
        return None
    counts = {"children replaced": churn.replaced, "explained by settings": round(churn.explained)}
    return {**counts, "within_s": churn.over_s}


def absent(facts: Facts, _: float) -> Found:
    """No worker is online, though some were."""
    if not facts.can_hear or any(worker.status == "unknown" for worker in facts.workers):
        return None
    if any(worker.is_online for worker in facts.workers):
        return []
    known = [worker for worker in facts.workers if worker.silent_s < HISTORY_S]
    seen_at = facts.online_at
    was_online = seen_at is not None and facts.now - seen_at < HISTORY_S
    return [Finding("", {"workers known": len(known)})] if known or was_online else []


def hoarding(facts: Facts, threshold_s: float) -> Found:
    """Tasks wait inside a worker, while another of the same queue has free slots."""
    if not facts.can_hear:
        return None
    free = list(_free(facts.workers))
    return [
        Finding(worker.name, {"reserved": worker.reserved, "waiting_s": worker.waiting_s, **idle})
        for worker in facts.workers
        if worker.is_online and worker.waiting_s is not None and worker.waiting_s > threshold_s
        if (idle := _idle_beside(worker, free))
    ]


def full(facts: Facts, threshold_s: float) -> Found:
    """Tasks wait inside a worker that has no free slot, or none at all."""
    if not facts.can_hear:
        return None
    free = list(_free(facts.workers))
    return answered((worker.name, _full(worker, free, threshold_s)) for worker in facts.workers)


def _full(worker: WorkerFacts, free: Sequence[WorkerFacts], threshold_s: float) -> Answer:
    waiting_s, told = worker.waiting_s, worker.told
    if not worker.is_online:
        return UNKNOWN if worker.status == "unknown" else None
    if waiting_s is None or waiting_s <= threshold_s or _idle_beside(worker, free):
        return None  # with an idle worker beside it, the next rule tells more
    if told is None or told.slots is None:
        return UNKNOWN
    if told.slots > worker.running:
        return None
    waiting = {"reserved": worker.reserved, "waiting_s": waiting_s}
    return {**waiting, "running": worker.running, "slots": told.slots}


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
    """Online workers of one queue do not know the same tasks, or run other Celery versions."""
    if not facts.can_hear:
        return None
    teams: dict[str, list[WorkerFacts]] = defaultdict(list)
    for queues, worker in _kinds(facts.workers):
        for queue in queues:
            teams[queue].append(worker)
    found = ((queue, _difference(team)) for queue, team in teams.items())
    return [Finding(queue, evidence) for queue, evidence in found if evidence]


def _kinds(workers: Iterable[WorkerFacts]) -> Iterator[tuple[Sequence[str], WorkerFacts]]:
    """Yield the first of those that are alike, with its queues: most workers are."""
    seen = set()
    for worker in workers:
        if worker.is_online and (told := worker.told):
            kind = (told.queues, told.registered, worker.version)
            if kind not in seen:
                seen.add(kind)
                yield told.queues or (), worker


def _difference(team: Iterable[WorkerFacts]) -> Evidence:
    """Name two that differ."""
    first, *others = team
    for other in others:
        if first.version and other.version and first.version != other.version:
            return {first.name: f"Celery {first.version}", other.name: f"Celery {other.version}"}
        if differing := _tasks_differ(first, other):
            return differing
    return {}


def _tasks_differ(one: WorkerFacts, other: WorkerFacts) -> Evidence:
    """Name the tasks that only one of two knows."""
    mine, theirs = (set((worker.told and worker.told.registered) or ()) for worker in (one, other))
    if not mine or not theirs or mine == theirs:
        return {}
    only = {one.name: mine - theirs, other.name: theirs - mine}
    return {name: _alone(tasks) for name, tasks in only.items()}


def _alone(tasks: set[str]) -> str:
    """Say which tasks a worker alone has, the first of many."""
    if not tasks:
        return "has none that the other lacks"
    named = ", ".join(sorted(tasks)[:MOST_NAMED])
    more = len(tasks) - MOST_NAMED
    return f"alone has {named}{f' and {more} more' if more > 0 else ''}"


RULES: Final = (
    Rule(
        "worker-gone",
        "worker",
        "error",
        "Worker gone with tasks running",
        "Neither events nor the result backend tell whether these tasks ended: look at what each"
        " has done before it is run again. Tasks with acks_late return to the queue by themselves."
        " Look in the worker's log and its host's for a crash or for a lack of memory.",
        left_behind,
    ),
    Rule(
        "worker-silent",
        "worker",
        "error",
        "Worker silent",
        "It sends no heartbeat and did not say goodbye. Look whether its process runs and reaches"
        " the broker; a solo pool sends none while a task runs.",
        each(silent),
    ),
    Rule(
        "worker-unanswering",
        "worker",
        "warning",
        "Worker answers nothing",
        "It sends heartbeats, yet no answers. Look whether remote control is enabled, whether its"
        " main process is busy (solo, gevent), and whether its control queue still exists;"
        " restarting it makes the queue anew.",
        each(unanswering),
    ),
    Rule(
        "no-workers",
        "cluster",
        "error",
        "No worker is online",
        "Start a worker, or look why all of them stopped; what is sent waits in the queues.",
        absent,
        lasting=True,
    ),
    Rule(
        "workers-twins",
        "worker",
        "error",
        "Two workers with one name",
        "Give each its own name with -n, as in -n worker1@%h: they overwrite each other's numbers,"
        " and take each other's commands.",
        each(twins),
        needs_s=lambda _: IDENTITY_S,
    ),
    Rule(
        "worker-clock",
        "worker",
        "warning",
        "Worker's clock is off",
        "Synchronise the clocks of its host and ours (NTP): ETAs, expiry and runtimes are wrong"
        " by as much. Behind may also mean that its events come late.",
        each(skewed),
    ),
    Rule(
        "workers-differ",
        "queue",
        "warning",
        "Workers of one queue differ",
        "Deploy the same code to all workers of this queue, or route what only some know to a"
        " queue of its own: a worker discards a task that it does not know.",
        differing,
        lasting=True,
        needs_s=lambda _: ASKED_S,
    ),
    Rule(
        "worker-full",
        "worker",
        "warning",
        "Received tasks wait for a slot",
        "All its slots are taken, or its pool was shrunk to none: grow the pool, look at what its"
        " tasks wait for, or set worker_prefetch_multiplier = 1, so that others can take them.",
        full,
        needs_s=lambda _: ASKED_S,
    ),
    Rule(
        "worker-hoards",
        "worker",
        "warning",
        "Tasks wait behind long ones",
        "Set worker_prefetch_multiplier = 1, and acks_late for long tasks, or give long tasks"
        " workers of their own: what a worker has reserved, no other can take.",
        hoarding,
        needs_s=lambda _: ASKED_S,
    ),
    Rule(
        "worker-load",
        "worker",
        "warning",
        "Host overloaded",
        "Give its workers fewer slots, or the host more cores. How many cores it has is not known"
        " here, so the rule is off until you say what is too much.",
        each(loaded),
    ),
    Rule(
        "worker-memory",
        "worker",
        "warning",
        "Worker's memory grows",
        "Look for what its main process holds on to. The pool's children can't be seen here:"
        " worker_max_memory_per_child bounds them.",
        each(growing),
        needs_s=lambda _: LEAST_S + WARM_S,
    ),
    Rule(
        "worker-churn",
        "worker",
        "warning",
        "Pool's children are replaced",
        "More children were replaced than worker_max_tasks_per_child explains: look in the"
        " worker's log for crashes, time limits and a lack of memory (WorkerLostError).",
        each(churning),
        needs_s=lambda _: LEAST_S,
    ),
)
