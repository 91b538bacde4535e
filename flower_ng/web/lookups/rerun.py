"""What running a task again would send, and what speaks against it. On the loop."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from flower_ng.cluster import Cluster
from flower_ng.errors import BadRequest, Conflict, NoAnswer, NotFound, Unavailable
from flower_ng.monitor.remote.rebuild import Rebuilt, agreed, is_redacted, rebuilt
from flower_ng.monitor.remote.task_actions import RERUN
from flower_ng.monitor.remote.worker_answer import NO_ANSWER
from flower_ng.store import TaskRow
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.review import Review, ReviewInput

BACKEND: Final = "the result backend"
EVENTS: Final = "the task's events"
LABELS: Final = {"args": "Arguments, a JSON array", "kwargs": "Keyword arguments, a JSON object"}
#: How many earlier re-runs are named.
MOST_NAMED: Final = 3
ENDED_BADLY: Final = frozenset({"FAILURE", "REVOKED", "REJECTED"})


@dataclass(frozen=True, slots=True)
class GivenArguments:
    """What somebody gave in place of what is known; None is what they did not."""

    args: list[Any] | None = None
    kwargs: dict[str, Any] | None = None
    queue: str | None = None
    countdown: float | None = None


@dataclass(frozen=True, slots=True)
class CallArguments:
    """Arguments of a task, each with why it is not known; `source` is who knows them."""

    args: Rebuilt
    kwargs: Rebuilt
    source: str
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Rerun:
    """A task that would be sent: its name, arguments and options, and its review."""

    name: str
    args: list[Any]
    kwargs: dict[str, Any]
    review: Review
    options: dict[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Raise what is wrong with it: BadRequest for missing arguments, else Conflict."""
        missing = [f"{one.name}: {one.why}" for one in self.review.inputs if one.why]
        if missing:
            words = "; ".join(missing)
            raise BadRequest(f"Not sent, because arguments are not known ({words}): give them")
        if self.review.refusals:
            raise Conflict(f"Not sent: {' '.join(self.review.refusals)}")


async def rerun_of(cluster: Cluster, task_id: str, given: GivenArguments) -> Rerun:
    """Return what running a task again would send; NotFound for one that nobody knows."""
    row = await cluster.store.task(task_id)
    if row is None:
        raise NotFound(f"Unknown task '{task_id}'")
    if row.name is None:
        raise Conflict(f"Not sent: no event told the name of '{task_id}'")
    found = await _arguments(cluster, row)
    args = found.args if given.args is None else Rebuilt(given.args)
    kwargs = found.kwargs if given.kwargs is None else Rebuilt(given.kwargs)
    _refuse_unfinished(row, given)
    return Rerun(
        row.name,
        list(args.value or ()),
        dict(kwargs.value or {}),
        _review(cluster, row, found, given),
        _options(row, given),
    )


async def send_again(cluster: Cluster, again: Rerun, task_id: str, new_id: str) -> None:
    """Send it under this id, and note which task it repeats, also where it may have left."""
    again.check()
    options = {**again.options, "task_id": new_id}
    try:
        await cluster.publisher.send_task(again.name, again.args, again.kwargs, options)
    except NoAnswer:
        await cluster.store.rerun(new_id, task_id)  # then its pages say so
        raise
    await cluster.store.rerun(new_id, task_id)


async def _arguments(cluster: Cluster, row: TaskRow) -> CallArguments:
    """Return the arguments from the result backend, else as the events tell them."""
    trouble = ""
    try:
        stored = await cluster.publisher.stored_arguments(row.uuid)
    except Unavailable as error:
        stored, trouble = None, error.message
    args, kwargs = rebuilt(row.args), rebuilt(row.kwargs)
    if stored is not None:
        return CallArguments(
            agreed(Rebuilt(list(stored[0])), args), agreed(Rebuilt(stored[1]), kwargs), BACKEND
        )
    if args.value is not None and not isinstance(args.value, list | tuple):
        args = Rebuilt(why_not="the text is no list")
    if kwargs.value is not None and not isinstance(kwargs.value, dict):
        kwargs = Rebuilt(why_not="the text is no dict")
    return CallArguments(args, kwargs, EVENTS, trouble)


