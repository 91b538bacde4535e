"""The names of all queues of interest: from workers, settings, routes and sent tasks. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from celery import Celery
from kombu import Queue

from flower_ng.monitor.remote.worker_answer import WorkerAnswer


def active_queue_names(capp: Celery, workers: Mapping[str, WorkerAnswer]) -> list[str]:
    """Return the `active_queues` of all inspected workers, sorted; without any, the app's queues.

    `workers` are the Inspector's answers. The app's queues are `task_default_queue` and those of
    `task_queues`. Flower's rule.
    """
    names = {name for answer in workers.values() for name in answer.queues or ()}
    return sorted(names or configured_queue_names(capp))


def configured_queue_names(capp: Celery) -> set[str]:
    """Return the names of the queues that the app's settings declare."""
    declared = capp.conf.task_queues or ()  # a list of queues, or a mapping by name
    names = declared if isinstance(declared, Mapping) else [queue.name for queue in declared]
    return {capp.conf.task_default_queue, *names}


def system_queue_beginnings(capp: Celery) -> set[str]:
    """Return with what the app's settings have the names of Celery's own queues begin."""
    options: Mapping[str, object] = capp.conf.broker_transport_options or {}
    keys = map(options.get, ("unacked_key", "unacked_index_key", "unacked_mutex_key"))
    named = {key for key in keys if isinstance(key, str) and key}
    return {f"{capp.conf.event_queue_prefix}.", *named}


def known_queue_names(
    capp: Celery, workers: Mapping[str, WorkerAnswer], seen: Iterable[str]
) -> set[str]:
    """Return every queue that tasks may be in: of workers, of the app, of its routes, and `seen`.

    A broker's own list is not among them: it holds the queues of others, too.
    """
    told = {name for answer in workers.values() for name in answer.queues or ()}
    return {*told, *configured_queue_names(capp), *routed_queue_names(capp), *seen}


def routed_queue_names(capp: Celery) -> set[str]:
    """Return the queues that `task_routes` names; what a function routes to can't be known."""
    routes = capp.conf.task_routes or ()
    listed = routes if isinstance(routes, list | tuple) else [routes]
    return {name for one in listed for name in _targets(one)}


def _targets(routes: object) -> Iterator[str]:
    """Yield the queues of one router: a mapping, or pairs, of patterns and routes."""
    if isinstance(routes, Mapping):
        routes = list(routes.items())
    if not isinstance(routes, list | tuple):
        return
    for pair in routes:
        if isinstance(pair, list | tuple) and len(pair) == 2:  # noqa: PLR2004 - a pattern, a route
            yield from _target(pair[1])


def _target(route: object) -> Iterator[str]:
    queue = route.get("queue") if isinstance(route, Mapping) else route
    name = queue.name if isinstance(queue, Queue) else queue
    if isinstance(name, str) and name:
        yield name
