"""When a task with an ETA may start, and which RabbitMQ queue holds it until then. Pure.

On RabbitMQ with quorum queues Celery sends a task with an ETA to the exchange `celery_delayed_27`;
its routing key is the delay in seconds as 28 binary digits, then that of the task's queue
(kombu.transport.native_delayed_delivery).
"""

import re
from datetime import UTC, datetime, tzinfo
from typing import Final

_DELAYED: Final = re.compile(r"(?:[01]\.){28}(?P<key>.+)", re.DOTALL)


def eta_s(eta: str | None, timezone: tzinfo = UTC) -> float | None:
    """Return an ETA as UTC seconds, None for what is none; of `timezone` if it has no offset."""
    try:
        at = datetime.fromisoformat(eta or "")
        return (at if at.tzinfo else at.replace(tzinfo=timezone)).timestamp()
    except (ValueError, OverflowError):
        return None


def delayed_key(routing_key: str | None) -> str | None:
    """Return the routing key that a delayed message arrives with; None for one that is not.

    It is the queue's name, unless the queue is bound by another key.
    """
    found = _DELAYED.fullmatch(routing_key or "")
    return found["key"] if found else None
