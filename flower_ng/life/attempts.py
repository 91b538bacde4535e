"""The order of the runs of a task, and which of them determines its state. Pure.

An attempt may be run more than once: its message is delivered again when a worker is lost, when the
task asks for it, or when it was not acknowledged in time. A task that was replaced by another one
(`Task.replace`) begins anew under the same id.
"""

from collections.abc import Iterable, Sequence
from math import floor
from operator import attrgetter

from celery import states

from flower_ng.life.runs import RANKS, Run

first_at = attrgetter("first_at")


def ordered(runs: Iterable[Run]) -> list[Run]:
    """Return runs by the task that they are of, where it was replaced, then attempt, then time.

    What is not known of a run is inferred from its time.
    """
    by_time = sorted(runs, key=attrgetter("first_at"))
    lives: dict[str, int] = {}
    number = -1
    for run in by_time:
        if run.received is not None and run.name not in lives:
            lives[run.name], number = len(lives), -1
        run.life = max(0, len(lives) - 1) if run.received is None else lives[run.name]
        if run.retries is not None:
            number = max(number, run.retries)
        run.place = number + 0.5 if run.retries is None else float(run.retries)
    return sorted(by_time, key=attrgetter("life", "place", "first_at"))


def decisive(runs: Sequence[Run]) -> Run | None:
    """Return the run whose state is the task's, of runs in their order.

    That is the newest run of the newest attempt; but an attempt that ended for good in one of its
    runs has ended, whatever becomes of those that began before. One that succeeded stays so, as in
    Celery's result backends; one that failed or was revoked, and is delivered again, goes on.
    """
    group = _newest_attempt(runs)
    finals = [run for run in group if run.is_final and not _goes_on(run, group)]
    if finals:
        return min(reversed(finals), key=lambda run: RANKS[run.outcome or ""])
    return _newest(group)


def is_inferred(run: Run, runs: Sequence[Run]) -> bool:
    """Whether the state of this run, of all runs, may be that of another attempt."""
    return run.is_inferred and any(
        other.attempt != run.attempt and (other.is_inferred or other.outcome is None)
        for other in runs
    )


def _goes_on(run: Run, group: Sequence[Run]) -> bool:
    """Whether an attempt was run again after a failure or a revocation, and has not ended since."""
    return run.outcome != states.SUCCESS and any(
        not other.is_final and other.first_at > (run.ended or 0.0) for other in group
    )


def _newest_attempt(runs: Sequence[Run]) -> list[Run]:
    """Return the runs of the newest attempt, and those that may be of a later one.

    An attempt that was delivered again after the newest one had ended is counted to it.
    """
    newest = [run for run in runs if run.life == runs[-1].life]
    numbers = [run.retries for run in newest if run.retries is not None]
    number = max(numbers, default=None)
    group = [run for run in newest if run.retries == number and number is not None]
    since = min((run.first_at for run in group), default=0.0)
    ended = max((run.ended or 0.0 for run in group if run.is_final), default=None)
    for run in newest:
        if run.retries is None:
            if run.first_at > since:
                group.append(run)
        elif run.retries != number and ended is not None and run.first_at > ended:
            group.append(run)
    return group


def _newest(group: Sequence[Run]) -> Run | None:
    """Return the newest; one of an unknown attempt that began later is of one that was retried."""
    known = max((run for run in group if run.retries is not None), key=first_at, default=None)
    began = 0.0 if known is None else known.first_at
    unknown = [run for run in group if run.retries is None and run.first_at >= began]
    candidates = unknown if known is None else [known, *unknown]
    going = [run for run in candidates if run.outcome != states.RETRY]
    return max(going or candidates, key=first_at, default=None)


def retries_of(runs: Sequence[Run], sent: int | None) -> int | None:
    """Return the number of the newest attempt, from 0; None where no event told.

    `sent` is the highest that was sent; of a task that was replaced it may be the other one's.
    """
    newest = runs[-1].life if runs else 0
    numbers = [run.retries for run in runs if run.life == newest and run.retries is not None]
    if sent is not None and not newest:
        numbers.append(sent)
    return max(numbers, default=None)


def names(runs: Sequence[Run], run: Run) -> tuple[str, str | None] | None:
    """Return the name of the task that a run is of, and its first one where it was replaced.

    None where no receipt told one.
    """
    known = [one.name for one in runs if one.name]
    if not known:
        return None
    name = next((one.name for one in reversed(runs) if one.life == run.life and one.name), "")
    name = name or known[-1]
    return name, None if known[0] == name else known[0]


def newest_raised(runs: Sequence[Run]) -> Run | None:
    """Return the newest run that has an exception; one of an unknown attempt goes by its time."""
    raised = [run for run in runs if run.exception]
    return max(raised, key=lambda run: (run.life, floor(run.place), run.first_at), default=None)


def newest(runs: Sequence[Run], field: str) -> float | None:
    """Return a time of the newest run that has it, of runs in their order."""
    return next((at for run in reversed(runs) if (at := getattr(run, field)) is not None), None)
