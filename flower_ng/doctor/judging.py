"""Judging turns a survey into checks: broker, backend, app, events, workers, flower_ng. Pure."""

from collections.abc import Iterator
from typing import Final

from flower_ng.doctor import server
from flower_ng.doctor.check import Check, CheckMark, together
from flower_ng.doctor.queues import same_tasks
from flower_ng.doctor.survey import AppSurvey, EventSurvey, OwnOptions, Survey
from flower_ng.doctor.worker import AREA, worker

APP, EVENTS, FLOWER = "App", "Events", "flower_ng"
HISTORY: Final = "History"


def checks(survey: Survey) -> tuple[Check, ...]:
    """Return all checks, in the order in which one would look for a fault."""
    return tuple(together(_checks(survey)))


def _checks(survey: Survey) -> Iterator[Check]:
    yield from server.broker(survey)
    yield from server.backend(survey)
    yield from app(survey.app)
    yield from events(survey)
    yield from workers_found(survey)
    for one in survey.workers:
        yield from worker(one, survey)
    yield from same_tasks(survey)
    yield from own(survey.own)


def app(one: AppSurvey) -> Iterator[Check]:
    """Check how our app sends tasks; other senders may be configured differently."""
    if not one.is_known:
        said = "unknown without an app"
        yield Check(APP, "Task-sent events", CheckMark.UNKNOWN, said, "-A APP")
        return
    if server.option(one.conf, "task_send_sent_event"):
        yield Check(APP, "Task-sent events", CheckMark.OK, "on in this app")
    else:
        said = "off: tasks are first seen when a worker receives them, and their waiting time is"
        setting = "task_send_sent_event = True, wherever tasks are sent"
        yield Check(APP, "Task-sent events", CheckMark.ATTENTION, f"{said} unknown", setting)
    if one.repr_length is not None:
        said = f"{one.repr_length:,} characters; longer ones are truncated"
        yield Check(APP, "Arguments in events", CheckMark.OK, said, "argsrepr in apply_async")


def events(survey: Survey) -> Iterator[Check]:
    """Check whether events can be received."""
    if survey.broker.reached.why:
        return
    if survey.broker.no_fanout:
        setting = "broker_url: redis://… or amqp://…"
        yield Check(EVENTS, "Connection", CheckMark.BROKEN, survey.broker.no_fanout, setting)
    elif survey.events.is_connected:
        yield Check(EVENTS, "Connection", CheckMark.OK, "flower_ng receives events")
        yield from refused(survey.events)
    else:
        why = survey.events.why or "no connection in time"
        yield Check(EVENTS, "Connection", CheckMark.BROKEN, f"events can't be received: {why}")


def refused(one: EventSurvey) -> Iterator[Check]:
    """Check whether received events can be decoded."""
    if one.refused:
        form = f": their content type is {one.content_type}" if one.content_type else ""
        said = f"{one.refused:,} received events could not be read{form}"
        setting = "event_serializer = 'json' for the workers, or -A APP with their accept_content"
        yield Check(EVENTS, "Readable", CheckMark.BROKEN, said, setting)


def workers_found(survey: Survey) -> Iterator[Check]:
    """Check whether any worker was found."""
    if survey.broker.reached.why:
        return
    if survey.broker.no_fanout:
        said = "unknown: this broker carries neither events nor commands"
        yield Check(AREA, "Found", CheckMark.UNKNOWN, said)
        return
    for why in survey.unreadable:
        setting = "accept_content of this app, or task_serializer of the workers"
        yield Check(AREA, "Unknown workers", CheckMark.BROKEN, f"a worker {why}", setting)
    if survey.workers:
        yield Check(AREA, "Found", CheckMark.OK, f"{len(survey.workers)}")
    if survey.workers or survey.unreadable:
        return
    if survey.broker.prefixes:
        prefixes = ", ".join(map(repr, survey.broker.prefixes))
        said = f"none found, but Celery uses this Redis with keys that start with {prefixes}"
        setting = "broker_transport_options = {'global_keyprefix': …} in the app, or in a --config"
        yield Check(AREA, "Found", CheckMark.BROKEN, said, setting)
        return
    if survey.events.refused:
        said = "none responded, and the events that arrived could not be read"
        yield Check(AREA, "Found", CheckMark.BROKEN, said)
        return
    said = (
        "none responded or sent events: no worker runs, all are busy in solo pools, or they use"
        " another broker"
    )
    yield Check(AREA, "Found", CheckMark.BROKEN, said, "celery -A APP worker")


def own(one: OwnOptions) -> Iterator[Check]:
    """Check flower_ng's own options."""
    if one.enable_events:
        yield Check(FLOWER, "Event request", CheckMark.OK, "enable_events is on")
    else:
        said = "enable_events is off: only workers started with -E report their tasks"
        yield Check(FLOWER, "Event request", CheckMark.NOTE, said, "--enable_events")
    if one.history_fault:
        yield Check(
            FLOWER, HISTORY, CheckMark.BROKEN, f"{one.history}: {one.history_fault}", "--db"
        )
    elif one.is_history_lasting:
        yield Check(FLOWER, HISTORY, CheckMark.OK, f"{one.history}, writable")
    else:
        said = f"{one.history}: lost when flower_ng restarts"
        yield Check(FLOWER, HISTORY, CheckMark.NOTE, said, "--persistent, or --history")
    if not one.inspect_interval_s:
        said = "inspect_interval is 0: worker details are not refreshed"
        yield Check(FLOWER, "Worker inspection", CheckMark.NOTE, said, "--inspect_interval")
    if not one.has_receiver:
        said = "none: problems are shown but sent to nobody"
        yield Check(FLOWER, "Notifications", CheckMark.NOTE, said, "--webhook_url, --notify")
    for option, said in one.hidden.items():
        yield Check(FLOWER, "Hidden", CheckMark.NOTE, said, f"--{option}")
    for warning in one.warnings:
        yield Check(FLOWER, "Options", CheckMark.ATTENTION, warning)
