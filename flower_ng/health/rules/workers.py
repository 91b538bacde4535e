"""Rules about single workers: heartbeats, answers, clock, name, load, memory. Pure."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

from flower_ng.health.facts.records import Facts, WorkerFacts
from flower_ng.health.facts.task_observer import IDENTITY_S
from flower_ng.health.facts.worker_answers import LEAST_S, WARM_S
from flower_ng.health.rules.rule import (
    UNKNOWN,
    Answer,
    Find,
    Finding,
    Found,
    Rule,
    answered,
)

if TYPE_CHECKING:
    from flower_ng.health.problem import Evidence

#: Workers silent for longer than a day do not count as missing.
HISTORY_S: Final = 86_400.0
#: A worker that said goodbye still waits for its tasks to end; nobody can know for how long.
FAREWELL_S: Final = 600.0
#: Growth by less than 100 MB is not reported as a leak, whatever its factor.
MIN_GROWTH_BYTES: Final = 100_000_000


#: A test of one worker with a threshold.
Test: TypeAlias = Callable[[WorkerFacts, float], Answer]


def each(test: Test) -> Find:
    """Apply `test` to each worker; None while there is no event connection."""

    def find(facts: Facts, threshold: float) -> Found:
        if not facts.can_hear:
            return None
        return answered((worker.name, test(worker, threshold)) for worker in facts.workers)

    return find


def silent(worker: WorkerFacts, threshold_s: float) -> Answer:
    """No heartbeat and no worker-offline event, and no running tasks (see `left_behind`)."""
    if worker.is_unknown:
        return UNKNOWN
    if worker.status != "silent" or worker.running:
        return None
    # Silence before a restart or an outage does not count: until the new silence is long enough, a
    # raised problem stays.
    return {"silent_s": worker.silent_s} if worker.silent_s > threshold_s else UNKNOWN


def left_behind(facts: Facts, minimum: float) -> Found:
    """Workers are gone, and it is unknown how tasks that they had started ended."""
    if not facts.can_hear or not facts.has_returned:
        return None
    return answered((worker.name, _left_behind(worker, minimum)) for worker in facts.workers)


def _left_behind(worker: WorkerFacts, minimum: float) -> Answer:
    if worker.is_unknown:
        return UNKNOWN
    if worker.is_online or worker.running < minimum:
        return None
    if worker.status == "left" and worker.silent_s < FAREWELL_S:
        return UNKNOWN
    if worker.lost < minimum:
        return UNKNOWN  # the result backend has not been asked yet
    since: Evidence = {} if worker.status == "purged" else {"silent_s": worker.silent_s}
    because: Evidence = {"reason": worker.lost_because} if worker.lost_because else {}
    return {"tasks without a known end": worker.lost, **since, **because}


def unanswering(worker: WorkerFacts, threshold_s: float) -> Answer:
    """The worker sends heartbeats but does not answer inspections."""
    if worker.is_unknown:
        return UNKNOWN
    if not worker.is_online:
        return None
    if worker.unanswered_s is None:
        return None if worker.told else UNKNOWN
    if worker.unanswered_s < threshold_s:
        return UNKNOWN
    return {"unanswered_s": worker.unanswered_s, "reason": worker.why}


def unanswered(facts: Facts, threshold_s: float) -> Found:
    """Apply `unanswering`; None while nobody can answer, because the broker takes no messages."""
    if facts.broker is not None and facts.broker.blocks_publishers:
        return None
    return each(unanswering)(facts, threshold_s)


def skewed(worker: WorkerFacts, threshold_s: float) -> Answer:
    """The worker's clock differs from that of flower_ng's host."""
    if worker.is_unknown or (worker.is_online and worker.skew_s is None):
        return UNKNOWN
    if not worker.is_online or worker.skew_s is None or abs(worker.skew_s) < threshold_s:
        return None
    side = "ahead_s" if worker.skew_s > 0 else "behind_s"
    return {side: abs(worker.skew_s)}


def twins(worker: WorkerFacts, threshold: float) -> Answer:
    """Its process id or task counter goes back and forth: two workers share one name."""
    if worker.switches < threshold:
        return None
    return {"changes of identity in a minute": worker.switches}


def loaded(worker: WorkerFacts, maximum: float) -> Answer:
    """The 15-minute load average of its host exceeds the threshold."""
    if worker.is_unknown:
        return UNKNOWN
    if not worker.is_online or not worker.load or worker.load[-1] <= maximum:
        return None
    return {"load over 15 minutes": worker.load[-1]}


def growing(worker: WorkerFacts, factor: float) -> Answer:
    """The main process uses far more memory than it did an hour or more ago."""
    growth = worker.growth
    if growth is None or growth.now_bytes - growth.before_bytes < MIN_GROWTH_BYTES:
        return None
    if growth.now_bytes < factor * growth.before_bytes:
        return None
    sizes = {"before_bytes": growth.before_bytes, "now_bytes": growth.now_bytes}
    return {**sizes, "within_s": growth.over_s}


def churning(worker: WorkerFacts, threshold: float) -> Answer:
    """Pool processes are replaced more often than the worker's settings explain."""
    churn = worker.churn
    if churn is None or churn.replaced - churn.explained < threshold:
        return None
    counts = {"children replaced": churn.replaced, "explained by settings": round(churn.explained)}
    return {**counts, "within_s": churn.over_s}


