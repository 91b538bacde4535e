"""Tasks as a file, CSV or NDJSON: all that match, written as they are read. On the loop."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, Final

import msgspec
from tornado.iostream import StreamClosedError

from flower_ng.errors import BadRequest, Unavailable
from flower_ng.store import TaskRow
from flower_ng.web.api.asked import asked
from flower_ng.web.http.base import Access, ClientLeft, Endpoint, FromHistory, Need
from flower_ng.web.ui.format import iso

#: The columns of a CSV file that hold a time; they are written in ISO 8601, UTC.
TIMES: Final = frozenset(
    {"received", "sent", "started", "rejected", "succeeded", "failed", "retried", "revoked",
     "timestamp"}
)  # fmt: skip
#: What a spreadsheet would take for a formula when a cell begins with it.
FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")

#: Rows written at a time: one or two milliseconds of the loop.
SLICE_ROWS: Final = 100

#: The `state_source` of a state that an event told.
EVENTS: Final = "events"

Writer = Callable[[Iterable[TaskRow]], str | bytes]

_json = msgspec.json.Encoder()


class Export(FromHistory):
    """Exactly the tasks that a list with the same arguments has, in its order."""

    async def get(self) -> None:
        """Send the file bit by bit; it is cut off, not ended, when the store fails midway."""
        form = self.get_argument("format", default="csv")
        if form not in FORMS:
            raise BadRequest(f"Invalid format '{form}', expected one of {', '.join(FORMS)}")
        kind, head, write = FORMS[form]
        pages = self._pages()
        self.set_header("Content-Type", f"{kind}; charset=UTF-8")
        self.set_header("Content-Disposition", f'attachment; filename="tasks.{form}"')
        self.set_header("Cache-Control", "no-store")
        self.write(head)
        try:
            await self.while_here(self._send(pages, write))
        except Unavailable:
            self._break_off()
            raise

    def _pages(self) -> AsyncIterator[list[TaskRow]]:
        """Return the tasks that `ids` names, without `all`; else those that match, page by page."""
        ids = self.get_arguments("ids")
        if ids and not self.get_argument("all", default=False, type=bool):
            return self._named(ids)
        return self.cluster.store.stream(asked(self))

    async def _named(self, ids: list[str]) -> AsyncIterator[list[TaskRow]]:
        for start in range(0, len(ids), SLICE_ROWS):
            yield await self.cluster.store.those(ids[start : start + SLICE_ROWS])

    async def _send(self, pages: AsyncIterator[list[TaskRow]], write: Writer) -> None:
        async for rows in pages:
            for start in range(0, len(rows), SLICE_ROWS):
                self.write(write(map(self.shown, rows[start : start + SLICE_ROWS])))
                await self._send_on()

    def shown(self, row: TaskRow) -> TaskRow:
        """Return what is written of a task."""
        raise NotImplementedError

    async def _send_on(self) -> None:
        """Send what is written, and wait until the client has taken it."""
        try:
            await self.flush()
        except StreamClosedError:
            raise ClientLeft from None
        await asyncio.sleep(0)  # a quick client would keep the loop to itself

    def _break_off(self) -> None:
        """Have the client see that the file is not whole, if it has begun."""
        if self._headers_written:
            self.detach().close()


class TasksExport(Export, Endpoint):
    """The file for scripts."""

    path = r"/api/tasks/export"
    need = Need.READ
    summary = "Export tasks as CSV or NDJSON"

    def shown(self, row: TaskRow) -> TaskRow:
        """Return the task as it is, or with `format_task_api` as `format_task` wants it."""
        return self.cluster.format_for_api(row)


class ShownTasksExport(Export):
    """The file for people: under the rule of pages, its tasks as pages show them."""

    path = r"/tasks/export"
    need = Need.READ
    access = Access.PAGE

    async def post(self) -> None:
        """Send the chosen ones, more of which fit into a form than into an address."""
        await self.get()

    def shown(self, row: TaskRow) -> TaskRow:
        """Return the task as `format_task` wants it."""
        return self.cluster.format_task(row)


def record(row: TaskRow) -> dict[str, Any]:
    """Return what is exported of a task: Flower's record, its queue, and who told its state."""
    return {**row.record(), "queue": row.queue, "state_source": row.state_source or EVENTS}


def as_csv(rows: Iterable[TaskRow]) -> str:
    """Return rows of CSV."""
    return _lines([_cell(key, value) for key, value in record(row).items()] for row in rows)


def as_ndjson(rows: Iterable[TaskRow]) -> bytes:
    """Return a line of JSON for each task."""
    return _json.encode_lines(map(record, rows))


def _lines(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return text.getvalue()


def _cell(key: str, value: Any) -> object:
    """Return what a cell holds; an empty one holds nothing, as does an empty text."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULAS) else value
    if value is None:
        return ""
    if key in TIMES:
        return iso(value)
    return json.dumps(value) if isinstance(value, list) else value


FORMS: Final[Mapping[str, tuple[str, str, Writer]]] = {
    "csv": ("text/csv", _lines([record(TaskRow("")).keys()]), as_csv),
    "ndjson": ("application/x-ndjson", "", as_ndjson),
}
