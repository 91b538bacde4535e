"""How an event is merged into its task. Pure; on the loop, for every event.

Most tasks are run once, and their events come in order: that costs little. From the first event
that says otherwise their runs are kept apart (life). No event blanks a field.
"""

from typing import Final

from celery import states

from flower_ng.life.attempts import decisive, newest
from flower_ng.life.memory import Life
from flower_ng.life.progress import (
    ATTEMPT_BITS,
    CORRECTION,
    FIRST_ENDED,
    progress_in_attempt,
    progress_of,
)
from flower_ng.life.runs import (
    EXCEPTION_LENGTH,
    OUTCOMES,
    Run,
    TaskEvent,
)
from flower_ng.monitor.records import Event, Task, Worker

#: How far a task is after an event, by what follows `task-` in its type: 4 is ended.
_STAGES: Final = {"sent": 0, "received": 1, "started": 2, **dict.fromkeys(OUTCOMES, 4)}
_CUSTOM: Final = 3
_ENDED: Final = 4
_WITHIN: Final = (1 << ATTEMPT_BITS) - 1
_STATES: Final = {"received": states.RECEIVED, "started": states.STARTED, **OUTCOMES}
_PROGRESS: Final = {subject: progress_in_attempt(state) for subject, state in _STATES.items()}
_CUSTOM_PROGRESS: Final = progress_in_attempt("")
#: What is sent and received is a numbered attempt.
_NUMBERED: Final = frozenset({"sent", "received"})


def merge(task: Task, event: Event, subject: str, worker: Worker | None) -> bool:
    """Merge an event into its task; `subject` is what follows `task-` in its type.

    `worker` is None for task-sent alone. Return whether the event told anything new: not what came
    before, nor the same failure once more.
    """
    if task.life is None:
        if subject == "sent":
            if task.sent is None and (task.retries is None or task.retries == event.retries):
                _send(task, event)
                return True
        elif worker is task.worker or task.worker is None:
            stage, place = _stage(task), _STAGES.get(subject, _CUSTOM)
            if (stage < place or stage == place == _CUSTOM) and _is_in_turn(task, event, subject):
                _go_on(task, event, subject, worker)
                return True
    return _live(task, event, subject, worker)


def _stage(task: Task) -> int:
    within = task.progress & _WITHIN
    return _ENDED if within >= FIRST_ENDED else within & 7


def _send(task: Task, event: Event) -> None:
    task.sent = event.timestamp
    if task.worker is None:
        task.timestamp = event.timestamp
    name = task.name
    _take_what_was_asked(task, event)
    if name is not None:
        task.name = name  # that of the receipt, which a task may choose (shadow)
    _take_what_became_of_it(task, event)


def _is_in_turn(task: Task, event: Event, subject: str) -> bool:
    """Whether an event is the next of the task's only run."""
    if subject == "received":
        return task.retries is None or task.retries == event.retries
    return event.timestamp >= (task.started or task.received or 0.0)


def _go_on(task: Task, event: Event, subject: str, worker: Worker | None) -> None:
    state = _STATES.get(subject)
    if state is None:
        state, progress = subject.upper(), _CUSTOM_PROGRESS
    else:
        progress = _PROGRESS[subject]
        setattr(task, subject, event.timestamp)
    task.worker = worker
    _take_what_was_asked(task, event)
    _take_what_became_of_it(task, event)
    _settle(task, state, event.timestamp, ((task.retries or 0) << ATTEMPT_BITS) + progress)


def _settle(task: Task, state: str, at: float, progress: int) -> None:
    """Set the state; one that the result backend told stands until events tell more."""
    corrections = task.progress // CORRECTION
    if task.state_source is not None and corrections * CORRECTION + progress < task.progress:
        return
    task.state, task.timestamp, task.state_source = state, at, None
    progress += corrections * CORRECTION
    task.progress = progress if progress >= task.progress else progress + CORRECTION


# A task that was run more than once, or whose events came in another order


def _live(task: Task, event: Event, subject: str, worker: Worker | None) -> bool:
    one = _told(task, event, subject)
    life = task.life
    if life is None:
        if one in (events := _events_of(task)):
            return False
        life = task.life = Life(events)
        if task.worker is not None:
            life.workers[task.worker.hostname] = task.worker
    if worker is not None:
        life.workers[worker.hostname] = worker
    is_repeated = life.repeats(one)
    if not life.add(one):
        return False
    _take(task, event, subject, life)
    return not is_repeated


def _told(task: Task, event: Event, subject: str) -> TaskEvent:
    """Return an event as it is kept."""
    name = (event.name or task.name or "") if subject == "received" else ""
    exception = (event.exception or "")[:EXCEPTION_LENGTH]
    retries = event.retries if subject in _NUMBERED else 0
    at, host = event.timestamp, event.hostname
    return TaskEvent(subject, at, host, exception, retries, name, event.how)


def _events_of(task: Task) -> list[TaskEvent]:
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
        if at is not None and task.state_source is None:
            exception = (task.exception or "")[:EXCEPTION_LENGTH]
            failed = subject in ("failed", "retried")
            events.append(TaskEvent(subject, at, host, exception if failed else ""))
    if _stage(task) == _CUSTOM:
        events.append(TaskEvent(task.state.lower(), task.timestamp, host))
    return events


def _take(task: Task, event: Event, subject: str, life: Life) -> None:
    """Take what an event says, as far as no later attempt says otherwise."""
    runs = life.runs
    run = decisive(runs)
    if subject not in _NUMBERED or (event.retries or 0) >= (life.retries or 0):
        _take_what_was_asked(task, event)
    task.retries = life.retries
    if subject == "sent":
        task.sent = max(event.timestamp, task.sent or 0.0)
        _take_what_became_of_it(task, event)
    if run is None:
        return
    task.name, task.original_name = _names(task, runs, run)
    task.worker = life.workers[run.worker]
    task.received = newest(runs, "received")
    task.started = newest(runs, "started")
    if subject in OUTCOMES:
        setattr(task, subject, max(event.timestamp, getattr(task, subject) or 0.0))
    if subject != "sent":
        _take_end(task, event, run, runs)
    _settle(task, run.state, run.state_at, progress_of(run, runs))


def _names(task: Task, runs: list[Run], run: Run) -> tuple[str | None, str | None]:
    """Return a task's name, and its first one where it was replaced."""
    names = [one.name for one in runs if one.name]
    if not names:
        return task.name, task.original_name
    name = next((one.name for one in reversed(runs) if one.life == run.life and one.name), "")
    return name or names[-1], task.original_name or (names[0] if names[0] != name else None)


def _take_end(task: Task, event: Event, run: Run, runs: list[Run]) -> None:
    """Take a result or an exception that is the decisive run's, or the newest where it has none."""
    told = next((one for one in runs if event.timestamp == one.ended), None)
    task.clock = event.clock or task.clock
    if event.result is not None and (told is run or run.outcome != states.SUCCESS):
        task.result = event.result
    if event.runtime is not None and (told is run or run.outcome != states.SUCCESS):
        task.runtime = event.runtime
    if event.exception is None and event.traceback is None:
        return
    raised = run if run.exception else next((one for one in reversed(runs) if one.exception), run)
    if told is raised:
        task.exception = event.exception or task.exception
        task.traceback = event.traceback or task.traceback


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
