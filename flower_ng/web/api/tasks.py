"""Reading tasks: the list, the types, one task, its result. On the loop."""

import math
from dataclasses import replace

from tornado.iostream import StreamClosedError

from flower_ng.errors import BadRequest, NotFound, SearchError
from flower_ng.store import TaskQuery, TaskRow
from flower_ng.web.api.asked import FLOWERS, bounded, filtered
from flower_ng.web.http.base import ClientLeft, Endpoint, Need
from flower_ng.web.ui.format import json_text

SORT_KEYS = ("name", "received", "started", "state")
#: What is sent in one piece: smaller answers are buffered whole and get an Etag.
PIECE_BYTES = 2**20


class ListTasks(Endpoint):
    """Tasks by id, filtered, sorted, page by page or all at once."""

    path = r"/api/tasks"
    need = Need.READ
    methods = ("GET",)
    summary = "List tasks"

    async def get(self) -> None:
        """Answer `{task id: record}`; a wrong search is 400 as JSON, `{"error": …}`."""
        try:
            query = self._query()
        except SearchError as error:
            self.set_status(error.status)
            self.write_json({"error": error.message})
        else:
            await self.while_here(self._stream(query))

    def _query(self) -> TaskQuery:
        most = self.services.options.max_tasks
        limit: int = self.get_argument("limit", default=most, type=int)
        offset: int = self.get_argument("offset", default=0, type=int)
        sort, descending = _sorting(self.get_argument("sort_by", default=""))
        return replace(
            filtered(self, FLOWERS),
            sort=sort,
            descending=descending,
            offset=bounded(offset),
            limit=bounded(limit),
        )

    async def _stream(self, query: TaskQuery) -> None:
        """Write an object of tasks, and send it on whenever a piece is full."""
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.write("{")
        between, unsent_bytes = "", 0
        async for rows in self.cluster.store.stream(query):
            members = between + ", ".join(map(_member, map(self.cluster.format_for_api, rows)))
            between, unsent_bytes = ", ", unsent_bytes + len(members)
            self.write(members)
            if unsent_bytes > PIECE_BYTES:
                await self._send_on()
                unsent_bytes = 0
        self.write("}")

    async def _send_on(self) -> None:
        try:
            await self.flush()
        except StreamClosedError:
            raise ClientLeft from None


class ListTaskTypes(Endpoint):
    """The names of the tasks that events have told of."""

    path = r"/api/task/types"
    need = Need.READ
    methods = ("GET",)
    summary = "List the names of all tasks seen"

    async def get(self) -> None:
        """Answer `{"task-types": [name]}`, sorted."""
        self.write_json({"task-types": self.cluster.state.known_types()})


class TaskInfo(Endpoint):
    """One task, as its events tell it."""

    path = r"/api/task/info/(.*)"
    need = Need.READ
    methods = ("GET",)
    summary = "Show one task"

    async def get(self, task_id: str) -> None:
        """Answer the record; `worker` is null when no worker has touched the task."""
        row = await self.cluster.store.task(task_id)
        if row is None:
            raise NotFound(f"Unknown task '{task_id}'")
        self.write_json(self.cluster.format_for_api(row).record())


class TaskResult(Endpoint):
    """What the result backend keeps about a task, whether or not we have seen it."""

    path = r"/api/task/result/(.+)"
    need = Need.READ
    methods = ("GET",)
    summary = "Read a task's result from the result backend"

    async def get(self, task_id: str) -> None:
        """Answer now, or wait up to `timeout` seconds for the task to be ready."""
        timeout_s: float | None = self.get_argument("timeout", default=None, type=float)
        if timeout_s is not None and not 0 <= timeout_s < math.inf:
            raise BadRequest(f"Invalid argument '{timeout_s:.15g}' of type 'float'")
        result = self.cluster.publisher.result(task_id, timeout_s)
        self.write_json(await self.while_here(result))


def _sorting(sort_by: str) -> tuple[str | None, bool]:
    key = sort_by.lstrip("-")
    if sort_by and key not in SORT_KEYS:
        expected = ", ".join(SORT_KEYS)
        raise BadRequest(f"Invalid sort_by '{sort_by}', expected one of {expected}")
    return key or None, sort_by.startswith("-")


def _member(row: TaskRow) -> str:
    """Return `"id": record`; the worker comes last, and not at all when there is none."""
    record = row.record()
    worker = record.pop("worker")
    if worker is not None:
        record["worker"] = worker
    return f"{json_text(row.uuid)}: {json_text(record)}"
