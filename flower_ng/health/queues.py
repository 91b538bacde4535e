"""Rules about queues, as the broker and the workers tell of them. Pure."""

from collections.abc import Callable, Iterable
from typing import Final

from flower_ng.health.facts import Facts, QueueFacts
from flower_ng.health.rule import Evidence, Find, Finding, Rule

#: Growth by fewer messages is noise.
LEAST_GROWN: Final = 100


def each(test: Callable[[QueueFacts, float], Evidence | None]) -> Find:
    """Ask `test` of each queue; None where the broker does not tell."""

    def find(facts: Facts, threshold: float) -> Iterable[Finding] | None:
        if facts.queues is None:
            return None
        found = ((queue.name, test(queue, threshold)) for queue in facts.queues)
        return [Finding(name, evidence) for name, evidence in found if evidence is not None]

    return find


def deserted(queue: QueueFacts, _: float) -> Evidence | None:
    """Messages wait, and neither the broker nor a worker knows of a consumer."""
    if not queue.length or queue.consumers or queue.workers or queue.workers is None:
        return None
    return {"waiting": queue.length, "consumers": 0}


def long(queue: QueueFacts, threshold: float) -> Evidence | None:
    """More messages wait than there should."""
    if queue.length is None or queue.length <= threshold:
        return None
    return {"waiting": queue.length}


def old(queue: QueueFacts, threshold_s: float) -> Evidence | None:
    """The oldest message waits for too long."""
    if queue.oldest_s is None or queue.oldest_s <= threshold_s or queue.length == 0:
        return None
    return {"oldest waits_s": queue.oldest_s}


def growing(queue: QueueFacts, minutes: float) -> Evidence | None:
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
