"""The Inspector for scripts without the web. On the loop.

Its records hold what the workers answered and, where an Events of the same app listens, what their
events tell.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import Executor
from typing import Any

from celery import Celery
from tornado.ioloop import IOLoop

from flower_ng.errors import NoAnswer, Unavailable, Unreadable
from flower_ng.events import Events, events_of
from flower_ng.monitor.remote import inspector
from flower_ng.monitor.remote.answers import Failure
from flower_ng.monitor.remote.worker_answer import NO_ANSWER, WorkerAnswer
from flower_ng.records import Worker

__all__ = ["Inspector"]

Record = dict[str, Any]


class Inspector(inspector.WorkerInspector):
    """Asks workers about themselves; `timeout` is how many seconds they may take to reply.

    `events` is the Events that tells what records hold beside the answers: by default the newest
    that was made for the same app.
    """

    def __init__(
        self,
        io_loop: IOLoop,
        capp: Celery,
        timeout: float,
        *,
        events: Events | None = None,
        pool: Executor | None = None,
        max_workers: int = 5000,
    ) -> None:
        super().__init__(io_loop, capp, timeout, pool=pool, max_workers=max_workers)
        self.io_loop, self.capp, self.timeout = io_loop, capp, timeout
        self._events = events

    @property
    def workers(self) -> dict[str, Record]:
        """The newest record of each worker that was asked; an empty one for any other name."""
        return defaultdict(dict, {name: self._record(name) for name in super().workers})

    def inspect(
        self,
        workername: str | None = None,
        methods: Iterable[str] | None = None,
        *,
        strict: bool = False,
    ) -> Any:
        """Ask one worker all eight methods, or all workers few; return `{worker: record}`, awaited.

        Who does not answer is left out, or keeps an older record. With `strict` nobody's answer is
        an error: Unavailable ("connection …") when the broker is away, NoAnswer ("timed out …"),
        Unreadable.
        """
        asked_at = self._clock()
        asking = super().inspect(workername, methods)
        return self._loop.create_task(self._inspected(asking, workername, asked_at, strict))

    def failures(self, workername: str | None = None) -> dict[str, Any]:
        """Return what failed since its newest answer, by method; of all workers, by their names.

        Under the name "" stands why the newest question could not be asked at all.
        """
        if workername is not None:
            return dict(super().failures(workername))
        failures: dict[str, Any] = {
            name: super(Inspector, self).failures(name) for name in self.failing
        }
        return {**failures, **({"": dict(self.unasked)} if self.unasked else {})}

    async def _inspected(
        self,
        asking: Any,
        workername: str | None,
        asked_at: float,
        strict: bool,  # noqa: FBT001 - our own
    ) -> dict[str, Record]:
        raw: Mapping[str, Record] = await asking
        if strict and not any(one.get("timestamp", 0.0) >= asked_at for one in raw.values()):
            self._complain(workername)
        return {name: self._record(name) for name in raw}

    def _complain(self, workername: str | None) -> None:
        """Raise why nobody answered."""
        for failure in self.unasked.values():
            raise Unavailable(f"The connection to the broker failed: {failure.why}")
        whose = "no worker" if workername is None else f"'{workername}'"
        for failure in self.failures(workername or "").values():
            if isinstance(failure, Failure) and failure.why.startswith("answered in"):
                raise Unreadable(f"{whose} {failure.why}")
        words = "answered" if workername is None else "did not answer"
        raise NoAnswer(f"timed out: {whose} {words} within {self.timeout:g} s")

    def _record(self, name: str) -> Record:
        raw = self._answers.records.get(name, {})
        events = self._events or events_of(self.capp)
        heard = None if events is None else events.workers.get(name)
        answer = self.told.get(name, NO_ANSWER)
        is_answering = bool(raw) and not super().failures(name)
        return {**raw, **told(name, answer, heard, is_answering=is_answering)}


def told(name: str, answer: WorkerAnswer, heard: Worker | None, *, is_answering: bool) -> Record:
    """Return the fields that events tell; what nobody told is None.

    Without events `processed` is what the worker answered, and one that answered is online.
    """
    if heard is None:
        return {
            "hostname": name,
            "status": "online" if is_answering else None,
            "processed": answer.done,
            "load": None,
            "heartbeats": [],
            "sw_ident": None,
            "sw_ver": None,
            "sw_sys": None,
            "clock": answer.clock,
        }
    return {
        "hostname": name,
        "status": "online" if heard.alive else "offline",
        "processed": answer.done if heard.processed is None else heard.processed,
        "load": None if heard.loadavg is None else list(heard.loadavg),
        "heartbeats": list(heard.heartbeats),
        "sw_ident": heard.sw_ident,
        "sw_ver": heard.sw_ver,
        "sw_sys": heard.sw_sys,
        "clock": heard.clock,
    }
