"""Publisher sends tasks and reads their results. On the loop.

Everything is published by one thread, over a connection that gives up soon and never retries.
"""

import contextlib
import inspect
import math
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Executor
from typing import Any

from celery import Celery
from kombu.utils.uuid import uuid

from flower_ng.errors import AnswerError, BadRequest, NotFound, Unavailable
from flower_ng.monitor.remote.bounded_calls import BoundedCalls, first_cause, reason
from flower_ng.monitor.remote.connections import ConnectionPool
from flower_ng.monitor.remote.delivery import Delivery
from flower_ng.monitor.remote.publish_options import (
    Options,
    check_serializer,
    check_times,
    checked,
    converted,
)
from flower_ng.monitor.remote.result_backend import has_backend
from flower_ng.monitor.remote.results import Results, is_ready
from flower_ng.monitor.servers import Servers

#: The longest wait for a task to be published.
PUBLISH_S = 4.5
#: What AMQP brokers answer to a request for what is not there, is not so, or is not offered.
CALLERS_FAULTS = frozenset({404, 406, 540})
#: Errors are quoted up to here: some repeat what was sent.
QUOTED = 300


class Publisher:
    """Tasks that are sent from here, and results.

    BadRequest and NotFound say what is wrong with a request; Unavailable when the broker or the
    result backend fails. Cancelling a call ends its wait, not the task. `accepted` tells what each
    worker accepts (its `accept_content`), of those that told.
    """

    def __init__(
        self,
        capp: Celery,
        pool: Executor,
        results: Results | None = None,
        *,
        accepted: Callable[[], Collection[Collection[str]]] = tuple,
        servers: Servers | None = None,
    ) -> None:
        self._capp, self._accepted = capp, accepted
        self._results = results or Results(capp, pool)
        self._lines = lines = ConnectionPool(capp, servers)
        self._calls = BoundedCalls(self._results.publishing, 1, PUBLISH_S, lambda: lines.slack_s)

    async def backend_refusal(self) -> str:
        """Return why the app has no result backend that can be used, empty where it has one."""
        return await self._results.backend_refusal()

    def registered(self, name: str) -> bool:
        """Whether the app has a task of this name."""
        return name in self._capp.tasks

    def signature(self, name: str) -> str:
        """Return what arguments a task of the app takes, as Python writes it; else empty."""
        task = self._capp.tasks.get(name)
        return "" if task is None else str(_signature(task) or "")

    def misfit(self, name: str, args: list[Any], kwargs: dict[str, Any]) -> str:
        """Say what a task of the app has against these arguments; empty for all other tasks."""
        task = self._capp.tasks.get(name)
        takes = None if task is None else _signature(task)
        if takes is None:
            return ""
        try:
            takes.bind(*args, **kwargs)
        except TypeError as error:
            return f"{name}{takes} can't take these: {error}"
        return ""

    def check_options(self, name: str, options: Options, *, is_by_name: bool) -> None:
        """Refuse with BadRequest the options that publishing refuses; nothing is sent.

        `is_by_name` for those of `send_task`, which go to Celery as they are.
        """
        if is_by_name:
            check_times(options)
        else:
            self._check_is_published()
        told = checked(options if is_by_name else converted(options), self._capp, name)
        self._check_serializer(name, told.get("serializer"))

    def stop(self) -> None:
        """Close the connections and end the publishing thread."""
        self._results.stop()
        self._lines.close()

    async def apply_async(
        self, name: str, args: list[Any], kwargs: dict[str, Any], options: Options
    ) -> dict[str, Any]:
        """Publish a task of the app; return its `task-id`, and its `state` if that is known."""
        return await self._told(await self._apply_async(name, args, kwargs, options))

    async def send_task(
        self, name: str, args: list[Any], kwargs: dict[str, Any], options: Options
    ) -> dict[str, Any]:
        """Publish a task by name alone; the options go to Celery as they are."""
        check_times(options)

        def send(**message: Any) -> Any:
            return self._capp.send_task(name, **message)

        return await self._told(await self._publish(name, send, args, kwargs, options))

    async def apply(
        self,
        name: str,
        args: list[Any],
        kwargs: dict[str, Any],
        options: Options,
        timeout_s: float | None = None,
    ) -> dict[str, Any]:
        """Publish a task of the app and wait for its end, for ever without a timeout.

        Returns `task-id` and `state`, and `result` (and `traceback`) when the task has ended.
        """
        check_timeout(timeout_s)
        self._check_is_published()
        checked(converted(options), self._capp, name)  # what is wrong comes first
        await self._results.check()
        task_id = await self._apply_async(name, args, kwargs, options)
        return self._results.answer(task_id, await self._results.wait(task_id, timeout_s))

    async def result(self, task_id: str, timeout_s: float | None = None) -> dict[str, Any]:
        """Return what the backend has of a task, after waiting up to `timeout_s` for its end."""
        check_timeout(timeout_s)
        meta = await self._results.read(task_id)
        if timeout_s and not is_ready(meta):
            meta = await self._results.wait(task_id, timeout_s)
        return self._results.answer(task_id, meta)

    async def stored_arguments(self, task_id: str) -> tuple[list[Any], dict[str, Any]] | None:
        """Return the arguments that the result backend keeps (`result_extended`), None without.

        Unavailable where it has none or does not answer.
        """
        meta = await self._results.read(task_id)
        args, kwargs = meta.get("args"), meta.get("kwargs")
        if not isinstance(args, list | tuple) or not isinstance(kwargs, dict):
            return None
        return list(args), kwargs

    async def abort(self, task_id: str) -> None:
        """Ask a running AbortableTask to stop."""
        await self._results.abort(task_id)

    async def _apply_async(
        self, name: str, args: list[Any], kwargs: dict[str, Any], options: Options
    ) -> str:
        if not self.registered(name):
            raise NotFound(f"Unknown task '{name}'")
        self._check_is_published()
        send = self._capp.tasks[name].apply_async
        return await self._publish(name, send, args, kwargs, converted(options))

    async def _told(self, task_id: str) -> dict[str, Any]:
        """Say what became of a task; it was published, even if its state cannot be read now."""
        try:
            meta = await self._results.read(task_id)
        except Unavailable:
            return {"task-id": task_id}
        return {"task-id": task_id, "state": meta["status"]}

    async def _publish(
        self,
        name: str,
        send: Callable[..., Any],
        args: list[Any],
        kwargs: dict[str, Any],
        options: Options,
    ) -> str:
        message = {
            **checked(options, self._capp, name),
            "args": args,
            "kwargs": kwargs,
            "retry": False,
        }
        self._check_serializer(name, message.get("serializer"))
        message.setdefault("task_id", uuid())
        return await self._sent(name, send, message)

    async def _sent(self, name: str, send: Callable[..., Any], message: dict[str, Any]) -> str:
        """Send it on the publishing thread; whether a broker that fails has it may be unknown."""
        delivery = Delivery()
        try:
            return await self._calls.run(self._send, name, send, message, delivery)
        except Unavailable as error:
            unknown = (
                f"The broker failed while '{name}' was sent: whether it has the task is not known."
                f" Look for {message['task_id']} before you send it again"
            )
            raise delivery.failed(error, unknown) from error

    def _check_is_published(self) -> None:
        """Refuse where Celery would run the task in this process instead of publishing it."""
        if self._capp.conf.task_always_eager:
            raise Unavailable(
                "task_always_eager is on in this app: the task would run inside the dashboard, not"
                " at a worker. Turn it off, or publish with /api/task/send-task"
            )

    def _check_serializer(self, name: str, serializer: str | None) -> None:
        """Refuse a form that no worker reads, also where the task or the app chose it."""
        of_task = getattr(self._capp.tasks.get(name), "serializer", None)
        chosen = serializer or of_task or self._capp.conf.task_serializer
        check_serializer(chosen, self._capp, self._accepted())

    def _send(
        self, name: str, send: Callable[..., Any], message: dict[str, Any], delivery: Delivery
    ) -> str:
        """Publish on the publishing thread, unless the caller was told meanwhile that we cannot."""
        if has_backend(self._capp):
            # A backend that is away would hold the publishing up for its whole retry policy.
            self._results.read_blocking(message.get("task_id") or name)
        with (
            self._lines.line() as line,
            callers_faults(name, line.errors),
            line.publishing(delivery),
        ):
            producer = self._capp.amqp.Producer(line.connection, auto_declare=False)
            return str(send(producer=producer, **message).id)


