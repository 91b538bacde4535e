"""RULES is every rule; adding one is a line in its own module. Pure."""

from typing import Final

from flower_ng.health.rules import (
    broker,
    events,
    queues,
    schedule,
    tasks,
    worker_peers,
    workers,
)
from flower_ng.health.rules.rule import Rule

RULES: Final[tuple[Rule, ...]] = (
    *events.RULES,
    *broker.RULES,
    *workers.RULES,
    *worker_peers.RULES,
    *tasks.RULES,
    *queues.RULES,
    *schedule.RULES,
)
