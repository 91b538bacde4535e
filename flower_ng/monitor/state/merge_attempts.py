"""Merges an event into a task that was retried or redelivered. Pure; on the loop.

Their order is kept in Turns (life), beside the events that told of it.
"""

from typing import Final

from celery import states

from flower_ng.event_record import Event
from flower_ng.life.progress import (
    ATTEMPT_BITS,
    progress_in_attempt,
)
from flower_ng.life.runs import EXCEPTION_LENGTH, OUTCOMES, TaskEvent
from flower_ng.life.turns import Turns
from flower_ng.monitor.state.merge_fields import (
    CUSTOM,
    STEPS,
    settle,
    stage,
    take_what_became_of_it,
    take_what_was_asked,
)
from flower_ng.records import BACKEND, Task, Worker

#: What is sent and received is a numbered attempt.
NUMBERED: Final = frozenset({"sent", "received"})
#: What attempts that follow one another are told by, and the states in which one is followed.
_TURNS: Final = frozenset({"sent", "received", "started", "succeeded", "failed", "retried"})
_TRIED: Final = frozenset({states.STARTED, states.RETRY})


def is_tried_again(task: Task, event: Event) -> bool:
    """Whether an event is the first that tells of the next attempt of a task that has started."""
    return (
        event.retries is not None
        and task.retries is not None
        and event.retries == task.retries + 1
        and task.received is not None
        and task.started is not None
        and task.received < task.started
        and task.original_name is None
        and task.state in _TRIED
        and task.progress == (task.retries << ATTEMPT_BITS) + progress_in_attempt(task.state)
    )


def turns_of(task: Task) -> Turns:
    """Return the turns of a task that is tried again, as far as they were told."""
    number = task.retries or 0
    return Turns(
        events_of(task),
        task.worker,
        number,
        -1 if task.sent is None else number,
        task.timestamp,
        task.timestamp,
        is_ended=task.state == states.RETRY,
    )


def take_turn(task: Task, turns: Turns, event: Event, subject: str, worker: Worker | None) -> bool:
    """Take in an event if it is in turn, as `_take` would; return False if it is not."""
    if task.state_source is not None or subject not in _TURNS:
        return False
    if subject in OUTCOMES:
        return _end_turn(task, turns, event, subject, worker)
    if subject == "sent":
        return _send_again(task, turns, event)
    name, at = event.name, event.timestamp
    one = told(task, event, subject)
    if subject == "started":
        if not turns.start(one, worker):
            return False
        task.started = at
    else:
        if name not in (None, task.name) or not turns.receive(one, worker):
            return False
        task.received, task.worker = at, worker
    if subject == "started" or (event.retries or 0) >= turns.retries:
        take_what_was_asked(task, event)
    task.clock = event.clock or task.clock
    _settle_turn(task, turns, event, subject)
    return True


def _send_again(task: Task, turns: Turns, event: Event) -> bool:
    if not turns.send(told(task, event, "sent")):
        return False
    name = task.name
    take_what_was_asked(task, event)
    task.name = name or task.name
    task.sent = max(event.timestamp, task.sent or 0.0)
    take_what_became_of_it(task, event)
    return True


def _end_turn(task: Task, turns: Turns, event: Event, subject: str, worker: Worker | None) -> bool:
    raised = event.exception is not None
    if event.how or raised == (subject == "succeeded"):
        return False
    is_before = worker is turns.before
    take = turns.retry if is_before and subject == "retried" else turns.end
    if not take(told(task, event, subject), worker):
        return False
    setattr(task, subject, max(event.timestamp, getattr(task, subject) or 0.0))
    take_what_was_asked(task, event)
    task.retries = turns.retries
    task.clock = event.clock or task.clock
    if event.result is not None:
        task.result = event.result
    if event.runtime is not None:
        task.runtime = event.runtime
    if raised:
        task.exception = event.exception or task.exception
        task.traceback = event.traceback or task.traceback
    if not is_before:
        _settle_turn(task, turns, event, subject)
    return True


def _settle_turn(task: Task, turns: Turns, event: Event, subject: str) -> None:
    _, state, progress = STEPS[subject]
    settle(task, state, event.timestamp, (turns.number << ATTEMPT_BITS) + progress)


def told(task: Task, event: Event, subject: str) -> TaskEvent:
    """Return an event as it is kept."""
    name = (event.name or task.name or "") if subject == "received" else ""
    exception = (event.exception or "")[:EXCEPTION_LENGTH]
    retries = event.retries if subject in NUMBERED else 0
    at, host = event.timestamp, event.hostname
    return TaskEvent(subject, at, host, exception, retries, name, event.how)


def events_of(task: Task) -> list[TaskEvent]:
    """Return the events of a task that was run once."""
    events = []
    if task.sent is not None:
        events.append(TaskEvent("sent", task.sent, task.client or "", retries=task.retries))
    if task.worker is None:
        return events
    host = task.worker.hostname
    if task.received is not None:
        events.append(TaskEvent("received", task.received, host, "", task.retries, task.name or ""))
    if task.started is not None:
        events.append(TaskEvent("started", task.started, host))
    for subject in OUTCOMES:
        at = getattr(task, subject)
        if at is not None and task.state_source != BACKEND:
            exception = (task.exception or "")[:EXCEPTION_LENGTH]
            failed = subject in ("failed", "retried")
            events.append(TaskEvent(subject, at, host, exception if failed else "", how=task.how))
    if stage(task) == CUSTOM:
        events.append(TaskEvent(task.state.lower(), task.timestamp, host))
    return events
