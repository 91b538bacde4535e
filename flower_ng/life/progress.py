"""How far a task has come, as a number that only grows. Pure.

It does not depend on the order in which events come. The store compares it where two records of
one task meet.
"""

from collections.abc import Sequence
from math import ceil
from typing import Final

from celery import states

from flower_ng.life.runs import Run

#: Of a run that goes on or is run again; each further run of its attempt is one EIGHTH later.
_GOING: Final = {
    states.PENDING: 0, states.RECEIVED: 1, states.STARTED: 2, states.REJECTED: 4,
}  # fmt: skip
_CUSTOM: Final = 3
_REQUEUED: Final = 5
_EIGHTH: Final = 8
#: Of one whose attempt has ended.
_ENDED: Final = {
    states.RETRY: 40_000, states.REVOKED: 50_000, states.FAILURE: 50_001, states.SUCCESS: 50_002,
}  # fmt: skip
FIRST_ENDED: Final = min(_ENDED.values())
FIRST_FINAL: Final = _ENDED[states.REVOKED]
#: The least of an attempt that is run again.
FURTHER_RUN: Final = 2 * _EIGHTH
MAX_RUNS: Final = 4000
#: A progress is a number of 63 bits: corrections, replacements, attempt, and the place in it.
ATTEMPT_BITS: Final = 16
#: Above these, and below those of corrections, is how often the task was replaced.
LIFE_BITS: Final = 38
MAX_LIVES: Final = 1 << 10
CORRECTION: Final = 1 << 48
#: What is less is the progress of a task whose first attempt is its only one.
ONE_RUN: Final = 1 << ATTEMPT_BITS


def progress_in_attempt(state: str, run: int = 1) -> int:
    """Return how far an attempt has come that is in a state, in its first or a further run."""
    ended = _ENDED.get(state)
    if ended is not None:
        return ended
    return _EIGHTH * min(run, MAX_RUNS) + _GOING.get(state, _CUSTOM)


def progress_of_state(state: str, retries: int | None) -> int:
    """Return how far a task has come of which no more is known than its state."""
    if state == states.PENDING:
        return 0
    return ((retries or 0) << ATTEMPT_BITS) + progress_in_attempt(state)


def progress_of(run: Run, runs: Sequence[Run]) -> int:
    """Return how far a task has come whose decisive run, of all its runs, is this one.

    It grows as the task goes on, whatever the order in which its events come.
    """
    alike = sum(other.place == run.place and other.life == run.life for other in runs)
    attempt = max(0, ceil(run.place))
    if run.is_requeued:
        within = _EIGHTH * min(alike, MAX_RUNS) + _REQUEUED
    else:
        within = progress_in_attempt(run.state, alike)
    return (min(run.life, MAX_LIVES - 1) << LIFE_BITS) + (attempt << ATTEMPT_BITS) + within


def told_otherwise(progress: int, state: str) -> int:
    """Return the progress of a task whose newest attempt is in a state that no event told."""
    return (progress >> ATTEMPT_BITS << ATTEMPT_BITS) + progress_in_attempt(state)
