"""A look into a queue: arguments without secrets, as `format_task` shows them. On the loop."""

from dataclasses import replace

from flower_ng.brokers import QueueGlimpse, WaitingMessage
from flower_ng.cluster import Cluster
from flower_ng.errors import NotFound
from flower_ng.store import TaskRow
from flower_ng.web.lookups.consumers import queue_names
from flower_ng.web.ui import format as fmt


def require_queue(cluster: Cluster, name: str) -> None:
    """Raise NotFound unless it is a queue that settings, workers, events or the broker name."""
    if name not in queue_names(cluster) and name not in cluster.known_queue_names():
        raise NotFound(f"Unknown queue '{name}'")


async def glimpse(cluster: Cluster, name: str, most: int) -> QueueGlimpse:
    """Return the first messages; NotFound for a queue that nobody names."""
    require_queue(cluster, name)
    seen = await cluster.broker.peek(name, most)
    return replace(seen, messages=tuple(_shown(cluster, one) for one in seen.messages))


def _shown(cluster: Cluster, message: WaitingMessage) -> WaitingMessage:
    args, kwargs = map(cluster.redactor.text, (message.args, message.kwargs))
    row = TaskRow(message.id, message.task, args=args, kwargs=kwargs)
    shown = cluster.format_task(row)
    return replace(message, args=fmt.text(shown.args), kwargs=fmt.text(shown.kwargs))
