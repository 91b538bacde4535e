"""Rules about tasks and their types. Pure."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from flower_ng.health.facts.records import Counts, Facts, RunningTask, TypeFacts
from flower_ng.health.problem import Evidence
from flower_ng.health.rules.rule import ASKED_S, Finding, Found, Rule

#: A 99th percentile of fewer runs says little.
LEAST_RUNS: Final = 50
#: Twice nothing is nothing: shorter runs are not slow.
LEAST_SLOW_S: Final = 60.0
#: Failures and retries are told from fewer tasks than this only by chance.
LEAST_FAILED: Final = 10
LEAST_RETRIED: Final = 20
#: Celery's own task, which waits for a chord by being retried.
UNLOCKING: Final = "celery.chord_unlock"
#: The usual share of failures, where it is less: a first failure in a thousand is no rise.
LEAST_SHARE: Final = 0.02
#: Without as many before, nothing is usual.
LEAST_USUAL: Final = 50


def long(facts: Facts, threshold_s: float) -> Found:
    """Tasks that run for so long, whatever is usual."""
    return _running(facts, lambda task: task.runs_s > threshold_s)


def slow(facts: Facts, factor: float) -> Found:
    """Tasks that run for a multiple of what nearly all of their type take."""
    if facts.types is None:
        return None
    usual = {
        one.name: one.p99_s
        for one in facts.types
        if one.p99_s is not None and one.runs >= LEAST_RUNS
    }
    return _running(
        facts,
        lambda task: task.runs_s > max(LEAST_SLOW_S, factor * usual[task.type]),
        among=usual,
        more=lambda task: {"usual_s": usual[task.type]},
    )


def near_limit(facts: Facts, share: float) -> Found:
    """Tasks that their worker will soon end, by its own `task_time_limit`."""
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
    """Tell by type of the tasks on online workers for which `test` holds."""
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
    """Tasks in STARTED that their worker does not run, and of which nobody knows an end."""
    if not facts.can_hear or not facts.has_returned:
        return None
    types: dict[str, list[RunningTask]] = defaultdict(list)
    for task in facts.running:
        is_lost = task.claimed is False and task.is_asked
        if task.is_worker_online and is_lost and task.runs_s > threshold_s:
            types[task.type].append(task)
    return [Finding(name, _oldest(tasks)) for name, tasks in types.items()]


def failing(facts: Facts, factor: float) -> Found:
    """Types of which far more fail than usual."""
    if facts.types is None or not facts.can_hear:
        return None
    return [
        Finding(one.name, evidence)
        for one in facts.types
        if (evidence := _failing(one.recent, one.usual, factor))
    ]


def _failing(recent: Counts, usual: Counts, factor: float) -> Evidence:
    share, before = recent.failed_share, usual.failed_share
    if share is None or before is None or usual.ended < LEAST_USUAL or recent.failed < LEAST_FAILED:
        return {}
    if share < min(0.9, factor * max(before, LEAST_SHARE)):
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


def retrying(facts: Facts, least: float) -> Found:
    """Types that are retried again and again rather than done."""
    if facts.types is None or not facts.can_hear:
        return None
    others = [one for one in facts.types if one.name != UNLOCKING]
    return [Finding(one.name, found) for one in others if (found := _retrying(one, least))]


def _retrying(one: TypeFacts, least: float) -> Evidence:
    recent = one.recent
    if recent.retried < max(LEAST_RETRIED, least * max(1, recent.ended)):
        return {}
    return {"retried": recent.retried, "ended": recent.ended, "within_s": recent.over_s}


def unheard_of(facts: Facts, hours: float) -> Found:
    """Exceptions that a type had not raised before."""
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
        "Their worker was asked and does not run them, and neither events nor the result backend"
        " tell an end: a process of the pool may have died, a task may have raised Ignore(), or"
        " events were lost. Look at what each has done before it is run again.",
        unclaimed,
        needs_s=lambda _: ASKED_S,
    ),
    Rule(
        "task-failing",
        "type",
        "error",
        "More tasks fail than usual",
        "Look at the newest failures of this type, and at what changed: a deployment, a service"
        " that it calls, its data.",
        failing,
    ),
    Rule(
        "task-retrying",
        "type",
        "warning",
        "Tasks are retried again and again",
        "Look at the exceptions of the retries; a service that it calls may be down. Longer"
        " pauses (retry_backoff) keep the workers free for others.",
        retrying,
    ),
    Rule(
        "task-near-limit",
        "type",
        "warning",
        "Tasks near their time limit",
        "Their worker will end them at its task_time_limit: raise it, or make the tasks smaller.",
        near_limit,
        needs_s=lambda _: ASKED_S,
    ),
    Rule(
        "task-slow",
        "type",
        "warning",
        "Tasks run far longer than usual",
        "Look at what the task waits for; a time limit (task_soft_time_limit) ends those that"
        " hang.",
        slow,
    ),
    Rule(
        "task-long",
        "type",
        "warning",
        "Tasks run for long",
        "If that is usual for this type, raise the option; else look at what the task waits for.",
        long,
    ),
    Rule(
        "task-new-exception",
        "type",
        "warning",
        "An exception not seen before",
        "Look at the task that failed first, and at what was changed before.",
        unheard_of,
    ),
)