def _refuse_unfinished(row: TaskRow, given: GivenArguments) -> None:
    """Refuse what still holds a mark of something hidden, or a text as it was shortened."""
    for name in LABELS:
        value, text = getattr(given, name), getattr(row, name) or ""
        if value and is_redacted(fmt.json_text(value)):
            raise BadRequest(f"{name} still hold a mark of what was hidden: complete them")
        if any(one.endswith("...") and f"{one}'" in text for one in _texts(value)):
            raise BadRequest(f"{name} still hold a text as it was shortened: complete it")


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from _texts(list(value.values()))
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)


def _options(row: TaskRow, given: GivenArguments) -> dict[str, Any]:
    """Return where it goes, as the first one went; without a queue by exchange and routing key."""
    options: dict[str, Any] = {}
    if queue := given.queue or row.queue:
        options["queue"] = queue
    elif row.routing_key:
        options |= {"exchange": row.exchange or "", "routing_key": row.routing_key}
    if given.countdown is not None:
        options["countdown"] = given.countdown
    return options


def _where(row: TaskRow, given: GivenArguments) -> str:
    options = _options(row, given)
    return str(options.get("queue") or options.get("routing_key") or "")


def _review(cluster: Cluster, row: TaskRow, found: CallArguments, given: GivenArguments) -> Review:
    shown = cluster.format_task(row)
    inputs = tuple(
        ReviewInput(
            name,
            label,
            fmt.text(getattr(shown, name)),
            "" if getattr(given, name) is None else fmt.json_text(getattr(given, name)),
            getattr(found, name).why_not if getattr(given, name) is None else "",
        )
        for name, label in LABELS.items()
    )
    return Review(
        RERUN,
        row.uuid,
        RERUN.effect,
        refusals=tuple(_refusals(cluster, row, given)),
        cautions=tuple(_cautions(cluster, row, found, given)),
        unknowns=tuple(_unknowns(cluster, row, found, given)),
        details=tuple(_details(row, found, given)),
        inputs=inputs,
        facts={
            "type": row.name or "",
            "state": row.state,
            "runs again so far": str(len(row.reruns)),
            "queue or routing key": _where(row, given) or "unknown",
            "wait": "none" if given.countdown is None else f"{given.countdown:.15g} s",
        },
    )


def _details(row: TaskRow, found: CallArguments, given: GivenArguments) -> Iterator[str]:
    if where := _where(row, given):
        yield f"It goes to {where}." if given.queue else f"It goes to {where}, as the first one."
    for name in LABELS:
        if getattr(given, name) is not None:
            yield f"Its {name} are those that you gave."
        elif not getattr(found, name).why_not:
            yield f"Its {name} are those of {found.source}."
    if row.eta and given.countdown is None:
        yield f"The first one had the ETA {row.eta}, which is dropped."
    if row.expires:
        yield f"The first one expired at {row.expires}, which is dropped."
    if given.countdown is not None:
        yield f"It waits {given.countdown:.15g} s before it runs."


def _refusals(cluster: Cluster, row: TaskRow, given: GivenArguments) -> Iterator[str]:
    if everyone_lacks(told_by_workers(cluster, "registered"), row.name):
        yield f"No online worker has the task {row.name}: it would be discarded."
    queue = _options(row, given).get("queue")
    if queue and nobody_will_consume(cluster, queue):
        yield f"No online worker has told that it consumes from {queue}: it would wait there."