def _signature(task: Any) -> inspect.Signature | None:
    """Return what a task takes; None where that can't be told, or the task does not check it."""
    if not getattr(task, "typing", True):
        return None
    try:
        return inspect.signature(task.run)
    except (TypeError, ValueError):
        return None


@contextlib.contextmanager
def callers_faults(name: str, broker_errors: tuple[type[BaseException], ...]) -> Iterator[None]:
    """Raise BadRequest for an error while publishing that is not the broker's fault."""
    try:
        yield
    except Exception as error:
        if isinstance(error, AnswerError):
            raise
        if isinstance(error, broker_errors) and not is_callers_fault(error):
            raise
        raise BadRequest(f"Cannot publish '{name}': {complaint(error)}") from error


def check_timeout(timeout_s: float | None) -> None:
    """Refuse a wait that is no number of seconds from 0 on."""
    if timeout_s is not None and not 0 <= timeout_s < math.inf:
        raise BadRequest("Invalid timeout")


def is_callers_fault(error: BaseException) -> bool:
    """Whether the broker is well and only the request wrong: a codec or an exchange unknown."""
    cause = first_cause(error)
    return isinstance(cause, KeyError) or getattr(cause, "reply_code", None) in CALLERS_FAULTS


def complaint(error: BaseException) -> str:
    """Return what is wrong with a request, in the words of the library that found out."""
    text = reason(error)[:QUOTED]
    return f"unknown {text}" if isinstance(first_cause(error), KeyError) else text
