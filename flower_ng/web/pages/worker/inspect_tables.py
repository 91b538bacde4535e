"""Tables of what a worker answered to inspect: queues, tasks, settings; pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

from flower_ng.monitor.remote.worker_answer import mapping
from flower_ng.store import TaskRow
from flower_ng.web.lookups.waiting import request_row
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.facts import Fact, sequence, shown
from flower_ng.web.ui.links import Links

SETTING_DOCS: Final = "https://docs.celeryq.dev/en/stable/userguide/configuration.html#std-setting-"
QUEUE_COLUMNS: Final = {
    "name": "Name",
    "exclusive": "Exclusive",
    "durable": "Durable",
    "routing_key": "Routing key",
    "no_ack": "No ACK",
    "alias": "Alias",
    "queue_arguments": "Queue arguments",
    "binding_arguments": "Binding arguments",
    "auto_delete": "Auto delete",
}


@dataclass(frozen=True, slots=True)
class ConsumedQueue:
    """A queue that the worker consumes from."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InspectedTask:
    """A task that the worker runs or holds; `running` is for how long it runs, by its events."""

    name: str
    uuid: str
    url: str
    eta: str
    running: str
    acknowledged: str
    pid: str
    args: str
    kwargs: str


@dataclass(frozen=True, slots=True)
class TableExcerpt:
    """A part of a list, and how many entries were left out of it."""

    entries: tuple[Any, ...]
    left_out: int


def part(entries: Any, limit: int) -> TableExcerpt:
    """The first of the entries, and how many there are more."""
    everything = tuple(entries)
    return TableExcerpt(everything[:limit], max(0, len(everything) - limit))


def queues(told: Any) -> Iterator[ConsumedQueue]:
    """The queues that it consumes from."""
    for queue in map(mapping, sequence(told)):
        values = tuple(shown(queue.get(key), key) for key in QUEUE_COLUMNS)
        yield ConsumedQueue(str(queue.get("name", "")), values)


def named(told: Any) -> list[tuple[str, Any]]:
    """The entries of a mapping in the order of their names, whatever these are."""
    return sorted(((str(name), value) for name, value in mapping(told).items()), key=itemgetter(0))


def processed(total: Any, links: Links, worker: str) -> Iterator[Fact]:
    """How many tasks of each type the worker has run."""
    for name, number in named(total):
        yield Fact(name, shown(number), links.tasks(name=name, worker=worker))


def inspected_tasks(
    tasks: Any,
    links: Links,
    worker: str,
    shown_task: Callable[[TaskRow], TaskRow],
    running: Callable[[str], str],
) -> Iterator[InspectedTask]:
    """Active and reserved tasks are requests themselves, scheduled ones hold theirs.

    `shown_task` returns a task as pages show it, `running` for how long one with this id runs.
    """
    for entry in sequence(tasks):
        outer = mapping(entry)
        request = mapping(outer.get("request", outer))
        uuid = fmt.text(request.get("id"))
        row = shown_task(request_row(uuid, request, worker))
        yield InspectedTask(
            name=fmt.text(row.name),
            uuid=uuid,
            url=links.task(uuid),
            eta=shown(outer.get("eta")),
            running=running(uuid),
            acknowledged=shown(request.get("acknowledged")),
            pid=shown(request.get("worker_pid")),
            args=fmt.text(row.args),
            kwargs=fmt.text(row.kwargs),
        )


def revoked(uuids: Any, links: Links) -> Iterator[Fact]:
    """The ids that the worker will not run."""
    for uuid in sequence(uuids):
        yield Fact(str(uuid), "", links.task(str(uuid)))


def settings(conf: Any) -> Iterator[Fact]:
    """The settings of the worker that are set; each of Celery leads to its explanation."""
    for name, value in named(conf):
        if value is not None:
            url = f"{SETTING_DOCS}{name}" if name.isidentifier() and name.islower() else None
            yield Fact(name, shown(value, name), url)
