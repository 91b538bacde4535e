"""Copies an event's fields into its task. Pure; on the loop, for every event.

No event blanks a field.
"""

from typing import Final

from celery import states

from flower_ng.event_record import Event
from flower_ng.life.progress import ATTEMPT_BITS, CORRECTION, FIRST_ENDED, progress_in_attempt
from flower_ng.life.runs import OUTCOMES
from flower_ng.records import BACKEND, Task

#: What follows of the next event of a task that is run once, by what follows `task-` in its type:
#: how far it is then (4 is ended), its state, and its progress in its attempt.
STEPS: Final = {
    subject: (stage, state, progress_in_attempt(state))
    for subject, stage, state in (
        ("sent", 0, states.PENDING),
        ("received", 1, states.RECEIVED),
        ("started", 2, states.STARTED),
        *((outcome, 4, state) for outcome, state in OUTCOMES.items()),
    )
}
CUSTOM: Final = 3
ENDED: Final = 4
_WITHIN: Final = (1 << ATTEMPT_BITS) - 1
CUSTOM_PROGRESS: Final = progress_in_attempt("")


def stage(task: Task) -> int:
    """Return how far a task is in its attempt, as in STEPS."""
    within = task.progress & _WITHIN
    return ENDED if within >= FIRST_ENDED else within & 7


def settle(task: Task, state: str, at: float, progress: int, source: str | None = None) -> None:
    """Set the state; one that the result backend told stands until events tell more."""
    corrections = task.progress // CORRECTION
    if task.state_source == BACKEND and corrections * CORRECTION + progress < task.progress:
        return
    task.state, task.timestamp, task.state_source = state, at, source
    progress += corrections * CORRECTION
    task.progress = progress if progress >= task.progress else progress + CORRECTION


# Written out, because a loop over names takes six times as long, and this is done for every event.


def take_what_was_asked(task: Task, event: Event) -> None:  # noqa: C901 - one line a field
    """Take the fields that also a late RECEIVED brings (Celery's merge_rules)."""
    if event.name is not None:
        task.name = event.name
    if event.args is not None:
        task.args = event.args
    if event.kwargs is not None:
        task.kwargs = event.kwargs
    if event.parent_id is not None and task.parent_id is None:  # a chain in its place is no parent
        task.parent_id = event.parent_id
    if event.root_id is not None:
        task.root_id = event.root_id
    if event.retries is not None:
        task.retries = event.retries
    if event.eta is not None:
        task.eta = event.eta
    if event.expires is not None:
        task.expires = event.expires


def take_what_became_of_it(task: Task, event: Event) -> None:  # noqa: C901 - one line a field
    """Take the other fields."""
    if event.clock is not None:
        task.clock = event.clock
    if event.result is not None:
        task.result = event.result
    if event.runtime is not None:
        task.runtime = event.runtime
    if event.exception is not None:
        task.exception = event.exception
    if event.traceback is not None:
        task.traceback = event.traceback
    if event.exchange is not None:
        task.exchange = event.exchange
    if event.routing_key is not None:
        task.routing_key = event.routing_key
    if event.queue is not None:
        task.queue = event.queue
