"""Deploys that were told, and guesses: when workers started, by their events and their uptime."""

from collections.abc import Iterator, Mapping
from typing import Final

from flower_ng.cluster import Cluster
from flower_ng.monitor.deploys import Deploy, together
from flower_ng.monitor.remote.worker_answer import NO_ANSWER
from flower_ng.web.ui.worker_answers import uptime_s

#: The event of a start and the age that a worker tells, in whole seconds, differ by less.
SAME_S: Final = 60.0


def deploys(cluster: Cluster, since: float, now: float) -> tuple[Deploy, ...]:
    """Return what is known of the time since then, the oldest first.

    Of starts while no dashboard of this history ran only a worker's newest is known, while it runs.
    """
    found = [*told_deploys(cluster), *_guesses(cluster, now)]
    return tuple(sorted((one for one in found if one.at >= since), key=lambda one: one.at))


def told_deploys(cluster: Cluster) -> Iterator[Deploy]:
    """Yield those that somebody told of, the oldest first, without secrets."""
    hidden = cluster.redactor.text
    for one in cluster.store.told_deploys.by_key.values():
        yield Deploy(
            one.at,
            id=one.id,
            name=hidden(one.name),
            version=hidden(one.version),
            link=hidden(one.link),
            by=one.by,
        )


def _guesses(cluster: Cluster, now: float) -> Iterator[Deploy]:
    kept = cluster.store.seen_starts.by_key.values()
    seen = [(start.at, start.hostname, start.version or "") for start in kept]
    workers = cluster.state.workers
    starts: dict[str, list[float]] = {}
    for at, name, _ in seen:
        starts.setdefault(name, []).append(at)
    told = [
        (at, name, (workers[name].sw_ver if name in workers else "") or "")
        for name, at in _starts_by_uptime(cluster, now).items()
        if not any(abs(at - when) < SAME_S for when in starts.get(name, ()))
    ]
    return together([*seen, *told])


def _starts_by_uptime(cluster: Cluster, now: float) -> Mapping[str, float]:
    began = {}
    for worker in cluster.presence.online():
        name = worker.hostname
        told, ages = cluster.inspector.told.get(name, NO_ANSWER), cluster.inspector.ages(name)
        ran_s = uptime_s(told, ages.get("stats"))
        if ran_s is not None:
            began[name] = now - ran_s
    return began
