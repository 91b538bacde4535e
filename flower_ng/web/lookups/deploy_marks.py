"""When workers started, from their events and from the uptime that they report."""

from collections.abc import Mapping
from typing import Final

from flower_ng.cluster import Cluster
from flower_ng.monitor.deploys import Deploy, together
from flower_ng.monitor.remote.worker_answer import NO_ANSWER
from flower_ng.web.ui.worker_answers import uptime_s

#: The event of a start and the age that a worker tells, in whole seconds, differ by less.
SAME_S: Final = 60.0


def deploys(cluster: Cluster, since: float, now: float) -> tuple[Deploy, ...]:
    """Return what is known of the time since then.

    Of a worker that started before this dashboard only its newest start is known, while it runs.
    """
    seen = [(start.at, start.hostname) for start in cluster.starts]
    starts: dict[str, list[float]] = {}
    for at, name in seen:
        starts.setdefault(name, []).append(at)
    told = [
        (at, name)
        for name, at in _starts_by_uptime(cluster, now).items()
        if not any(abs(at - when) < SAME_S for when in starts.get(name, ()))
    ]
    return tuple(one for one in together([*seen, *told]) if one.at >= since)


def _starts_by_uptime(cluster: Cluster, now: float) -> Mapping[str, float]:
    began = {}
    for worker in cluster.presence.online():
        name = worker.hostname
        told, ages = cluster.inspector.told.get(name, NO_ANSWER), cluster.inspector.ages(name)
        ran_s = uptime_s(told, ages.get("stats"))
        if ran_s is not None:
            began[name] = now - ran_s
    return began
