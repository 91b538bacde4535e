"""Checks a worker's Celery settings, as `inspect conf` returned them. Pure."""

from collections.abc import Callable
from math import inf
from typing import Final

from flower_ng.doctor.check import CheckMark
from flower_ng.doctor.survey import Conf, Survey, WorkerSurvey

#: Kombu's default of the option `visibility_timeout` in `broker_transport_options`.
VISIBILITY_S: Final = 3600.0
#: Transports that redeliver messages after `visibility_timeout`.
VISIBLE: Final = frozenset({"redis", "rediss", "sentinel", "sqs", "gcpubsub"})
SETS_PREFETCH: Final = "worker_prefetch_multiplier = 1"
YES, NO = "on", "off"

#: The mark, the evidence for it, and the setting that changes it.
Judgement = tuple[CheckMark, str, str]
Judge = Callable[[Conf, Survey, WorkerSurvey], Judgement]


def settings(one: WorkerSurvey, survey: Survey) -> list[tuple[str, Judgement]]:
    """Check each setting separately, so that a missing one does not hide the others."""
    return [(name, judged(judge, one, survey)) for name, judge in JUDGES]


def judged(judge: Judge, one: WorkerSurvey, survey: Survey) -> Judgement:
    """Return a judge's result, "cannot be known" where a setting that it needs is missing."""
    try:
        return judge(one.conf, survey, one)
    except LookupError as error:
        return CheckMark.UNKNOWN, f"{error.args[0]} was not reported", ""
    except (TypeError, ValueError, AttributeError) as error:
        return CheckMark.UNKNOWN, f"its reply could not be read: {error}", ""


def task_events(conf: Conf, survey: Survey, one: WorkerSurvey) -> Judgement:
    """Check whether the worker sends task events."""
    setting = "worker_send_task_events = True, or -E"
    if one.has_tasks:
        return CheckMark.OK, "received", ""
    if conf.get("worker_send_task_events"):
        return CheckMark.OK, YES, ""
    if survey.own.enable_events:
        said = f"{NO} in its settings (-E is not visible here); flower_ng turns them on"
        return CheckMark.NOTE, f"{said} while it runs", setting
    said = f"{NO} in its settings, and enable_events is off in flower_ng: start the worker with -E"
    return CheckMark.ATTENTION, said, setting


def extended(conf: Conf, _survey: Survey, _one: WorkerSurvey) -> Judgement:
    """Check what the stored results include; workers write them."""
    if not conf.get("result_backend"):
        return CheckMark.NOTE, "it stores no results", "result_backend"
    if conf.get("result_extended"):
        return CheckMark.OK, "results include name, arguments, worker and queue", ""
    said = "results lack name, arguments, worker and queue for tasks whose events flower_ng missed"
    return CheckMark.NOTE, said, "result_extended = True"


def expires(conf: Conf, _survey: Survey, _one: WorkerSurvey) -> Judgement:
    """Check how long results are kept."""
    if not conf.get("result_backend"):
        return CheckMark.OK, "it stores no results", ""
    kept = conf.get("result_expires")
    if not kept:
        return CheckMark.NOTE, "never: the result backend keeps growing", "result_expires"
    span = f"{float(kept):,.0f} s" if isinstance(kept, int | float) else str(kept)
    return CheckMark.OK, f"after {span}", "result_expires"


def track_started(conf: Conf, _survey: Survey, _one: WorkerSurvey) -> Judgement:
    """Check whether the result backend knows which tasks run; events say so either way."""
    if conf.get("task_track_started"):
        return CheckMark.OK, YES, ""
    said = f"{NO}: the result backend says PENDING until a task ends; events show what runs"
    return CheckMark.NOTE, said, "task_track_started = True"


def restarts(conf: Conf, _survey: Survey, _one: WorkerSurvey) -> Judgement:
    """Check whether its pool can be restarted."""
    if conf.get("worker_pool_restarts"):
        return CheckMark.OK, YES, ""
    return (
        CheckMark.NOTE,
        f"{NO}: the worker refuses to restart its pool",
        "worker_pool_restarts = True",
    )


