"""Parses Redis' INFO into RedisFacts. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from flower_ng.brokers.base import count
from flower_ng.brokers.condition import RedisFacts, StaleQueue

#: Kombu's own, where `broker_transport_options` says nothing.
VISIBILITY_TIMEOUT_S: Final = 3600.0


def redis_facts(
    info: Mapping[str, Any],
    unacked: object,
    options: Mapping[str, Any],
    stale: Sequence[StaleQueue] = (),
) -> RedisFacts:
    """Read INFO as redis-py parses it; `options` are `broker_transport_options`."""
    replicas = [one for key, one in info.items() if key.startswith("slave") and is_replica(one)]
    return RedisFacts(
        version=str(info.get("redis_version", "")),
        memory_bytes=count(info.get("used_memory")),
        memory_limit_bytes=count(info.get("maxmemory")),
        policy=str(info.get("maxmemory_policy", "")),
        evicted=count(info.get("evicted_keys")),
        rejected=count(info.get("rejected_connections")),
        clients=count(info.get("connected_clients")),
        cut_off=count(info.get("client_output_buffer_limit_disconnections")),
        role=str(info.get("role", "")),
        link_down_s=link_down_s(info),
        replicas=count(info.get("connected_slaves")),
        replicas_behind=sum(one["state"] != "online" for one in replicas),
        saves_fail=info.get("rdb_last_bgsave_status") == "err",
        unacked=count(unacked),
        visibility_timeout_s=float(options.get("visibility_timeout") or VISIBILITY_TIMEOUT_S),
        stale=tuple(stale),
    )


def is_replica(value: object) -> bool:
    """Say whether a part of INFO describes a connected replica."""
    return isinstance(value, Mapping) and "state" in value


def link_down_s(info: Mapping[str, Any]) -> float | None:
    """Return for how long a replica's link to its master is down; None where it isn't."""
    if info.get("master_link_status", "up") == "up":
        return None
    return max(0.0, float(info.get("master_link_down_since_seconds", 0)))
