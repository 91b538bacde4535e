"""Remote control for scripts without the web: coroutines.

Each returns the sentence that the API answers with. `capp` is Celery's current app unless given,
`timeout` the seconds that the worker may take to answer. Raised, from `flower_ng.errors`:
BadRequest before anything is sent; NoSuchWorker when nobody of that name answers; Refused in the
worker's words; NoAnswer and Unreadable when what became of it is not known; Unavailable when the
broker cannot be reached.
"""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from celery import Celery, current_app

from flower_ng.errors import NoAnswer, NoSuchWorker, Unavailable
from flower_ng.monitor.remote import commands
from flower_ng.monitor.remote.broadcast import REPLY_S, Broadcasts
from flower_ng.monitor.remote.commands import CommandCall
from flower_ng.monitor.remote.control import steer
from flower_ng.monitor.remote.delivery import Delivery
from flower_ng.monitor.remote.queue_names import active_queue_names
from flower_ng.monitor.remote.worker_answer import NO_ANSWER

T = TypeVar("T")

__all__ = [
    "get_active_queue_names",
    "worker_pool_autoscale",
    "worker_pool_grow",
    "worker_pool_restart",
    "worker_pool_shrink",
    "worker_queue_add_consumer",
    "worker_queue_cancel_consumer",
    "worker_shutdown",
]


async def worker_shutdown(
    workername: str, *, capp: Celery | None = None, timeout: float = REPLY_S
) -> str:
    """Tell a worker to finish its running tasks and end."""
    return await _send(workername, commands.shutdown(), capp, timeout)


async def worker_pool_restart(
    workername: str, *, capp: Celery | None = None, timeout: float = REPLY_S
) -> str:
    """Replace a pool's processes; needs the worker's setting `worker_pool_restarts`."""
    return await _send(workername, commands.pool_restart(), capp, timeout)


async def worker_pool_grow(
    workername: str, n: int = 1, *, capp: Celery | None = None, timeout: float = REPLY_S
) -> str:
    """Add `n` processes to a pool."""
    return await _send(workername, commands.pool_grow(n), capp, timeout)


async def worker_pool_shrink(
    workername: str, n: int = 1, *, capp: Celery | None = None, timeout: float = REPLY_S
) -> str:
    """Take `n` processes out of a pool."""
    return await _send(workername, commands.pool_shrink(n), capp, timeout)


async def worker_pool_autoscale(
    workername: str,
    min_workers: int,
    max_workers: int,
    *,
    capp: Celery | None = None,
    timeout: float = REPLY_S,
) -> str:
    """Set the bounds of a worker's autoscaler, which it must have been started with."""
    return await _send(workername, commands.autoscale(min_workers, max_workers), capp, timeout)


async def worker_queue_add_consumer(
    workername: str, queue_name: str, *, capp: Celery | None = None, timeout: float = REPLY_S
) -> str:
    """Let a worker consume from a queue; return its own words."""
    return await _send(workername, commands.add_consumer(queue_name), capp, timeout)


async def worker_queue_cancel_consumer(
    workername: str, queue_name: str, *, capp: Celery | None = None, timeout: float = REPLY_S
) -> str:
    """Let a worker leave a queue; return its own words."""
    return await _send(workername, commands.cancel_consumer(queue_name), capp, timeout)


async def get_active_queue_names(
    *, capp: Celery | None = None, timeout: float = REPLY_S
) -> list[str]:
    """Return the queues that the workers consume from, sorted; else those of the app's settings.

    All workers are asked, for the whole of the timeout: nobody knows how many there are.
    """
    app = _app(capp)

    def ask(broadcasts: Broadcasts) -> list[str]:
        replies = broadcasts.ask({"active_queues": {}}, None, timeout).replies["active_queues"]
        told = {name: NO_ANSWER.taking("active_queues", one) for name, one in replies.items()}
        return active_queue_names(app, told)

    return await _asked(ask, capp, timeout)


async def _send(worker: str, order: CommandCall, capp: Celery | None, timeout: float) -> str:
    delivery = Delivery()
    try:
        return await _asked(
            lambda broadcasts: steer(broadcasts, worker, order, delivery, 2 * timeout),
            capp,
            timeout,
        )
    except NoAnswer as error:
        if delivery.withdraw():
            raise NoSuchWorker(f"no such worker: '{worker}'. {error.message}") from error
        raise
    except Unavailable as error:
        raise delivery.failed(error) from error


async def _asked(ask: Callable[[Broadcasts], T], capp: Celery | None, timeout: float) -> T:
    """Run it in a thread, with connections of its own that are closed after it."""
    app = _app(capp)  # Celery's current app is another one in another thread

    def run() -> T:
        broadcasts = Broadcasts(app, timeout)
        try:
            return ask(broadcasts)
        finally:
            broadcasts.close()

    return await asyncio.to_thread(run)


def _app(capp: Celery | None) -> Celery:
    current: Any = current_app
    return current._get_current_object() if capp is None else capp  # noqa: SLF001 - Celery's way