def absent(facts: Facts, _: float) -> Found:
    """No worker is online, though some were within the last day."""
    if not facts.can_hear or any(worker.is_unknown for worker in facts.workers):
        return None
    if any(worker.is_online for worker in facts.workers):
        return []
    known = [worker for worker in facts.workers if worker.silent_s < HISTORY_S]
    seen_at = facts.online_at
    was_online = seen_at is not None and facts.now - seen_at < HISTORY_S
    return [Finding("", {"workers known": len(known)})] if known or was_online else []


RULES: Final = (
    Rule(
        "worker-gone",
        "worker",
        "error",
        "Worker gone with tasks running",
        "Neither events nor the result backend say whether these tasks ended: check what each has"
        " done before you run it again. Tasks with acks_late return to the queue by themselves."
        " Look for a crash or a lack of memory in the logs of the worker and its host.",
        left_behind,
    ),
    Rule(
        "worker-silent",
        "worker",
        "error",
        "Worker silent",
        "It stopped sending heartbeats without announcing that it goes offline. Check that its"
        " process runs and reaches the broker. A gevent or eventlet pool sends no heartbeats while"
        " a task does not yield, and a solo pool none while a task runs.",
        each(silent),
    ),
    Rule(
        "worker-unanswering",
        "worker",
        "warning",
        "Worker does not respond",
        "It sends heartbeats but does not respond to remote control. Check that remote control is"
        " enabled, that its main process is not busy (solo, gevent) and that its control queue"
        " still exists; a restart creates the queue anew.",
        unanswered,
    ),
    Rule(
        "no-workers",
        "cluster",
        "error",
        "No worker is online",
        "Start a worker, or find out why all of them stopped. New tasks wait in the queues.",
        absent,
        lasting=True,
    ),
    Rule(
        "workers-twins",
        "worker",
        "error",
        "Two workers share one name",
        "Give each worker its own name with -n, for example -n worker1@%h. Workers with the same"
        " name overwrite each other's numbers and take each other's commands.",
        each(twins),
        needs_s=lambda _: IDENTITY_S,
    ),
    Rule(
        "worker-clock",
        "worker",
        "warning",
        "Worker clock is off",
        "Synchronise the clocks of its host and of flower_ng's host (NTP): ETAs, expiry times and"
        " runtimes are wrong by this much. A clock that is behind may also mean that its events"
        " arrive late.",
        each(skewed),
    ),
    Rule(
        "worker-load",
        "worker",
        "warning",
        "Host overloaded",
        "Give its workers fewer slots, or the host more cores. flower_ng can't see how many cores"
        " the host has, so this rule is off until you set a threshold.",
        each(loaded),
    ),
    Rule(
        "worker-memory",
        "worker",
        "warning",
        "Worker memory grows",
        "Look for a memory leak in the worker's main process. The memory of its pool processes"
        " can't be seen here; worker_max_memory_per_child limits it.",
        each(growing),
        needs_s=lambda _: LEAST_S + WARM_S,
    ),
    Rule(
        "worker-churn",
        "worker",
        "warning",
        "Pool processes keep being replaced",
        "More pool processes were replaced than worker_max_tasks_per_child explains. Look in the"
        " worker's log for crashes, time limits and a lack of memory (WorkerLostError).",
        each(churning),
        needs_s=lambda _: LEAST_S,
    ),
)
