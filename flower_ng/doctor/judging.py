"""Judging makes checks of what was told: broker, backend, app, events, workers, ourselves. Pure."""

from collections.abc import Iterator
from typing import Final

from flower_ng.doctor import server
from flower_ng.doctor.check import Check, Mark, together
from flower_ng.doctor.queues import same_tasks
from flower_ng.doctor.told import AppTold, EventsTold, Own, Told
from flower_ng.doctor.worker import AREA, worker

APP, EVENTS, FLOWER = "App", "Events", "flower_ng"
HISTORY: Final = "History"


def checks(told: Told) -> tuple[Check, ...]:
    """Return every check, in the order in which one would look."""
    return tuple(together(_checks(told)))


def _checks(told: Told) -> Iterator[Check]:
    yield from server.broker(told)
    yield from server.backend(told)
    yield from app(told.app)
    yield from events(told)
    yield from crew(told)
    for one in told.workers:
        yield from worker(one, told)
    yield from same_tasks(told)
    yield from own(told.own)


def app(one: AppTold) -> Iterator[Check]:
    """Judge what our app would send; other senders may be set otherwise, and can't be asked."""
    if not one.is_known:
        said = "no app was named: whether senders tell of what they send is not known"
        yield Check(APP, "Task-sent events", Mark.UNKNOWN, said, "-A APP")
        return
    if server.option(one.conf, "task_send_sent_event"):
        yield Check(APP, "Task-sent events", Mark.OK, "on in this app")
    else:
        said = "off: a task is first seen when a worker receives it, and how long it waited is not"
        setting = "task_send_sent_event = True, in whatever sends"
        yield Check(APP, "Task-sent events", Mark.ATTENTION, f"{said} known", setting)
    if one.repr_length is not None:
        said = f"{one.repr_length:,} characters; longer ones are cut"
        yield Check(APP, "Arguments in events", Mark.OK, said, "argsrepr in apply_async")


def events(told: Told) -> Iterator[Check]:
    """Judge whether events can be heard."""
    if told.broker.reached.why:
        return
    if told.broker.no_fanout:
        setting = "broker_url: redis://… or amqp://…"
        yield Check(EVENTS, "Connection", Mark.BROKEN, told.broker.no_fanout, setting)
    elif told.events.is_connected:
        yield Check(EVENTS, "Connection", Mark.OK, "flower_ng can listen to events")
        yield from refused(told.events)
    else:
        why = told.events.why or "nothing answered in time"
        yield Check(EVENTS, "Connection", Mark.BROKEN, f"events can't be heard: {why}")


def refused(one: EventsTold) -> Iterator[Check]:
    """Judge whether events can be read."""
    if one.refused:
        form = f", as their content type is {one.content_type}" if one.content_type else ""
        said = f"{one.refused:,} of those that came could not be read{form}"
        setting = "event_serializer = 'json' for the workers, or -A APP with their accept_content"
        yield Check(EVENTS, "Readable", Mark.BROKEN, said, setting)


def crew(told: Told) -> Iterator[Check]:
    """Judge whether anyone is there."""
    if told.broker.reached.why:
        return
    if told.broker.no_fanout:
        said = "nobody can be asked or heard through this broker: whether workers run is not known"
        yield Check(AREA, "Found", Mark.UNKNOWN, said)
        return
    for why in told.unreadable:
        setting = "accept_content of this app, or task_serializer of the workers"
        yield Check(AREA, "Unknown workers", Mark.BROKEN, f"a worker {why}", setting)
    if told.workers:
        yield Check(AREA, "Found", Mark.OK, f"{len(told.workers)}")
    if told.workers or told.unreadable:
        return
    if told.broker.prefixes:
        prefixes = ", ".join(map(repr, told.broker.prefixes))
        said = (
            f"none answered and none was heard, but on this Redis Celery uses keys with {prefixes}"
        )
        setting = "broker_transport_options = {'global_keyprefix': …} in the app, or in a --config"
        yield Check(AREA, "Found", Mark.BROKEN, f"{said} before them", setting)
        return
    if told.events.refused:
        said = "none answered, and the events that came could not be read"
        yield Check(AREA, "Found", Mark.BROKEN, said)
        return
    said = (
        "none answered and none was heard: nobody runs tasks, all are busy in solo pools, or they"
        " use another broker"
    )
    yield Check(AREA, "Found", Mark.BROKEN, said, "celery -A APP worker")


def own(one: Own) -> Iterator[Check]:
    """Judge flower_ng's own options."""
    if one.enable_events:
        yield Check(FLOWER, "Asks for events", Mark.OK, "enable_events is on")
    else:
        said = "enable_events is off: only workers with -E are seen working"
        yield Check(FLOWER, "Asks for events", Mark.NOTE, said, "--enable_events")
    if one.history_fault:
        yield Check(FLOWER, HISTORY, Mark.BROKEN, f"{one.history}: {one.history_fault}", "--db")
    elif one.is_history_lasting:
        yield Check(FLOWER, HISTORY, Mark.OK, f"{one.history}, which can be written")
    else:
        said = f"{one.history}: a restart of flower_ng forgets it"
        yield Check(FLOWER, HISTORY, Mark.NOTE, said, "--persistent, or --history")
    if not one.inspect_interval_s:
        said = "inspect_interval is 0: what workers tell of themselves grows old"
        yield Check(FLOWER, "Asks workers", Mark.NOTE, said, "--inspect_interval")
    if not one.has_receiver:
        said = "nobody: problems are shown, and not sent"
        yield Check(FLOWER, "Tells of problems", Mark.NOTE, said, "--webhook_url, --notify")
    for option, said in one.hidden.items():
        yield Check(FLOWER, "Hides", Mark.NOTE, said, f"--{option}")
    for warning in one.warnings:
        yield Check(FLOWER, "Options", Mark.ATTENTION, warning)
