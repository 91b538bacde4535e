"""Publisher sends tasks and answers about their results; on the loop.

Everything is published by one thread, over a connection that gives up soon and never retries.
"""

import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from datetime import datetime
from types import MappingProxyType
from typing import Any

from celery import Celery

from flower_ng.errors import BadRequest, NotFound, Unavailable
from flower_ng.monitor.calls import UNAVAILABLE, Calls, first_cause, reason
from flower_ng.monitor.lines import Lines
from flower_ng.monitor.results import Results, answer, is_ready

Options = Mapping[str, Any]

#: The longest wait for a task to be published.
PUBLISH_S = 4.5
#: Options that are Python objects, which no JSON can hold.
OBJECTS = frozenset(
    {"channel", "connection", "declare", "event_dispatcher", "producer", "publisher", "result_cls"}
    | {"router", "task_type"}
)
#: Flower's form of an ETA; the worker takes it as of the app's timezone.
ETA = "%Y-%m-%d %H:%M:%S.%f"
#: What the common options must be, if they are given; Celery or a worker trips over the rest.
TEXT, NUMBER, WHOLE = ((str,), "a string"), ((int, float), "a number"), ((int,), "an integer")
TYPES: Mapping[str, tuple[tuple[type, ...], str]] = MappingProxyType(
    {
        **dict.fromkeys(("task_id", "root_id", "parent_id", "group_id", "shadow"), TEXT),
        **dict.fromkeys(("queue", "exchange", "exchange_type", "routing_key", "reply_to"), TEXT),
        **dict.fromkeys(("serializer", "compression"), TEXT),
        **dict.fromkeys(("time_limit", "soft_time_limit"), NUMBER),
        **dict.fromkeys(("priority", "delivery_mode", "retries"), WHOLE),
        "headers": ((dict,), "an object"),
        **dict.fromkeys(("link", "link_error"), ((dict, list), "a signature or an array of them")),
        "ignore_result": ((bool,), "true or false"),
    }
)
#: What AMQP brokers answer to a request for what is not there, is not so, or is not offered.
CALLERS_FAULTS = frozenset({404, 406, 540})
PICKLE = frozenset({"pickle", "application/x-python-serialize"})
#: Errors are quoted up to here: some repeat what was sent.
QUOTED = 300


class Publisher:
    """Tasks that are sent from here, and results.

    BadRequest and NotFound say what is wrong with a request; Unavailable when the broker or the
    result backend fails. Cancelling a call ends its wait, not the task.
    """

    def __init__(self, capp: Celery, pool: Executor, results: Results | None = None) -> None:
        self._capp = capp
        self._results = results or Results(capp, pool)
        self._lines = Lines(capp)
        self._calls = Calls(self._results.publishing, 1, PUBLISH_S)

    @property
    def has_backend(self) -> bool:
        """Whether the app has a result backend."""
        return self._results.has_backend

    def registered(self, name: str) -> bool:
        """Whether the app has a task of this name."""
        return name in self._capp.tasks

    async def has_ended(self, task_id: str) -> bool | None:
        """Whether the result backend knows a task's end; None where there is no backend."""
        return is_ready(await self._results.read(task_id)) if self.has_backend else None

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
        checked(converted(options))  # what is wrong with the request comes first
        self._results.backend()
        task_id = await self._apply_async(name, args, kwargs, options)
        return answer(task_id, await self._results.wait(task_id, timeout_s))

    async def result(self, task_id: str, timeout_s: float | None = None) -> dict[str, Any]:
        """Return what the backend has of a task, after waiting up to `timeout_s` for its end."""
        check_timeout(timeout_s)
        meta = await self._results.read(task_id)
        if timeout_s and not is_ready(meta):
            meta = await self._results.wait(task_id, timeout_s)
        return answer(task_id, meta)

    async def abort(self, task_id: str) -> None:
        """Ask a running AbortableTask to stop."""
        await self._results.abort(task_id)

    async def _apply_async(
        self, name: str, args: list[Any], kwargs: dict[str, Any], options: Options
    ) -> str:
        if not self.registered(name):
            raise NotFound(f"Unknown task '{name}'")
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
        message = {**checked(options), "args": args, "kwargs": kwargs, "retry": False}
        self._check_serializer(message.get("serializer"))
        deadline = time.monotonic() + PUBLISH_S
        return await self._calls.run(self._send, name, send, message, deadline)

    def _check_serializer(self, serializer: Any) -> None:
        """Refuse pickle, which can run code at the worker, unless this app accepts it."""
        accepted = self._capp.conf.accept_content or ()
        if serializer in PICKLE and PICKLE.isdisjoint(accepted):
            raise BadRequest(f"The serializer '{serializer}' is not in accept_content")

    def _send(
        self, name: str, send: Callable[..., Any], message: dict[str, Any], deadline: float
    ) -> str:
        """Publish on the publishing thread, unless the caller was told meanwhile that we cannot."""
        if self.has_backend:
            # A backend that is away would hold the publishing up for its whole retry policy.
            self._results.read_blocking(message.get("task_id") or name)
        if time.monotonic() > deadline:
            raise Unavailable(UNAVAILABLE)
        with self._lines.line() as line:
            producer = self._capp.amqp.Producer(line.connection, auto_declare=False)
            try:
                return str(send(producer=producer, **message).id)
            except Exception as error:  # whatever is not the broker's fault is the request's
                if isinstance(error, line.errors) and not is_callers_fault(error):
                    raise
                raise BadRequest(f"Cannot publish '{name}': {complaint(error)}") from error


def converted(options: Options) -> dict[str, Any]:
    """Return options with Flower's conversions: `eta` to a datetime, the others to seconds."""
    conversions = {"eta": eta, "countdown": seconds, "expires": expiry}
    try:
        return {
            name: conversions[name](value) if name in conversions else value
            for name, value in options.items()
        }
    except (TypeError, ValueError) as error:
        raise BadRequest("Invalid option") from error


def eta(value: Any) -> datetime:
    """Read a time of the app's own timezone."""
    return datetime.strptime(value, ETA)  # noqa: DTZ007 - the worker adds the timezone


def seconds(value: Any) -> float:
    """Read a number of seconds that Celery can add to a date."""
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("not finite")
    return number


def expiry(value: Any) -> float | datetime:
    """Read seconds, or a time of the app's own timezone."""
    try:
        return seconds(value)
    except ValueError:
        return eta(value)


def checked(options: Options) -> dict[str, Any]:
    """Return options that a request may give; our own way of retrying is none."""
    for name, value in options.items():
        if name in OBJECTS:
            raise BadRequest(f"The option '{name}' cannot be given in a request")
        kinds, wanted = TYPES.get(name, ((object,), ""))
        if value is not None and not isinstance(value, kinds):
            raise BadRequest(f"The option '{name}' must be {wanted}")
    return {k: v for k, v in options.items() if k not in {"retry", "retry_policy"}}


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
