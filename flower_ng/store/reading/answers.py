"""Answers questions about tasks: lists, counts and single tasks. Asked on the loop."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import msgspec

from flower_ng.search.conditions import TaskQuery
from flower_ng.store.backends.sqlite import StoreFile
from flower_ng.store.reading.threads import Reader
from flower_ng.store.sql import statements, workflows
from flower_ng.store.sql.engine import (
    Asking,
    EnginePage,
    Facets,
    FailureGroup,
    SqlEngine,
    TaskHistogram,
)
from flower_ng.store.sql.kinds import FailureKinds, TrendBars
from flower_ng.store.sql.queue_tasks import QueueTasks, queue_tasks
from flower_ng.store.sql.statements import CursorPage, Statement, cursor_behind, place_of
from flower_ng.store.sql.workflows import RootTold, RootWalk
from flower_ng.store.tables.dialect import Dialect
from flower_ng.store.tables.rows import TaskPage, TaskRow
from flower_ng.store.writing.flush import Flusher
from flower_ng.store.writing.repair import Upkeep
from flower_ng.store.writing.writer import Writer

if TYPE_CHECKING:
    from flower_ng.store.index.engine import TantivyEngine
    from flower_ng.store.index.thread import Indexing

#: The two have the same methods.
TaskEngine: TypeAlias = "SqlEngine | TantivyEngine"


@dataclass(frozen=True, slots=True)
class StoreParts:
    """The parts of a store that is open; `indexing` is None where no index is kept."""

    file: StoreFile
    writer: Writer
    flusher: Flusher
    upkeep: Upkeep
    reader: Reader
    engine: TaskEngine
    indexing: "Indexing | None" = None

    def close(self) -> None:
        """Let go of the file, when nothing is written any more; blocks for what is being read.

        One that can't be closed keeps none of the others, nor the file's lock.
        """
        with ExitStack() as closing:
            for part in (self.file, self.writer, self.reader):  # called in the other order
                closing.callback(part.close)


class TaskGroup(msgspec.Struct, frozen=True, array_like=True):
    """How many tasks have this type, state and queue; None is what no event told."""

    name: str | None
    state: str
    queue: str | None
    number: int


@dataclass(frozen=True, slots=True)
class TaskGroups:
    """Tasks by type, state and queue, the largest group first; `again` of them were run again."""

    groups: tuple[TaskGroup, ...]
    again: int


#: Rows decoded at a time: some milliseconds of the loop.
PAGE_ROWS: Final = 1000

Answer = TypeVar("Answer")

_rows = msgspec.json.Decoder(list[TaskRow], strict=False)  # times come as text, to the last bit


class TaskAnswers:
    """What a store answers, every event applied before included.

    Each raises Unavailable when it takes too long, or as `running` does, which returns the parts of
    the store while that runs. Without `waits` nobody waits for much that is not written yet.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        dialect: Dialect,
        running: Callable[[], StoreParts],
        *,
        waits: bool = True,
    ) -> None:
        self._clock = clock
        self._dialect = dialect
        self._running = running
        self._waits = waits

    def at_once(self) -> "TaskAnswers":
        """Return who answers the same without waiting for much that is not written yet.

        For pages that make themselves new: while thousands of tasks come in a second, what they
        show is some tenths of a second old, or as old as `lag_s` of the status says.
        """
        return TaskAnswers(self._clock, self._dialect, self._running, waits=False)

    async def tasks(self, query: TaskQuery) -> TaskPage:
        """Return a page of tasks."""
        if _is_short(query):
            found = await self._page(query)
            rows = _rows.decode(found.rows)
            return TaskPage(rows, found.total, *_matching(found, query, len(rows)))
        found = await self._page(replace(query, limit=0))
        rows = [row async for page in self.stream(query) for row in page]
        return TaskPage(rows, found.total, found.filtered, found.exact)

    async def after(self, query: TaskQuery, cursor: str | None, limit: int) -> CursorPage:
        """Return up to `limit` tasks behind a cursor, None for the first of the list.

        The query's own offset and limit do not count. BadRequest where the cursor is none of it.
        """
        place = place_of(query, cursor)
        found = await self._ask(
            query, lambda engine, asking: engine.after(asking, place, limit + 1)
        )
        rows = _rows.decode(found)
        is_last = len(rows) <= limit or not limit
        return CursorPage(rows[:limit], None if is_last else cursor_behind(query, rows[limit - 1]))

    async def facets(self, query: TaskQuery, fields: Sequence[str], limit: int = 20) -> Facets:
        """Count the tasks that match by each of FACETS, the `limit` most frequent values each."""
        return await self._ask(query, lambda engine, asking: engine.facets(asking, fields, limit))

    async def failure_groups(self, query: TaskQuery, limit: int) -> list[FailureGroup]:
        """Count the failed among the tasks that match by type and class of exception.

        The `limit` largest groups, the largest first.
        """
        return await self._ask(query, lambda engine, asking: engine.failures(asking, limit))

    async def failure_kinds(self, query: TaskQuery, bars: TrendBars) -> FailureKinds:
        """Sort the newest failed of the tasks that match by type, exception and its words."""
        return await self._ask(query, lambda engine, asking: engine.kinds(asking, bars))

    async def histogram(
        self, query: TaskQuery, start: float, end: float, buckets: int
    ) -> TaskHistogram:
        """Count the tasks that match over time, in equal buckets from `start` up to `end`."""
        bars = (start, (end - start) / buckets, buckets)
        return await self._ask(query, lambda engine, asking: engine.histogram(asking, *bars))

    async def stream(self, query: TaskQuery) -> AsyncIterator[list[TaskRow]]:
        """Yield the tasks in pages, none of them empty, none twice.

        Which tasks, and their order, is settled at the start; a row is as it is when its page is
        read, and one that was evicted by then is left out.
        """
        if _is_short(query):
            if rows := (await self.tasks(query)).rows:
                yield rows
            return
        ids = await self._ids(query)
        for start in range(0, len(ids), PAGE_ROWS):
            statement = statements.those(ids[start : start + PAGE_ROWS], self._dialect, "id")
            rows = await self._rows(statement, is_list=True)
            if rows:
                yield rows

    async def task(self, uuid: str) -> TaskRow | None:
        """Return one task, None when it is not known."""
        rows = await self._rows(statements.one(uuid, self._dialect))
        return rows[0] if rows else None

    async def those(self, uuids: Sequence[str]) -> list[TaskRow]:
        """Return the known ones of some tasks, in the order asked for."""
        return await self._rows(statements.those(uuids, self._dialect))

    async def roots(self, before: float | None) -> RootWalk:
        """Return the roots of workflows, the last moved first; not after a time in UTC seconds."""
        return workflows.walk_of(await self._read(workflows.newest(before, self._dialect)))

    async def standing_roots(self, before: float) -> RootWalk:
        """Return roots of which an open task was not heard of since then, the most silent first."""
        return workflows.walk_of(await self._read(workflows.standing(before, self._dialect)))

    async def roots_told(self, roots: Sequence[str]) -> list[RootTold]:
        """Return what is known of these roots and of the states below them, in their order."""
        return workflows.told_of(await self._read(workflows.told(roots, self._dialect)))

    async def below(self, roots: Sequence[str], most: int) -> list[TaskRow]:
        """Return up to `most` tasks below some roots, those that succeeded last."""
        statement = workflows.members(roots, most, self._dialect)
        return await self._rows(statement, is_list=True)

    async def groups(self, uuids: Sequence[str]) -> TaskGroups:
        """Return how many of some tasks there are by type, state and queue."""
        groups, again = await self._read(statements.groups_of(uuids, self._dialect), is_list=True)
        return TaskGroups(tuple(msgspec.json.decode(groups, type=list[TaskGroup])), again)

    async def queue_tasks(
        self, queue: str, since: float, judge: Callable[[QueueTasks], Answer]
    ) -> Answer:
        """Return what `judge` says of the tasks of a queue of which was heard since a time.

        UTC seconds. It is called in a reading thread: there may be thousands of tasks.
        """
        parts = await self._settled()
        return await parts.reader.ask(
            lambda connection: judge(queue_tasks(connection, queue, since, self._dialect))
        )

    async def uuids(self, query: TaskQuery) -> list[str]:
        """Return the ids of the tasks that a query asks for, roughly in its order."""
        ids, found = await self._ids(query), list[str]()
        for start in range(0, len(ids), PAGE_ROWS):
            asked = statements.uuids_of(ids[start : start + PAGE_ROWS], self._dialect)
            (some,) = await self._read(asked, is_list=True)
            found += msgspec.json.decode(some, type=list[str])
        return found

    async def count(self, query: TaskQuery) -> int:
        """Return how many tasks match, to the last one."""
        return await self._ask(query, lambda engine, asking: engine.count(asking))

    async def _ids(self, query: TaskQuery) -> list[int]:
        return await self._ask(query, lambda engine, asking: engine.ids(asking), is_list=True)

    async def _page(self, query: TaskQuery) -> EnginePage:
        return await self._ask(query, lambda engine, asking: engine.page(asking))

    async def _ask(
        self,
        query: TaskQuery,
        question: Callable[[TaskEngine, Asking], Answer],
        *,
        is_list: bool = False,
    ) -> Answer:
        now, parts = self._clock(), await self._settled()
        return await parts.reader.ask(
            lambda connection: question(parts.engine, Asking(connection, query, now)),
            is_list=is_list,
        )

    async def _settled(self) -> StoreParts:
        """Return the parts of the store, once what was applied before is written."""
        parts = self._running()
        if not parts.writer.is_silent:
            await parts.flusher.settled(in_a_hurry=not self._waits)
        return parts

    async def _rows(self, statement: Statement, *, is_list: bool = False) -> list[TaskRow]:
        (rows,) = await self._read(statement, is_list=is_list)
        return _rows.decode(rows)

    async def _read(self, asked: Statement, *, is_list: bool = False) -> tuple[Any, ...]:
        parts = await self._settled()
        return await parts.reader.row(asked.text, asked.parameters, is_list=is_list)


def _matching(found: EnginePage, query: TaskQuery, rows: int) -> tuple[int, bool]:
    """Return how many tasks match, and whether exactly: a page says more than an estimate.

    One that is not full is the last; what was seen up to its end matches at least.
    """
    seen = query.offset + rows
    is_last = query.limit is not None and rows < query.limit and (rows or not query.offset)
    return (seen, True) if is_last else (max(found.filtered, seen if rows else 0), found.exact)


def _is_short(query: TaskQuery) -> bool:
    return query.limit is not None and query.limit <= PAGE_ROWS