def redelivery(conf: Conf, survey: Survey, _one: WorkerSurvey) -> Judgement:
    """Compare the broker's redelivery timeout with how long tasks may run."""
    timeout_s, setting = redelivery_timeout(conf, survey)
    if timeout_s is None:
        return (
            CheckMark.UNKNOWN,
            "the broker does not report how long a message may stay unacknowledged",
            setting,
        )
    if timeout_s == inf:
        return CheckMark.OK, "none: the broker sets no limit (consumer_timeout)", ""
    limit, is_late = conf.get("task_time_limit"), conf.get("task_acks_late")
    said = f"after {timeout_s:,.0f} s unacknowledged: tasks with a longer ETA may run twice"
    if not is_late:
        return CheckMark.OK, said, setting
    if limit and float(limit) < timeout_s:
        return CheckMark.OK, f"{said}; no task runs that long (task_time_limit {limit:.15g} s)", ""
    longest = f"tasks may run for {limit:.15g} s" if limit else "task_time_limit is not set"
    both = f"{setting}, or task_time_limit"
    return CheckMark.ATTENTION, f"{said}, and so may long tasks with acks_late: {longest}", both


def redelivery_timeout(conf: Conf, survey: Survey) -> tuple[float | None, str]:
    """Return the redelivery timeout in seconds, and the setting that controls it."""
    facts = survey.broker.facts
    if survey.broker.transport in VISIBLE:
        options = conf.get("broker_transport_options") or {}
        visible_s = float(options.get("visibility_timeout") or VISIBILITY_S)
        return visible_s, "broker_transport_options: visibility_timeout"
    if facts is not None and facts.rabbit is not None:
        return facts.rabbit.ack_timeout_s or inf, "RabbitMQ: consumer_timeout"
    return None, "flower_ng: --broker_api" if survey.broker.transport == "amqp" else ""


def prefetch(conf: Conf, _survey: Survey, _one: WorkerSurvey) -> Judgement:
    """Check how many tasks a worker reserves, which no other worker can take."""
    times, is_late = conf.get("worker_prefetch_multiplier"), conf.get("task_acks_late")
    acks = (
        "acknowledged after it ran" if is_late else "acknowledged before it runs: a crash loses it"
    )
    if not times:
        said = f"no limit; a task is {acks}"
        return CheckMark.ATTENTION, f"{said}. One worker may reserve the whole queue", SETS_PREFETCH
    said = f"{times:.15g} per slot; a task is {acks}"
    if times > 1:
        return CheckMark.NOTE, f"{said}. Short tasks may wait behind long ones", SETS_PREFETCH
    return CheckMark.OK, said, ""


def timezone(conf: Conf, survey: Survey, _one: WorkerSurvey) -> Judgement:
    """Compare its time zone settings with those of our app."""
    ours, names = survey.app.conf, ("enable_utc", "timezone")
    theirs = {name: conf.get(name) for name in names}
    zone = theirs["timezone"] or ("UTC" if theirs["enable_utc"] else "its host's time zone")
    if not survey.app.is_known:
        return CheckMark.OK, f"{zone}", ""
    differing = [name for name in names if str(theirs[name]) != str(ours.get(name))]
    if differing:
        shown = ", ".join(f"{name} {theirs[name]}, here {ours.get(name)}" for name in differing)
        return (
            CheckMark.ATTENTION,
            f"{shown}: schedules and ETAs may be off",
            "enable_utc, timezone",
        )
    if not theirs["enable_utc"]:
        return (
            CheckMark.NOTE,
            f"enable_utc is {NO}: all hosts must be in the same time zone",
            "enable_utc = True",
        )
    return CheckMark.OK, f"{zone}, the same as here", ""


def shutdown(conf: Conf, _survey: Survey, _one: WorkerSurvey) -> Judgement:
    """Say what happens to running tasks when the worker shuts down."""
    try:
        soft_s = float(conf.get("worker_soft_shutdown_timeout") or 0)
    except LookupError:  # older than Celery 5.5
        soft_s = 0.0
    is_late = bool(conf.get("task_acks_late"))
    is_lost = not (is_late and conf.get("task_reject_on_worker_lost"))
    after = "is lost" if is_lost else "returns to the queue"
    said = f"on SIGTERM, running tasks finish; a task whose process is killed {after}"
    if soft_s:
        said += f"; a cold shutdown waits {soft_s:.15g} s"
    return CheckMark.OK, said, "task_acks_late, task_reject_on_worker_lost"


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
