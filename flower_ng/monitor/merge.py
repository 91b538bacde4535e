"""How an event is merged into its task: Celery's rules (`celery.events.state.Task.event`). Pure.

A logically earlier event that arrives late never moves a task back, and nothing blanks a field.
"""

from typing import Final

from celery import states
from celery.events.state import TASK_EVENT_TO_STATE  # type: ignore[attr-defined] # the types lack it

from flower_ng.monitor.records import Event, Task

#: Celery's order of states, from late to early: a greater number happens before.
_PRECEDENCE: Final[dict[str | None, int]] = states.PRECEDENCE_LOOKUP
_CUSTOM: Final = _PRECEDENCE[None]
_RECEIVED: Final = states.RECEIVED
_RETRY: Final = states.RETRY


def merge(task: Task, event: Event, subject: str) -> None:
    """Merge an event into its task; `subject` is what follows `task-` in its type.

    The time of each of Celery's eight events is kept, however late it arrives.
    """
    state = TASK_EVENT_TO_STATE.get(subject)
    if state is None:
        state = subject.upper()
    else:
        setattr(task, subject, event.timestamp)
    current = task.state
    is_late = False
    if _RETRY in (state, current):
        task.retry_passed = True  # it starts anew
    else:
        is_late = _PRECEDENCE.get(state, _CUSTOM) > _PRECEDENCE.get(current, _CUSTOM)
    if not is_late:
        task.state, task.timestamp, task.state_source = state, event.timestamp, None
    _take_what_was_asked(task, event)
    if not is_late or state != _RECEIVED:
        _take_what_became_of_it(task, event)


# Written out, because a loop over names takes six times as long, and this is done for every event.


def _take_what_was_asked(task: Task, event: Event) -> None:  # noqa: C901 - one line a field
    """Take the fields that also a late RECEIVED brings (Celery's merge_rules)."""
    if event.name is not None:
        task.name = event.name
    if event.args is not None:
        task.args = event.args
    if event.kwargs is not None:
        task.kwargs = event.kwargs
    if event.parent_id is not None:
        task.parent_id = event.parent_id
    if event.root_id is not None:
        task.root_id = event.root_id
    if event.retries is not None:
        task.retries = event.retries
    if event.eta is not None:
        task.eta = event.eta
    if event.expires is not None:
        task.expires = event.expires


def _take_what_became_of_it(task: Task, event: Event) -> None:  # noqa: C901 - one line a field
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
