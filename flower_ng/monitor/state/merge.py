"""Merges an event into its task. Pure; on the loop, for every event.

Most tasks are run once, or attempt after attempt, and their events come in order: that costs
little. From the first event that says otherwise their runs are kept apart (life).
"""

from celery import states

from flower_ng.event_record import Event
from flower_ng.life.attempts import decisive, is_inferred, names, newest, newest_raised
from flower_ng.life.memory import Life
from flower_ng.life.progress import (
    ATTEMPT_BITS,
    progress_of,
)
from flower_ng.life.runs import (
    CANCELLED,
    KILLED,
    OUTCOMES,
    Run,
)
from flower_ng.life.turns import Turns
from flower_ng.monitor.state.merge_attempts import (
    NUMBERED,
    events_of,
    is_tried_again,
    take_turn,
    told,
    turns_of,
)
from flower_ng.monitor.state.merge_fields import (
    CUSTOM,
    CUSTOM_PROGRESS,
    ENDED,
    STEPS,
    settle,
    stage,
    take_what_became_of_it,
    take_what_was_asked,
)
from flower_ng.records import INFERRED, Task, Worker


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
            step = STEPS.get(subject) or (CUSTOM, subject.upper(), CUSTOM_PROGRESS)
            is_at, place = stage(task), step[0]
            if (is_at < place or is_at == place == CUSTOM) and _is_in_turn(task, event, subject):
                _go_on(task, event, subject, worker, step)
                return True
        if is_tried_again(task, event):
            task.life = turns_of(task)
    if isinstance(task.life, Turns) and take_turn(task, task.life, event, subject, worker):
        return True
    return _live(task, event, subject, worker)


def _send(task: Task, event: Event) -> None:
    task.sent = event.timestamp
    if task.worker is None:
        task.timestamp = event.timestamp
    name = task.name
    take_what_was_asked(task, event)
    if name is not None:
        task.name = name  # that of the receipt, which a task may choose (shadow)
    take_what_became_of_it(task, event)


def _is_in_turn(task: Task, event: Event, subject: str) -> bool:
    """Whether an event is the next of the task's only run."""
    if subject == "received":
        return task.retries is None or task.retries == event.retries
    is_stopped = task.state == CANCELLED  # what is told next may be of the next run
    return not is_stopped and event.timestamp >= (task.started or task.received or 0.0)


def _go_on(
    task: Task, event: Event, subject: str, worker: Worker | None, step: tuple[int, str, int]
) -> None:
    place, state, progress = step
    if place != CUSTOM:
        setattr(task, subject, event.timestamp)
        if place == ENDED and (how := event.how):
            task.how = how
    task.worker = worker
    take_what_was_asked(task, event)
    take_what_became_of_it(task, event)
    progress += (task.retries or 0) << ATTEMPT_BITS
    if task.state_source is None and task.progress <= progress:  # as a rule: the next step
        task.state, task.timestamp, task.progress = state, event.timestamp, progress
    else:
        settle(task, state, event.timestamp, progress)


# A task that was run more than once, or whose events came in another order


def _live(task: Task, event: Event, subject: str, worker: Worker | None) -> bool:
    one = told(task, event, subject)
    life = task.life
    if not isinstance(life, Life):
        if one in (events := life.events if life is not None else events_of(task)):
            return False
        workers = (*life.others, life.worker) if life is not None else (task.worker,)
        life = task.life = Life(events)
        life.workers = {had.hostname: had for had in workers if had is not None}
    if worker is not None:
        life.workers[worker.hostname] = worker
    is_repeated = life.repeats(one)
    if not life.add(one):
        return False
    _take(task, event, subject, life)
    return not is_repeated


def _take(task: Task, event: Event, subject: str, life: Life) -> None:
    """Take what an event says, as far as no later attempt says otherwise."""
    runs = life.runs
    run = decisive(runs)
    if subject not in NUMBERED or (event.retries or 0) >= (life.retries or 0):
        take_what_was_asked(task, event)
    task.retries = life.retries
    if subject == "sent":
        task.sent = max(event.timestamp, task.sent or 0.0)
        take_what_became_of_it(task, event)
    if run is None:
        return
    if found := names(runs, run):
        task.name, task.original_name = found[0], task.original_name or found[1]
    task.worker = life.workers[run.worker]
    task.received = newest(runs, "received")
    task.started = newest(runs, "started")
    if subject in OUTCOMES and (event.how != KILLED or _ends_one(event, runs)):
        setattr(task, subject, max(event.timestamp, getattr(task, subject) or 0.0))
    if subject != "sent":
        _take_end(task, event, run, runs)
    source = INFERRED if is_inferred(run, runs) else None
    settle(task, run.state, run.state_at, progress_of(run, runs), source)


def _ends_one(event: Event, runs: list[Run]) -> bool:
    """Whether one of the runs ended with a success that may be none."""
    return any(one.outcome == states.SUCCESS and one.ended == event.timestamp for one in runs)


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
    raised = run if run.exception else newest_raised(runs) or run
    if told is raised:
        task.exception = event.exception or task.exception
        task.traceback = event.traceback or task.traceback
