"""Rules about queues, as the broker and the workers tell of them. Pure."""

from collections.abc import Callable
from typing import Final

from flower_ng.health.facts.records import Facts, QueueFacts
from flower_ng.health.rules.rule import ASKED_S, UNKNOWN, Answer, Find, Found, Rule, answered

#: Growth is looked at by the minute.
MINUTE_S: Final = 60.0
#: Growth by fewer messages is noise.
LEAST_GROWN: Final = 100


def each(test: Callable[[QueueFacts, float], Answer]) -> Find:
    """Ask `test` of each queue; None where the broker does not tell."""

    def find(facts: Facts, threshold: float) -> Found:
        if facts.queues is None:
            return None
        return answered((queue.name, test(queue, threshold)) for queue in facts.queues)

    return find


def deserted(queue: QueueFacts, _: float) -> Answer:
    """Messages wait, and neither the broker nor a worker knows of a consumer."""
    if queue.length == 0 or queue.consumers or queue.workers:
        return None
    if queue.length is None or queue.workers is None:
        return UNKNOWN
    return {"waiting": queue.length, "consumers": 0}


def long(queue: QueueFacts, threshold: float) -> Answer:
    """More messages wait than there should."""
    if queue.length is None:
        return UNKNOWN
    return {"waiting": queue.length} if queue.length > threshold else None


def old(queue: QueueFacts, threshold_s: float) -> Answer:
    """The oldest message waits for too long."""
    if queue.length == 0:
        return None
    if queue.oldest_s is None:
        return UNKNOWN
    if queue.oldest_s > threshold_s:
        return {f"oldest waits{' at least' * queue.is_oldest_least}_s": queue.oldest_s}
    return UNKNOWN if queue.is_oldest_least else None


def growing(queue: QueueFacts, minutes: float) -> Answer:
    """It has only grown for that long."""
    if queue.growing_s < minutes * 60 or queue.grown < LEAST_GROWN:
        return None
    waiting = {} if queue.length is None else {"waiting": queue.length}
    return {**waiting, "more than before": queue.grown, "within_s": queue.growing_s}


RULES: Final = (
    Rule(
        "queue-deserted",
        "queue",
        "error",
        "Queue without consumers",
        "Messages wait and nobody takes them: start a worker with -Q and this queue's name, or"
        " look for a typing error in a route.",
        each(deserted),
        lasting=True,
        needs_s=lambda _: ASKED_S,
    ),
    Rule(
        "queue-old",
        "queue",
        "warning",
        "Messages wait for long",
        "Add workers or slots for this queue, or send less; look whether the workers are held up"
        " by long tasks.",
        each(old),
    ),
    Rule(
        "queue-growing",
        "queue",
        "warning",
        "Queue grows",
        "More is sent than is done: add workers or slots for this queue, or look why tasks take"
        " longer.",
        each(growing),
        needs_s=lambda minutes: minutes * 60 + MINUTE_S,
    ),
    Rule(
        "queue-long",
        "queue",
        "warning",
        "Queue is long",
        "Add workers or slots for this queue; if such a length is usual, raise the option.",
        each(long),
    ),
)
