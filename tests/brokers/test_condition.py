"""What follows from what a broker tells."""

import pytest

from flower_ng.brokers import BrokerFacts, RabbitFacts, RabbitNode, RedisFacts
from flower_ng.brokers.condition import parsed


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("3.10.8", (3, 10, 8)), ("4.3.0-rc.1", (4, 3, 0)), ("4.0.3+8.g1", (4, 0, 3)), ("?", ())],
)
def test_versions_are_compared_by_their_numbers(text, numbers):
    assert parsed(text) == numbers


@pytest.mark.parametrize(
    ("version", "refuses"), [("3.13.7", False), ("4.2.5", False), ("4.3.0", True), ("5.0", True)]
)
def test_transient_queues_are_refused_from_4_3_on(version, refuses):
    assert RabbitFacts(version).refuses_transient is refuses


def test_an_alarm_blocks_publishers():
    nodes = (RabbitNode("a", is_running=True), RabbitNode("b", True, True, True))
    facts = BrokerFacts(0.0, "amqp", rabbit=RabbitFacts("3.10.8", nodes))

    assert facts.blocks_publishers == "b is short of memory and disk"


@pytest.mark.parametrize(
    ("redis", "why"),
    [
        (RedisFacts("7", 99, 100, "noeviction"), ""),
        (RedisFacts("7", 100, 100, "noeviction"), "its memory is full (maxmemory)"),
        (RedisFacts("7", 100, 100, "allkeys-lru"), ""),
        (RedisFacts("7", 100, 0, "noeviction"), ""),
        (RedisFacts("7", role="slave"), "it is a replica: replicas refuse writes"),
        (RedisFacts("7", saves_fail=True), "its snapshots fail (stop-writes-on-bgsave-error)"),
    ],
)
def test_redis_refuses_writes_for_a_reason(redis, why):
    assert BrokerFacts(0.0, "redis", redis=redis).blocks_publishers == why


def test_nothing_told_is_nothing_wrong():
    assert BrokerFacts(0.0, "sqs").blocks_publishers == ""
