"""Checks one worker: replies, heartbeats, clock, pool and settings. Pure."""

import re
from collections.abc import Iterator
from typing import Final

from flower_ng.brokers.condition import parsed
from flower_ng.doctor.check import Check, CheckMark
from flower_ng.doctor.conf import Judgement, settings
from flower_ng.doctor.survey import Survey, WorkerSurvey
from flower_ng.monitor.remote.pools import Ability, inability, pool_name

AREA: Final = "Workers"
#: Larger clock differences are reported. Events take some time to arrive, so it can't be near 0.
CLOCK_S: Final = 5.0
REPR: Final = re.compile(r"resultrepr_maxsize=(\d+)")


def worker(one: WorkerSurvey, survey: Survey) -> Iterator[Check]:
    """Yield the checks of a worker; one replaces all checks of settings where it reported none."""
    checks = [
        answers(one),
        version(one, survey.app.celery),
        heartbeats(one, survey),
        clock(one),
    ]
    if one.answers:
        checks += [pool(one), texts(one)]
        checks += settings(one, survey) if one.conf else [settings_unknown()]
    for name, (mark, said, setting) in checks:
        yield Check(AREA, name, mark, said, setting, (one.name,))


def answers(one: WorkerSurvey) -> tuple[str, Judgement]:
    """Check whether it responds to remote control."""
    if one.unreadable:
        setting = "accept_content of this app, or task_serializer of the worker"
        return "Remote control", (CheckMark.BROKEN, one.unreadable, setting)
    if "ping" in one.answers:
        return "Remote control", (CheckMark.OK, "responds", "")
    if one.answers:
        return "Remote control", (CheckMark.ATTENTION, "responds only to some commands", "")
    said = "sends heartbeats but does not respond: it can't be inspected or controlled"
    return "Remote control", (CheckMark.BROKEN, said, "worker_enable_remote_control = True")


def version(one: WorkerSurvey, ours: str) -> tuple[str, Judgement]:
    """Compare its Celery version with ours."""
    if not one.celery:
        return "Celery's version", (CheckMark.UNKNOWN, "unknown: no events arrived", "")
    if one.celery == ours:
        return "Celery's version", (CheckMark.OK, f"{one.celery}, the same as here", "")
    is_far = parsed(one.celery)[:1] != parsed(ours)[:1]
    mark = CheckMark.ATTENTION if is_far else CheckMark.NOTE
    return "Celery's version", (mark, f"{one.celery}, here {ours}", "")


def heartbeats(one: WorkerSurvey, survey: Survey) -> tuple[str, Judgement]:
    """Check whether its heartbeats arrive."""
    if one.is_heard:
        every = f", every {one.every_s:g} s" if one.every_s else ""
        return "Heartbeats", (CheckMark.OK, f"received{every}", "")
    if one.is_heard is None:
        return "Heartbeats", (CheckMark.UNKNOWN, "no events could be received", "")
    said = f"none in {survey.events.waited_s:.0f} s: the worker will be shown as offline"
    return "Heartbeats", (CheckMark.ATTENTION, said, "celery worker, without --without-heartbeat")


def clock(one: WorkerSurvey) -> tuple[str, Judgement]:
    """Compare its clock with ours, by its heartbeats."""
    if one.skew_s is None:
        return "Clock", (CheckMark.UNKNOWN, "unknown without heartbeats", "")
    if abs(one.skew_s) <= CLOCK_S:
        return "Clock", (CheckMark.OK, f"within {CLOCK_S:g} s of this host's", "")
    way = "ahead of" if one.skew_s > 0 else "behind"
    said = (
        f"{abs(one.skew_s):.0f} s {way} this host's, or events arrive late: ETAs, runtimes are off"
    )
    return "Clock", (CheckMark.ATTENTION, said, "NTP on both hosts")


def pool(one: WorkerSurvey) -> tuple[str, Judgement]:
    """Check which abilities its pool lacks."""
    implementation = one.answer.pool
    name = pool_name(implementation)
    if not name:
        return "Pool", (CheckMark.UNKNOWN, implementation or "not reported", "")
    lacks = [str(ability) for ability in Ability if inability(implementation, ability, one.celery)]
    if not lacks:
        return "Pool", (CheckMark.OK, f"{name}: tasks can be terminated, time limits work", "")
    busy = "; it responds and sends heartbeats only between tasks" if name == "solo" else ""
    said = f"{name}: no {', '.join(lacks)}{busy}"
    return "Pool", (CheckMark.NOTE, said, "worker_pool, or -P prefork")


def texts(one: WorkerSurvey) -> tuple[str, Judgement]:
    """Report the maximum length of results in its events."""
    sizes = [int(found[1]) for about in one.registered.values() if (found := REPR.search(about))]
    if not sizes:
        return "Results in events", (CheckMark.UNKNOWN, "resultrepr_maxsize was not reported", "")
    least, most = min(sizes), max(sizes)
    said = f"{least:,} characters" if least == most else f"{least:,} to {most:,} characters by task"
    return "Results in events", (
        CheckMark.OK,
        f"{said}; longer ones are truncated",
        "Task.resultrepr_maxsize",
    )


def settings_unknown() -> tuple[str, Judgement]:
    """Report that its settings are unknown."""
    return "Settings", (CheckMark.UNKNOWN, "not reported (inspect conf)", "")
