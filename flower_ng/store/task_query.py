"""TaskQuery is which tasks are asked for, and in which order. Frozen."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from flower_ng.store.conditions import AllOf, Is, Search

#: The filters for whole values, and the columns that they look at.
FILTERS: Final = {
    "state": "state",
    "name": "name",
    "worker": "worker",
    "queue": "queue",
    "exception": "exception_class",
}


@dataclass(frozen=True, slots=True)
class TaskQuery:
    """Which tasks, in which order, and which of them.

    `state`, `name`, `worker`, `queue` and `exception` (its class) are whole values, their case
    ignored. The received range (UTC seconds) includes both ends, and tasks that no one received
    pass it. Without `sort` the newest come first, whatever the direction; an attribute that tasks
    do not have sorts by id.
    """

    search: Search | None = None
    state: str | None = None
    name: str | None = None
    worker: str | None = None
    received_start: float | None = None
    received_end: float | None = None
    sort: str | None = None
    descending: bool = False
    offset: int = 0
    limit: int | None = None
    queue: str | None = None
    exception: str | None = None


def lifted(query: TaskQuery) -> TaskQuery:
    """Return a query for the same tasks that asks as much as it can by its filters.

    What the search wants in whole (`state:FAILURE`, `queue:=mail`) moves there, unless the filter
    is taken, so that `state:FAILURE` costs as little as the filter does.
    """
    filters: dict[str, Any] = {}
    others = []
    for part in _parts(query.search):
        name = _FILTERED.get(part.column) if isinstance(part, Is) else None
        if isinstance(part, Is) and name and name not in filters and not getattr(query, name):
            filters[name] = part.text
        else:
            others.append(part)
    if not filters:
        return query
    rest = others[0] if len(others) == 1 else AllOf(tuple(others)) if others else None
    return replace(query, search=rest, **filters)


_FILTERED: Final = {column: name for name, column in FILTERS.items()}


def _parts(search: Search | None) -> Iterator[Search]:
    """Yield the conditions that every task must meet."""
    if isinstance(search, AllOf):
        for part in search.parts:
            yield from _parts(part)
    elif search is not None:
        yield search