def _cautions(
    cluster: Cluster, row: TaskRow, found: CallArguments, given: GivenArguments
) -> Iterator[str]:
    queue = _options(row, given).get("queue")
    if queue and cluster.holds.is_paused(queue):
        yield f"{queue} is paused: it waits there until that is resumed."
    for name in LABELS:
        part: Rebuilt = getattr(found, name)
        if getattr(given, name) is None and part.repaired:
            yield f"Its {name} hold values that were repaired: {', '.join(part.repaired)}."
    if row.reruns:
        named = ", ".join(row.reruns[-MOST_NAMED:])
        more = len(row.reruns) - MOST_NAMED
        yield f"It was run again already, as {named}{f' and {more} more' if more > 0 else ''}."
    if row.state == "SUCCESS":
        yield "It succeeded: what it did is done once more."
    elif row.state == "REVOKED":
        yield "It was revoked: somebody did not want it to run. The new one is not revoked."
    elif row.state not in ENDED_BADLY:
        yield f"Its state is {row.state}: it may be waiting or running still, and be done twice."
    yield from _workflow_cautions(row)


def _workflow_cautions(row: TaskRow) -> Iterator[str]:
    if row.parent_id and row.parent_id != row.uuid:
        yield (
            f"It was sent by another task ({row.parent_id}): if they are a chain or a chord, what"
            " comes after it there does not follow the new one."
        )
    if row.children:
        yield (
            f"It sent {fmt.counted(len(row.children), 'task')}: those that it sends itself are sent"
            " again, those that followed it in a chain are not."
        )


def _unknowns(
    cluster: Cluster, row: TaskRow, found: CallArguments, given: GivenArguments
) -> Iterator[str]:
    yield (
        "Priority, time limits, serializer and headers of the first one are in no event: the new"
        " one has those of the app's settings. Whether it was part of a chord isn't told either."
    )
    if not _options(row, given):
        yield "Its queue is in no event: the app's settings decide where it goes."
    yield from untold(cluster, row.name, _options(row, given).get("queue"))
    if found.trouble:
        yield f"The result backend was no help with its arguments: {found.trouble}."


def untold(cluster: Cluster, name: str | None, queue: str | None) -> Iterator[str]:
    """Say that no worker is known to have a task or its queue, where not all have told."""
    registered, queues = told_by_workers(cluster, "registered"), told_by_workers(cluster, "queues")
    if not registered:
        yield "No worker is known to be online: when it will run is not known."
        return
    if _is_open(registered, name):
        yield f"Whether a worker has this task is not known: {_who_is_silent(registered)}."
    if queue and _is_open(queues, queue):
        yield f"Whether a worker consumes from {queue} is not known: {_who_is_silent(queues)}."


def told_by_workers(cluster: Cluster, what: str) -> dict[str, tuple[str, ...] | None]:
    """Return what each online worker told of this, None of those that did not."""
    told = cluster.inspector.told
    names = [worker.hostname for worker in cluster.presence.online()]
    return {name: getattr(told.get(name, NO_ANSWER), what) for name in names}


def everyone_lacks(told: dict[str, tuple[str, ...] | None], name: str | None) -> bool:
    """Whether every online worker told, and none of them has it."""
    return bool(told) and all(names is not None and name not in names for names in told.values())


def nobody_will_consume(cluster: Cluster, queue: str) -> bool:
    """Whether no online worker consumes from a queue, and none will when its pause ends."""
    if cluster.holds.is_paused(queue):
        return False
    return everyone_lacks(told_by_workers(cluster, "queues"), queue)


def _is_open(told: dict[str, tuple[str, ...] | None], name: str | None) -> bool:
    """Whether none of those that told has it, and not all have told."""
    return None in told.values() and not any(name in (names or ()) for names in told.values())


def _who_is_silent(told: dict[str, tuple[str, ...] | None]) -> str:
    silent = [name for name, names in told.items() if names is None]
    if len(silent) > MOST_NAMED:
        return f"{len(silent):,} online workers have not answered"
    return f"{' and '.join(silent)} {'have' if len(silent) > 1 else 'has'} not answered"
