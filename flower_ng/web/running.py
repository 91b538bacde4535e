"""Running tasks have a run time too: their age. Lists by run time have them in their place."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from flower_ng.store import TaskPage, TaskQuery, TaskRow
from flower_ng.store.conditions import AllOf, Is, Not, Search

if TYPE_CHECKING:
    from flower_ng.store import Store

STARTED: Final = "STARTED"
#: Where more tasks run than this, the store's own order has to do: running ones have no run time.
MOST_RUNNING: Final = 1000


def runtime_s(task: TaskRow, now: float) -> float | None:
    """How long a task ran, or has run by `now`; None where it has not begun, or nobody told."""
    if task.runtime is not None or task.state != STARTED or task.started is None:
        return task.runtime
    return max(0.0, now - task.started)


async def by_runtime(store: "Store", query: TaskQuery, now: float) -> TaskPage:
    """Return a page of tasks by run time, those that run by their age."""
    is_running = Is("state", STARTED.casefold())
    running = replace(query, search=_both(query.search, is_running), sort="started", offset=0)
    live = await store.tasks(replace(running, descending=False, limit=MOST_RUNNING))
    if not live.rows or not live.exact or live.filtered > MOST_RUNNING:
        return await store.tasks(query)
    limit, count = query.limit or 0, len(live.rows)
    first = max(0, query.offset - count)
    rest = replace(query, search=_both(query.search, Not(is_running)), offset=first)
    ended = await store.tasks(replace(rest, limit=limit + count))
    merged = sorted([*live.rows, *ended.rows], key=_by(now), reverse=query.descending)
    begin = query.offset - first
    counted = await store.tasks(replace(query, offset=0, limit=0))
    return replace(counted, rows=merged[begin : begin + limit])


def _both(search: Search | None, more: Search) -> Search:
    return more if search is None else AllOf((search, more))


def _by(now: float) -> Callable[[TaskRow], tuple[float, str]]:
    """Order as the store does: what has no run time is less than all, ties by task id."""

    def key(task: TaskRow) -> tuple[float, str]:
        ran_s = runtime_s(task, now)
        return (-1.0 if ran_s is None else ran_s), task.uuid

    return key
