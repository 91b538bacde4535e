"""Broker shows the queues that workers consume from, as the broker itself counts them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flower_ng.errors import Unavailable
from flower_ng.web import format as fmt
from flower_ng.web.base import Page

#: Each line of the table: what adapters may tell of a queue, and how a column is headed.
COLUMNS: Final = {
    "messages": "Messages",
    "messages_unacknowledged": "Unacked",
    "messages_ready": "Ready",
    "consumers": "Consumers",
    "idle_since": "Idle since",
}


@dataclass(frozen=True, slots=True)
class Queue:
    """One queue; a dash stands for what this broker does not tell."""

    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BrokerView:
    """The broker's queues; `trouble` is why there are none, or not all."""

    title: str
    url: str
    transport: str
    headings: tuple[str, ...]
    queues: tuple[Queue, ...]
    names: tuple[str, ...]
    trouble: str


class Broker(Page):
    """`/broker`: always a page, also when the broker does not answer."""

    path = "/broker"
    nav = "Broker"
    template = "pages/broker.html"

    async def view(self, *_none: str) -> BrokerView:
        """Ask the broker, and say what it said."""
        cluster = self.cluster
        names = tuple(cluster.queue_names())
        queues: Sequence[Mapping[str, Any]] = ()
        try:
            queues = await cluster.broker.queues(names)
            trouble = cluster.broker.trouble or ""
        except Unavailable as error:
            trouble = error.message
        return BrokerView(
            title="Broker",
            url=cluster.broker_url,
            transport=cluster.transport,
            headings=tuple(COLUMNS.values()),
            queues=tuple(map(_queue, queues)),
            names=names,
            trouble=trouble,
        )


def _queue(queue: Mapping[str, Any]) -> Queue:
    return Queue(fmt.text(queue.get("name")), tuple(_value(queue.get(key)) for key in COLUMNS))


def _value(value: object) -> str:
    is_count = isinstance(value, int | float) and not isinstance(value, bool)
    return fmt.number(value) if is_count else fmt.text(value)  # type: ignore[arg-type]  # is a count
