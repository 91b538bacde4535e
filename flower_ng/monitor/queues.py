"""The names of the queues that matter: those that workers consume from. Pure."""

from collections.abc import Mapping
from typing import Any

from celery import Celery


def active_queue_names(capp: Celery, workers: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return the `active_queues` of all inspected workers, sorted; without any, the app's queues.

    `workers` are the Inspector's records. The app's queues are `task_default_queue` and those of
    `task_queues`. Flower's rule.
    """
    names = {
        queue["name"]
        for record in workers.values()
        for queue in record.get("active_queues", ())
        if isinstance(queue, dict) and isinstance(queue.get("name"), str)
    }
    return sorted(names or configured_queue_names(capp))


def configured_queue_names(capp: Celery) -> set[str]:
    """Return the names of the queues that the app's settings declare."""
    declared = capp.conf.task_queues or ()  # a list of queues, or a mapping by name
    names = declared if isinstance(declared, Mapping) else [queue.name for queue in declared]
    return {capp.conf.task_default_queue, *names}
