"""What sending a task would send, and what speaks against it. On the loop."""

import hashlib
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flower_ng.cluster import Cluster
from flower_ng.errors import BadRequest
from flower_ng.monitor.remote.action import Action
from flower_ng.monitor.remote.task_actions import SEND
from flower_ng.web.lookups.rerun import everyone_lacks, told_by_workers, untold
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.review import Review
from flower_ng.web.ui.zone import Zone

#: Arguments that are longer are named by their length and hash.
MOST_SHOWN: Final = 500


@dataclass(frozen=True, slots=True)
class TaskToSend:
    """A task that would be sent; `options` are those of Celery's `send_task`."""

    name: str
    args: list[Any]
    kwargs: dict[str, Any]
    options: Mapping[str, Any]


def task_to_send(cluster: Cluster, name: str, given: Mapping[str, Any]) -> TaskToSend:
    """Return what was given as a task; BadRequest says what is wrong with it."""
    options = {key: value for key, value in given.items() if key not in ("args", "kwargs")}
    if "eta" in options:
        if "countdown" in options:
            raise BadRequest("countdown and eta say the same thing: give one of them")
        options["eta"] = _utc(cluster, options["eta"])
    task = TaskToSend(name, given.get("args", []), given.get("kwargs", {}), options)
    if why := cluster.publisher.misfit(name, task.args, task.kwargs):
        raise BadRequest(f"Not sent: {why}")
    return task


def registered_types(cluster: Cluster) -> set[str]:
    """Return the types of tasks that workers or this app have, Celery's own left out."""
    told = {answer.registered or () for answer in cluster.inspector.told.values()}
    names = {*cluster.registered_tasks(), *(name for one in told for name in one)}
    return {name for name in names if not name.startswith("celery.")}


def send_review(cluster: Cluster, task: TaskToSend, api_url: str) -> Review:
    """Return what sending it will do; `api_url` is where the API sends tasks of this type."""
    return Review(
        SEND,
        task.name,
        SEND.effect,
        refusals=tuple(_refusals(cluster, task)),
        cautions=tuple(_cautions(cluster, task)),
        unknowns=tuple(_unknowns(cluster, task)),
        details=tuple(_details(cluster, task)),
        scripts={"curl": _curl(task, api_url), "Python": _python(task)},
        facts=_facts(task),
    )


def publish_review(
    cluster: Cluster, action: Action, task: TaskToSend, *, is_checked: bool
) -> Review:
    """Return what one of Flower's own routes would publish: what speaks against it is no refusal.

    `is_checked` where Celery itself refuses arguments that the task can't take.
    """
    misfit = cluster.publisher.misfit(task.name, task.args, task.kwargs)
    wrong = (fmt.sentence(misfit),) if misfit else ()
    return Review(
        action,
        task.name,
        action.effect,
        refusals=wrong if is_checked else (),
        cautions=(
            *(() if is_checked else wrong),
            *_refusals(cluster, task),
            *_cautions(cluster, task),
        ),
        unknowns=tuple(_unknowns(cluster, task)),
        facts=_facts(task),
    )


def _facts(task: TaskToSend) -> dict[str, str]:
    return {
        "arguments": _told(fmt.json_text(task.args)),
        "keyword arguments": _told(fmt.json_text(task.kwargs)),
        "options": _told(fmt.json_text(dict(task.options))),
    }


def _utc(cluster: Cluster, text: str) -> str:
    """Return a time as workers read it, whatever their zone."""
    utc = Zone(cluster.timezone).searched(text)
    try:
        datetime.fromisoformat(utc)
    except ValueError as error:
        words = "is no time as ISO 8601 writes it, like 2030-12-31T23:59:59"
        raise BadRequest(f"eta {text!r} {words}") from error
    return utc


def _refusals(cluster: Cluster, task: TaskToSend) -> Iterator[str]:
    if everyone_lacks(told_by_workers(cluster, "registered"), task.name):
        yield f"No online worker has the task {task.name}: it would be discarded."


def _cautions(cluster: Cluster, task: TaskToSend) -> Iterator[str]:
    queue = task.options.get("queue")
    if not isinstance(queue, str):
        return
    if queue and cluster.holds.is_paused(queue):
        yield f"{queue} is paused: it waits there until that is resumed."
    elif queue and everyone_lacks(told_by_workers(cluster, "queues"), queue):
        yield f"No online worker has told that it consumes from {queue}: it would wait there."


def _unknowns(cluster: Cluster, task: TaskToSend) -> Iterator[str]:
    queue = task.options.get("queue")
    yield from untold(cluster, task.name, queue if isinstance(queue, str) else None)
    if not cluster.publisher.signature(task.name):
        yield "What arguments it takes is not known here: this app does not have it."
    if "queue" not in task.options:
        yield "Its queue is chosen by the app's settings and routes when it is sent."


def _details(cluster: Cluster, task: TaskToSend) -> Iterator[str]:
    options, zone = task.options, Zone(cluster.timezone)
    if takes := cluster.publisher.signature(task.name):
        yield f"It takes {takes}."
    if "queue" in options:
        yield f"It goes to {options['queue']}."
    if "countdown" in options:
        yield f"It waits {options['countdown']:.15g} s before it runs."
    if "eta" in options:
        at = datetime.fromisoformat(options["eta"]).timestamp()
        yield f"It runs at {fmt.moment(at, cluster.timezone)} {zone.name} at the earliest."
    if "expires" in options:
        yield f"It is not run any more after {options['expires']:.15g} s."
    if "priority" in options:
        yield f"Its priority is {options['priority']}."


def _told(text: str) -> str:
    if len(text) <= MOST_SHOWN:
        return text
    return f"{len(text):,} characters, SHA-256 {hashlib.sha256(text.encode()).hexdigest()[:12]}"


def _curl(task: TaskToSend, api_url: str) -> str:
    body = fmt.json_text({"args": task.args, "kwargs": task.kwargs, **task.options})
    return f"curl -X POST {shlex.quote(api_url)} \\\n  -d {shlex.quote(body)}"


def _python(task: TaskToSend) -> str:
    options = "".join(f", {name}={value!r}" for name, value in task.options.items())
    return f"app.send_task({task.name!r}, args={task.args!r}, kwargs={task.kwargs!r}{options})"
