"""What we ask brokers themselves: how many messages wait in their queues."""

from concurrent.futures import Executor

from kombu import Connection

from flower_ng.brokers.base import Broker, Facts, Look, QueueNumbers, facts_of, mask
from flower_ng.brokers.condition import BrokerFacts, RabbitFacts, RabbitNode, RedisFacts, StaleQueue
from flower_ng.brokers.generic import GenericBroker
from flower_ng.brokers.rabbitmq import RabbitBroker
from flower_ng.brokers.recent import Sample
from flower_ng.brokers.redis import RedisBroker, SentinelBroker

__all__ = [
    "BROKERS",
    "Broker",
    "BrokerFacts",
    "Facts",
    "Look",
    "QueueNumbers",
    "RabbitFacts",
    "RabbitNode",
    "RedisFacts",
    "Sample",
    "StaleQueue",
    "broker_for",
    "facts_of",
    "mask",
]

#: Every adapter; the last one takes what no other serves.
BROKERS: tuple[type[Broker], ...] = (RedisBroker, SentinelBroker, RabbitBroker, GenericBroker)


def broker_for(
    connection: Connection, pool: Executor, *, management_url: str | None = None
) -> Broker:
    """Return the adapter for an app's connection (`app.connection_for_read()`); connects nothing.

    `management_url` is the option `broker_api`. Blocking adapters work in `pool`.
    """
    facts = facts_of(connection, management_url)
    kind = next((kind for kind in BROKERS if facts.transport in kind.schemes), GenericBroker)
    return kind(facts, pool)
