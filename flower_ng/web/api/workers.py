"""The workers as they answered the last inspection, and whether they are alive. On the loop."""

import asyncio
from typing import Any, Final

from tornado.iostream import StreamClosedError

from flower_ng.errors import FlowerError, NotFound, Unavailable
from flower_ng.monitor.remote.worker_answer import mapping
from flower_ng.web.http.base import ClientLeft, Endpoint, Need
from flower_ng.web.http.services import is_known
from flower_ng.web.lookups.waiting import request_row
from flower_ng.web.ui.format import json_text

#: Records sent before the loop is given back: some 10 ms.
SLICE: Final = 100
#: What of a record holds tasks.
HELD: Final = ("active", "reserved", "scheduled")


class ListWorkers(Endpoint):
    """Everything that workers told about themselves, as they told it."""

    path = r"/api/workers"
    need = Need.READ
    methods = ("GET",)
    summary = "List the workers as they answered the last inspection"
    has_form = True

    async def get(self) -> None:
        """Answer `{worker: record}`, or `{worker: alive}`, by name, when `status` is asked for."""
        refresh = self.get_argument("refresh", default=False, type=bool)
        status = self.get_argument("status", default=False, type=bool)
        name = self.get_argument("workername", default="")
        if refresh:
            await self._inspect(name)
        if status or name:
            self.write_json(self._alive() if status else self._inspected(name))
        else:
            await self._write_all()

    async def act(self) -> dict[str, Any]:
        """Inspect one worker or all: what the Refresh buttons of the pages do."""
        name = self.get_argument("workername", default="")
        await self._inspect(name)
        return {"message": f"Refreshed '{name}'" if name else "Refreshed all workers"}

    async def _inspect(self, name: str) -> None:
        """Ask one worker; all of them when no name is given or nobody knows the name."""
        only = name if is_known(self.cluster, name) else None
        try:
            await self.cluster.inspector.inspect(only)
        except FlowerError as error:
            raise Unavailable(f"Failed to update workers: {error}") from error

    def _alive(self) -> dict[str, bool]:
        presence, workers = self.cluster.presence, self.cluster.state.workers
        return {name: presence.is_online(worker) for name, worker in sorted(workers.items())}

    def _inspected(self, name: str) -> dict[str, Any]:
        """Return a record; an empty one for a worker that is known from its events only."""
        if not is_known(self.cluster, name):
            raise NotFound(f"Unknown worker '{name}'")
        return {name: self._told(name, self.cluster.inspector.workers.get(name, {}))}

    def _told(self, worker: str, record: dict[str, Any]) -> dict[str, Any]:
        """Return a record with its tasks as they are, or as `format_task_api` has them."""
        held = {name: record[name] for name in HELD if isinstance(record.get(name), list)}
        return record | {
            name: [self._task(worker, one) for one in tasks] for name, tasks in held.items()
        }

    def _task(self, worker: str, task: Any) -> Any:
        """Return a request, or what holds one; changed only where somebody wants it so."""
        if not isinstance(task, dict):
            return task
        request = mapping(task.get("request", task))
        row = request_row(str(request.get("id", "")), request, worker)
        shown = self.cluster.format_for_api(row)
        if shown is row:
            return task
        told = {"name": shown.name, "args": shown.args, "kwargs": shown.kwargs}
        return task | ({"request": {**request, **told}} if "request" in task else told)

    async def _write_all(self) -> None:
        """Write the records slice by slice: those of thousands of workers are megabytes."""
        records = list(self.cluster.inspector.workers.items())
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.write("{")
        for start in range(0, len(records), SLICE):
            if start:
                await self._send(", ")
            part = {name: self._told(name, one) for name, one in records[start : start + SLICE]}
            self.write(json_text(part)[1:-1])
        self.write("}")

    async def _send(self, more: str) -> None:
        self.write(more)
        try:
            await self.flush()
        except StreamClosedError:
            raise ClientLeft from None
        await asyncio.sleep(0)  # to who reads fast enough, flushing never waits
