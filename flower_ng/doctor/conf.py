"""Judges a worker's settings, as it told them. Pure."""

from collections.abc import Callable
from math import inf
from typing import Final

from flower_ng.doctor.check import Mark
from flower_ng.doctor.told import Conf, Told, WorkerTold

#: Kombu's own, where `broker_transport_options` says nothing.
VISIBILITY_S: Final = 3600.0
#: Transports that deliver again what is not acknowledged in time.
VISIBLE: Final = frozenset({"redis", "rediss", "sentinel", "sqs", "gcpubsub"})
SETS_PREFETCH: Final = "worker_prefetch_multiplier = 1"
YES, NO = "on", "off"

#: A mark, what shows it, and the setting that changes it.
Judged = tuple[Mark, str, str]
Judge = Callable[[Conf, Told, WorkerTold], Judged]


def settings(one: WorkerTold, told: Told) -> list[tuple[str, Judged]]:
    """Judge its settings, each by itself: one that was not told hides no other."""
    return [(name, judged(judge, one, told)) for name, judge in JUDGES]


def judged(judge: Judge, one: WorkerTold, told: Told) -> Judged:
    """Return what a judge says, "cannot be known" where it lacks a setting."""
    try:
        return judge(one.conf, told, one)
    except LookupError as error:
        return Mark.UNKNOWN, f"it did not tell {error.args[0]}", ""
    except (TypeError, ValueError, AttributeError) as error:
        return Mark.UNKNOWN, f"its answer is not understood: {error}", ""


def task_events(conf: Conf, told: Told, one: WorkerTold) -> Judged:
    """Say whether it tells of its tasks."""
    setting = "worker_send_task_events = True, or -E"
    if one.has_tasks:
        return Mark.OK, "seen", ""
    if conf.get("worker_send_task_events"):
        return Mark.OK, YES, ""
    if told.own.enable_events:
        said = f"{NO} in its settings (-E can't be seen from here); flower_ng turns them on"
        return Mark.NOTE, f"{said} while it runs, and not before", setting
    said = f"{NO} in its settings, and flower_ng runs without enable_events: only -E helps"
    return Mark.ATTENTION, said, setting


def extended(conf: Conf, _told: Told, _one: WorkerTold) -> Judged:
    """Say what results hold; the worker writes them."""
    if not conf.get("result_backend"):
        return Mark.NOTE, "it keeps no results", "result_backend"
    if conf.get("result_extended"):
        return Mark.OK, "results hold name, arguments, worker and queue", ""
    said = "results hold no name, arguments, worker or queue: what flower_ng did not see has none"
    return Mark.NOTE, said, "result_extended = True"


def expires(conf: Conf, _told: Told, _one: WorkerTold) -> Judged:
    """Say for how long results can be read."""
    if not conf.get("result_backend"):
        return Mark.OK, "it keeps no results", ""
    kept = conf.get("result_expires")
    if not kept:
        return Mark.NOTE, "never: results fill the backend", "result_expires"
    span = f"{float(kept):,.0f} s" if isinstance(kept, int | float) else str(kept)
    return Mark.OK, f"after {span}", "result_expires"


def track_started(conf: Conf, _told: Told, _one: WorkerTold) -> Judged:
    """Say whether the backend knows what runs; events tell it either way."""
    if conf.get("task_track_started"):
        return Mark.OK, YES, ""
    said = f"{NO}: events tell what runs, the result backend says PENDING until the end"
    return Mark.NOTE, said, "task_track_started = True"


def restarts(conf: Conf, _told: Told, _one: WorkerTold) -> Judged:
    """Say whether its pool can be restarted."""
    if conf.get("worker_pool_restarts"):
        return Mark.OK, YES, ""
    return Mark.NOTE, f"{NO}: the button is refused", "worker_pool_restarts = True"


