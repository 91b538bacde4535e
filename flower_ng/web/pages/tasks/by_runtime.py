"""Running tasks have a run time too: their age. Lists by run time have them in their place."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from heapq import merge
from itertools import islice
from typing import TYPE_CHECKING, Final

from flower_ng.search import IS, AllOf, Has, Not, Search
from flower_ng.store import TaskPage, TaskQuery, TaskRow

if TYPE_CHECKING:
    from flower_ng.store import TaskAnswers

_IS_RUNNING: Final = AllOf((IS["running"], Has("started")))
#: So many tasks that come before a page are read with it; more are skipped.
MOST_READ: Final = 500


def runtime_s(task: TaskRow, now: float) -> float | None:
    """How long a task ran, or has run by `now`; None where it has not begun, or nobody told."""
    if task.runtime is not None or not task.is_running or task.started is None:
        return task.runtime
    return max(0.0, now - task.started)


async def by_runtime(store: "TaskAnswers", query: TaskQuery, now: float) -> TaskPage:
    """Return a page of tasks by run time, those that run by their age.

    Two lists in one order are merged. What comes before the page and cannot be running is skipped.
    Where that leaves many, half as many are skipped in that list which has its task at this place
    first: all these come before the page.
    """
    turned = not query.descending  # who began first has run longest
    live = replace(_only(query, _IS_RUNNING), sort="started", descending=turned)
    ended = _only(query, Not(_IS_RUNNING))
    key, left = _by(now, is_descending=query.descending), query.offset
    known = await store.tasks(replace(live, limit=0))
    if known.exact:
        left = min(left, known.filtered)
        ended = replace(ended, offset=query.offset - left)
    while left > MOST_READ:
        half = left // 2
        runs = await _rows(store, live, half - 1, 1)
        ran = await _rows(store, ended, half - 1, 1)
        if runs and (not ran or key(runs[0]) <= key(ran[0])):
            live = replace(live, offset=live.offset + half)
        else:
            ended = replace(ended, offset=ended.offset + half)
        left -= half
    most = left + (query.limit or 0)
    rows = merge(await _rows(store, live, 0, most), await _rows(store, ended, 0, most), key=key)
    counted = await store.tasks(replace(query, offset=0, limit=0))
    return replace(counted, rows=list(islice(rows, left, most)))


def _only(query: TaskQuery, more: Search) -> TaskQuery:
    both = more if query.search is None else AllOf((query.search, more))
    return replace(query, search=both, offset=0)


async def _rows(store: "TaskAnswers", query: TaskQuery, skip: int, most: int) -> Sequence[TaskRow]:
    page = await store.tasks(replace(query, offset=query.offset + skip, limit=most))
    return page.rows


def _by(now: float, *, is_descending: bool) -> Callable[[TaskRow], float]:
    """What comes first is least; what has no run time is less than all, as in the store."""

    def key(task: TaskRow) -> float:
        ran_s = runtime_s(task, now)
        known_s = -1.0 if ran_s is None else ran_s
        return -known_s if is_descending else known_s

    return key
