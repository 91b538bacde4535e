"""The public door to remote control: plain functions that block, for scripts without the web.

Each takes the Celery app first and returns the message that the API answers with. Refused when the
worker says no or nothing, Unavailable when the broker cannot be reached (`flower_ng.errors`).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from celery import Celery

from flower_ng.monitor import control
from flower_ng.monitor.broadcast import Broadcasts
from flower_ng.monitor.queues import active_queue_names

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


def worker_shutdown(capp: Celery, worker: str) -> str:
    """Tell a worker to finish its running tasks and end."""
    with broadcasts(capp) as link:
        return control.worker_shutdown(link, worker)


def worker_pool_restart(capp: Celery, worker: str) -> str:
    """Replace a pool's processes; needs the worker's setting `worker_pool_restarts`."""
    with broadcasts(capp) as link:
        return control.worker_pool_restart(link, worker)


def worker_pool_grow(capp: Celery, worker: str, n: int = 1) -> str:
    """Add `n` processes to a pool."""
    with broadcasts(capp) as link:
        return control.worker_pool_grow(link, worker, n)


def worker_pool_shrink(capp: Celery, worker: str, n: int = 1) -> str:
    """Take `n` processes out of a pool."""
    with broadcasts(capp) as link:
        return control.worker_pool_shrink(link, worker, n)


def worker_pool_autoscale(capp: Celery, worker: str, least: int, most: int) -> str:
    """Set the bounds of a worker's autoscaler, which it must have been started with."""
    with broadcasts(capp) as link:
        return control.worker_pool_autoscale(link, worker, least, most)


def worker_queue_add_consumer(capp: Celery, worker: str, queue: str) -> str:
    """Let a worker consume from a queue; return its own words."""
    with broadcasts(capp) as link:
        return control.worker_queue_add_consumer(link, worker, queue)


def worker_queue_cancel_consumer(capp: Celery, worker: str, queue: str) -> str:
    """Let a worker leave a queue; return its own words."""
    with broadcasts(capp) as link:
        return control.worker_queue_cancel_consumer(link, worker, queue)


def get_active_queue_names(
    capp: Celery, workers: Mapping[str, Mapping[str, Any]] | None = None
) -> list[str]:
    """Return the queues that inspected workers consume from, sorted; else those of the app.

    `workers` are the records of an Inspector (`Inspector.workers`).
    """
    return active_queue_names(capp, workers or {})


@contextmanager
def broadcasts(capp: Celery) -> Iterator[Broadcasts]:
    """Lend connections for one command."""
    link = Broadcasts(capp)
    try:
        yield link
    finally:
        link.close()