def redelivery(conf: Conf, told: Told, _one: WorkerTold) -> Judged:
    """Compare for how long the broker lets messages be held with for how long tasks run."""
    held_s, setting = held(conf, told)
    if held_s is None:
        return Mark.UNKNOWN, "the broker did not tell for how long a message may be held", setting
    if held_s == inf:
        return Mark.OK, "never: the broker sets no limit (consumer_timeout)", ""
    limit, is_late = conf.get("task_time_limit"), conf.get("task_acks_late")
    said = f"what is held for {held_s:,.0f} s is delivered again: longer ETAs may run twice"
    if not is_late:
        return Mark.OK, said, setting
    if limit and float(limit) < held_s:
        return Mark.OK, f"{said}; no task runs for longer (task_time_limit {limit:g} s)", ""
    longest = f"tasks may run for {limit:g} s" if limit else "no task_time_limit bounds tasks"
    both = f"{setting}, or task_time_limit"
    return Mark.ATTENTION, f"{said}, and with acks_late long tasks, too: {longest}", both


def held(conf: Conf, told: Told) -> tuple[float | None, str]:
    """Return for how long a message may be unacknowledged, and what sets it."""
    facts = told.broker.facts
    if told.broker.transport in VISIBLE:
        options = conf.get("broker_transport_options") or {}
        visible_s = float(options.get("visibility_timeout") or VISIBILITY_S)
        return visible_s, "broker_transport_options: visibility_timeout"
    if facts is not None and facts.rabbit is not None:
        return facts.rabbit.ack_timeout_s or inf, "RabbitMQ: consumer_timeout"
    return None, "flower_ng: --broker_api" if told.broker.transport == "amqp" else ""


def prefetch(conf: Conf, _told: Told, _one: WorkerTold) -> Judged:
    """Say how much a worker reserves that no other can take."""
    times, is_late = conf.get("worker_prefetch_multiplier"), conf.get("task_acks_late")
    acks = "acknowledged at the end" if is_late else "acknowledged at the start: a crash loses it"
    if not times:
        said = f"without limit; a task is {acks}"
        return Mark.ATTENTION, f"{said}: one worker takes all that waits", SETS_PREFETCH
    said = f"{times:g} a slot; a task is {acks}"
    if times > 1:
        return Mark.NOTE, f"{said}; short tasks may wait behind long ones", SETS_PREFETCH
    return Mark.OK, said, ""


def timezone(conf: Conf, told: Told, _one: WorkerTold) -> Judged:
    """Compare what the clock on its wall means with ours."""
    ours, names = told.app.conf, ("enable_utc", "timezone")
    theirs = {name: conf.get(name) for name in names}
    zone = theirs["timezone"] or ("UTC" if theirs["enable_utc"] else "its host's")
    if not told.app.is_known:
        return Mark.OK, f"{zone}", ""
    differing = [name for name in names if str(theirs[name]) != str(ours.get(name))]
    if differing:
        shown = ", ".join(f"{name} {theirs[name]}, ours {ours.get(name)}" for name in differing)
        return Mark.ATTENTION, f"{shown}: schedules and ETAs may be off", "enable_utc, timezone"
    if not theirs["enable_utc"]:
        return Mark.NOTE, f"enable_utc is {NO}: all hosts must be in one zone", "enable_utc = True"
    return Mark.OK, f"{zone}, as ours", ""


def shutdown(conf: Conf, _told: Told, _one: WorkerTold) -> Judged:
    """Say what becomes of running tasks when a worker ends."""
    try:
        soft_s = float(conf.get("worker_soft_shutdown_timeout") or 0)
    except LookupError:  # older than Celery 5.5
        soft_s = 0.0
    is_late = bool(conf.get("task_acks_late"))
    is_lost = not (is_late and conf.get("task_reject_on_worker_lost"))
    after = "is lost" if is_lost else "returns to the queue"
    said = f"SIGTERM lets tasks end; one whose process is killed {after}"
    if soft_s:
        said += f"; a cold shutdown waits {soft_s:g} s"
    return Mark.OK, said, "task_acks_late, task_reject_on_worker_lost"


JUDGES: Final[tuple[tuple[str, Judge], ...]] = (
    ("Task events", task_events),
    ("Results hold", extended),
    ("Results expire", expires),
    ("Starts in the backend", track_started),
    ("Pool restarts", restarts),
    ("Redelivery", redelivery),
    ("Prefetch", prefetch),
    ("Time zone", timezone),
    ("Shutdown", shutdown),
)
