"""Asks brokers directly: queue lengths, consumers, and the state of the broker itself."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from kombu import Connection

from flower_ng.brokers.base import BrokerAdapter, Look, QueueNumbers
from flower_ng.brokers.condition import BrokerFacts, RabbitFacts, RabbitNode, RedisFacts, StaleQueue
from flower_ng.brokers.endpoint import BrokerEndpoint, address, endpoint_of, mask
from flower_ng.brokers.generic import GenericBroker
from flower_ng.brokers.messages import (
    QueueGlimpse,
    QueueIds,
    QueuePlace,
    WaitingMessage,
    is_system_queue,
)
from flower_ng.brokers.rabbitmq import RabbitBroker
from flower_ng.brokers.recent import LengthSample
from flower_ng.brokers.redis import RedisBroker, SentinelBroker
from flower_ng.brokers.several import Several

__all__ = [
    "BROKERS",
    "BrokerAdapter",
    "BrokerEndpoint",
    "BrokerFacts",
    "LengthSample",
    "Look",
    "QueueGlimpse",
    "QueueIds",
    "QueueNumbers",
    "QueuePlace",
    "RabbitFacts",
    "RabbitNode",
    "RedisFacts",
    "StaleQueue",
    "WaitingMessage",
    "address",
    "broker_for",
    "brokers_for",
    "endpoint_of",
    "is_system_queue",
    "mask",
]

#: Every adapter; the last one takes what no other serves.
BROKERS: tuple[type[BrokerAdapter], ...] = (
    RedisBroker,
    SentinelBroker,
    RabbitBroker,
    GenericBroker,
)


def broker_for(
    connection: Connection, pool: Executor, *, management_url: str | None = None
) -> BrokerAdapter:
    """Return the adapter for an app's connection (`app.connection_for_read()`); connects nothing.

    `management_url` is the option `broker_api`. Blocking adapters work in `pool`.
    """
    return adapter(endpoint_of(connection, management_url), pool)


def brokers_for(
    every: Sequence[Connection],
    current: Callable[[], Connection | None],
    pool: Executor,
    *,
    management_url: str | None = None,
) -> BrokerAdapter:
    """Return the adapter for all servers of an app, of which the `current` one is asked."""
    if len(every) == 1:
        return broker_for(every[0], pool, management_url=management_url)

    def now() -> BrokerEndpoint | None:
        connection = current()
        return None if connection is None else endpoint_of(connection, management_url)

    facts = [endpoint_of(connection, management_url) for connection in every]
    return Several(facts, now, lambda one: adapter(one, pool))


def adapter(facts: BrokerEndpoint, pool: Executor) -> BrokerAdapter:
    """Return the adapter for a server."""
    kind = next((kind for kind in BROKERS if facts.transport in kind.schemes), GenericBroker)
    return kind(facts, pool)
