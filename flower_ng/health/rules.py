"""RULES is every rule; adding one is a line in its own module. Pure."""

from typing import Final

from flower_ng.health import broker, events, queues, refused, schedule, tasks, workers
from flower_ng.health.rule import Rule

RULES: Final[tuple[Rule, ...]] = (
    *events.RULES,
    *refused.RULES,
    *broker.RULES,
    *workers.RULES,
    *tasks.RULES,
    *queues.RULES,
    *schedule.RULES,
)
