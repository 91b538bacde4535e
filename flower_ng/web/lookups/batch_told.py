"""Batches as the API tells them. Pure."""

from collections.abc import Mapping
from typing import Any

import msgspec

from flower_ng.batch_record import BatchItem, BatchStatus
from flower_ng.store import TaskRow


def batch_told(status: BatchStatus) -> dict[str, Any]:
    """Return a batch, without from where it came, and how many of its tasks are in each state."""
    told: dict[str, Any] = msgspec.to_builtins(status.batch)
    del told["peer"], told["how"]
    return {**told, "counts": dict(status.counts), "is_elsewhere": status.is_elsewhere}


def item_told(item: BatchItem, news: Mapping[str, TaskRow]) -> dict[str, Any]:
    """Return what came of one task; `state` is that of the new one, null where no event told it."""
    row = news.get(item.new_id)
    return {
        "place": item.place,
        "task": item.uuid,
        "outcome": item.state.value,
        "why": item.why,
        "task-id": item.new_id or None,
        "state": row.state if row else None,
    }
