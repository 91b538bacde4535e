"""Judges one worker: whether it answers, is heard, and what its settings mean. Pure."""

import re
from collections.abc import Iterator
from typing import Final

from flower_ng.brokers.condition import parsed
from flower_ng.doctor.check import Check, Mark
from flower_ng.doctor.conf import Judged, settings
from flower_ng.doctor.told import Told, WorkerTold
from flower_ng.monitor.remote.pools import Ability, inability, pool_name

AREA: Final = "Workers"
#: A clock that is off by more makes ETAs and runtimes wrong; events take some time, too.
CLOCK_S: Final = 5.0
REPR: Final = re.compile(r"resultrepr_maxsize=(\d+)")


def worker(one: WorkerTold, told: Told) -> Iterator[Check]:
    """Yield the checks of a worker; what its settings would say is one check where it is silent."""
    checks = [
        answers(one),
        version(one, told.app.celery),
        heartbeats(one, told),
        clock(one),
    ]
    if one.answers:
        checks += [pool(one), texts(one)]
        checks += settings(one, told) if one.conf else [untold()]
    for name, (mark, said, setting) in checks:
        yield Check(AREA, name, mark, said, setting, (one.name,))


def answers(one: WorkerTold) -> tuple[str, Judged]:
    """Say whether it can be asked and steered."""
    if one.unreadable:
        setting = "accept_content of this app, or task_serializer of the worker"
        return "Remote control", (Mark.BROKEN, one.unreadable, setting)
    if "ping" in one.answers:
        return "Remote control", (Mark.OK, "answers", "")
    if one.answers:
        return "Remote control", (Mark.ATTENTION, "answers only in part", "")
    said = "sends heartbeats, and answers nothing: it can't be inspected or steered"
    return "Remote control", (Mark.BROKEN, said, "worker_enable_remote_control = True")


def version(one: WorkerTold, ours: str) -> tuple[str, Judged]:
    """Compare its Celery with ours."""
    if not one.celery:
        return "Celery's version", (Mark.UNKNOWN, "only its events tell, and none came", "")
    if one.celery == ours:
        return "Celery's version", (Mark.OK, f"{one.celery}, as ours", "")
    is_far = parsed(one.celery)[:1] != parsed(ours)[:1]
    mark = Mark.ATTENTION if is_far else Mark.NOTE
    return "Celery's version", (mark, f"{one.celery}, ours is {ours}", "")


def heartbeats(one: WorkerTold, told: Told) -> tuple[str, Judged]:
    """Say whether it is heard without being asked."""
    if one.is_heard:
        every = f"every {one.every_s:g} s" if one.every_s else "yes"
        return "Heartbeats", (Mark.OK, f"heard, {every}", "")
    if one.is_heard is None:
        return "Heartbeats", (Mark.UNKNOWN, "no events could be heard", "")
    said = f"none within {told.events.waited_s:.0f} s: it will be shown as offline"
    return "Heartbeats", (Mark.ATTENTION, said, "celery worker, without --without-heartbeat")


def clock(one: WorkerTold) -> tuple[str, Judged]:
    """Compare its clock with ours; only heartbeats tell it."""
    if one.skew_s is None:
        return "Clock", (Mark.UNKNOWN, "only heartbeats tell it", "")
    if abs(one.skew_s) <= CLOCK_S:
        return "Clock", (Mark.OK, f"within {CLOCK_S:g} s of ours", "")
    way = "ahead of" if one.skew_s > 0 else "behind"
    said = f"{abs(one.skew_s):.0f} s {way} ours, or its events come late: ETAs and runtimes are off"
    return "Clock", (Mark.ATTENTION, said, "NTP on both hosts")


def pool(one: WorkerTold) -> tuple[str, Judged]:
    """Say what its pool can't do."""
    told = one.answer.pool
    name = pool_name(told)
    if not name:
        return "Pool", (Mark.UNKNOWN, told or "it did not tell", "")
    lacks = [str(ability) for ability in Ability if inability(told, ability)]
    if not lacks:
        return "Pool", (Mark.OK, f"{name}: tasks can be terminated, time limits hold", "")
    busy = "; it answers and sends heartbeats between tasks only" if name == "solo" else ""
    said = f"{name}: no {', '.join(lacks)}{busy}"
    return "Pool", (Mark.NOTE, said, "worker_pool, or -P prefork")


def texts(one: WorkerTold) -> tuple[str, Judged]:
    """Say how much of results is sent in events."""
    sizes = [int(found[1]) for about in one.registered.values() if (found := REPR.search(about))]
    if not sizes:
        return "Results in events", (Mark.UNKNOWN, "it did not tell resultrepr_maxsize", "")
    least, most = min(sizes), max(sizes)
    said = f"{least:,} characters" if least == most else f"{least:,} to {most:,} characters by task"
    return "Results in events", (Mark.OK, f"{said}; longer ones are cut", "Task.resultrepr_maxsize")


def untold() -> tuple[str, Judged]:
    """Say that it kept its settings to itself."""
    return "Settings", (Mark.UNKNOWN, "it did not tell them (inspect conf)", "")
