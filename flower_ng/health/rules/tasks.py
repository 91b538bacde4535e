"""Rules about tasks and their types. Pure."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from flower_ng.health.facts.records import Counts, Facts, RunningTask, TypeFacts
from flower_ng.health.problem import Evidence
from flower_ng.health.rules.rule import ASKED_S, Finding, Found, Rule

#: With fewer runs, a 99th percentile is not meaningful.
MIN_RUNS: Final = 50
#: Runs shorter than this are never reported as slow, however short they usually are.
MIN_SLOW_S: Final = 60.0
#: Fewer failures or retries than this may be chance.
MIN_FAILED: Final = 10
MIN_RETRIED: Final = 20
#: Celery's own task that waits for a chord by retrying itself: its retries are normal.
UNLOCKING: Final = "celery.chord_unlock"
#: A lower usual failure rate counts as this: one failure in a thousand tasks is no increase.
MIN_USUAL_RATE: Final = 0.02
#: With fewer finished tasks before, there is no usual failure rate.
MIN_BASELINE: Final = 50


def long(facts: Facts, threshold_s: float) -> Found:
    """Tasks that have run longer than a fixed time."""
    return _running(facts, lambda task: task.runs_s > threshold_s)


def slow(facts: Facts, factor: float) -> Found:
    """Tasks that have run several times as long as the 99th percentile of their type."""
    if facts.types is None:
        return None
    usual = {
        one.name: one.p99_s for one in facts.types if one.p99_s is not None and one.runs >= MIN_RUNS
    }
    return _running(
        facts,
        lambda task: task.runs_s > max(MIN_SLOW_S, factor * usual[task.type]),
        among=usual,
        more=lambda task: {"usual_s": usual[task.type]},
    )


def near_limit(facts: Facts, share: float) -> Found:
    """Tasks that their worker will soon kill because of its `task_time_limit`."""
    return _running(
        facts,
        lambda task: task.limit_s is not None and task.runs_s > share * task.limit_s,
        more=lambda task: {} if task.limit_s is None else {"limit_s": task.limit_s},
    )


def _running(
    facts: Facts,
    test: Callable[[RunningTask], bool],
    *,
    among: Mapping[str, object] | None = None,
    more: Callable[[RunningTask], Evidence] = lambda _: {},
) -> list[Finding] | None:
    """Return a finding for each type with tasks on online workers for which `test` is true."""
    if not facts.can_hear or not facts.has_returned:
        return None
    types: dict[str, list[RunningTask]] = defaultdict(list)
    for task in facts.running:
        is_candidate = task.is_worker_online and task.claimed is not False
        if is_candidate and (among is None or task.type in among) and test(task):
            types[task.type].append(task)
    return [Finding(name, _oldest(tasks, more)) for name, tasks in types.items()]


def _oldest(
    tasks: Sequence[RunningTask], more: Callable[[RunningTask], Evidence] = lambda _: {}
) -> Evidence:
    oldest = max(tasks, key=lambda task: task.runs_s)
    about: Evidence = {"oldest_task": oldest.uuid, "worker": oldest.worker, "runs_s": oldest.runs_s}
    return {"tasks": len(tasks), **about, **more(oldest)}


def unclaimed(facts: Facts, threshold_s: float) -> Found:
    """Tasks in STARTED that their worker does not run, and whose end is unknown."""
    if not facts.can_hear or not facts.has_returned:
        return None
    types: dict[str, list[RunningTask]] = defaultdict(list)
    for task in facts.running:
        is_lost = task.claimed is False and task.is_asked
        if task.is_worker_online and is_lost and task.runs_s > threshold_s:
            types[task.type].append(task)
    return [Finding(name, _oldest(tasks)) for name, tasks in types.items()]


def failing(facts: Facts, factor: float) -> Found:
    """Task types that fail far more often than usual."""
    if facts.types is None or not facts.can_hear:
        return None
    return [
        Finding(one.name, evidence)
        for one in facts.types
        if (evidence := _failing(one.recent, one.usual, factor))
    ]


def _failing(recent: Counts, usual: Counts, factor: float) -> Evidence:
    share, before = recent.failed_share, usual.failed_share
    if share is None or before is None or usual.ended < MIN_BASELINE or recent.failed < MIN_FAILED:
        return {}
    if share < min(0.9, factor * max(before, MIN_USUAL_RATE)):
        return {}
    if share < 1.5 * before:
        return {}
    return {
        "failed": recent.failed,
        "ended": recent.ended,
        "within_s": recent.over_s,
        "failed_share": share,
        "usual_share": before,
    }


def retrying(facts: Facts, minimum: float) -> Found:
    """Task types with far more retries than completed tasks."""
    if facts.types is None or not facts.can_hear:
        return None
    others = [one for one in facts.types if one.name != UNLOCKING]
    return [Finding(one.name, evidence) for one in others if (evidence := _retrying(one, minimum))]


def _retrying(one: TypeFacts, minimum: float) -> Evidence:
    recent = one.recent
    if recent.retried < max(MIN_RETRIED, minimum * max(1, recent.ended)):
        return {}
    return {"retried": recent.retried, "ended": recent.ended, "within_s": recent.over_s}


def new_exceptions(facts: Facts, hours: float) -> Found:
    """Exceptions that a task type had not raised before."""
    return [
        Finding(
            f"{new.type}: {new.exception}",
            {"first_task": new.uuid, "first_at": new.at, "tasks": new.count},
        )
        for new in facts.new_exceptions
        if facts.now - new.at < hours * 3600
    ]


RULES: Final = (
    Rule(
        "task-unclaimed",
        "type",
        "error",
        "Started tasks that no worker runs",
        "Their worker says that it does not run them, and neither events nor the result backend"
        " say that they ended. A pool process may have died, a task may have raised Ignore(), or"
        " events were lost. Check what each has done before you run it again.",
        unclaimed,
        needs_s=lambda _: ASKED_S,
    ),
    Rule(
        "task-failing",
        "type",
        "error",
        "More tasks fail than usual",
        "Look at the latest failures of this type, and at what changed: a deployment, a service"
        " that it calls, its data.",
        failing,
    ),
    Rule(
        "task-retrying",
        "type",
        "warning",
        "Tasks are retried repeatedly",
        "Look at the exceptions of the retries; a service that the task calls may be down. Longer"
        " pauses (retry_backoff) keep the workers free for other tasks.",
        retrying,
    ),
    Rule(
        "task-near-limit",
        "type",
        "warning",
        "Tasks near their time limit",
        "Their worker will kill them at its task_time_limit. Raise it, or split the tasks into"
        " smaller ones.",
        near_limit,
        needs_s=lambda _: ASKED_S,
    ),
    Rule(
        "task-slow",
        "type",
        "warning",
        "Tasks run much longer than usual",
        "Find out what the task waits for. A time limit (task_soft_time_limit) ends tasks that"
        " hang.",
        slow,
    ),
    Rule(
        "task-long",
        "type",
        "warning",
        "Long-running tasks",
        "If this is normal for the type, raise the threshold; otherwise find out what the task"
        " waits for.",
        long,
    ),
    Rule(
        "task-new-exception",
        "type",
        "warning",
        "New type of exception",
        "Look at the first task that failed with it, and at what changed before.",
        new_exceptions,
    ),
)
