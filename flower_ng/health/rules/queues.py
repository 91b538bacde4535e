"""Rules about queues: length, growth, age of the oldest message, consumers. Pure."""

from collections.abc import Callable
from typing import Final

from flower_ng.health.facts.records import Facts, QueueFacts
from flower_ng.health.rules.rule import ASKED_S, UNKNOWN, Answer, Find, Found, Rule, answered

#: Growth is measured per minute, so a problem needs one more to be confirmed or cleared.
MINUTE_S: Final = 60.0
#: A queue that grew by fewer messages is not reported: that is noise.
MIN_GROWTH: Final = 100


def each(test: Callable[[QueueFacts, float], Answer]) -> Find:
    """Apply `test` to each queue; None where no queue length is known."""

    def find(facts: Facts, threshold: float) -> Found:
        if facts.queues is None:
            return None
        return answered((queue.name, told(queue, test(queue, threshold))) for queue in facts.queues)

    return find


def told(queue: QueueFacts, answer: Answer) -> Answer:
    """Return the answer with who has paused the queue, which explains it."""
    if not queue.paused_by or answer is None or answer is UNKNOWN:
        return answer
    return {**answer, "paused by": queue.paused_by}


def deserted(queue: QueueFacts, _: float) -> Answer:
    """Messages wait, and neither the broker nor any worker reports a consumer, nor any pause."""
    if queue.length == 0 or queue.consumers or queue.workers or queue.paused_by:
        return None
    if queue.length is None or queue.workers is None:
        return UNKNOWN
    return {"waiting": queue.length, "consumers": 0}


def long(queue: QueueFacts, threshold: float) -> Answer:
    """More messages wait than the threshold allows."""
    if queue.length is None:
        return UNKNOWN
    return {"waiting": queue.length} if queue.length > threshold else None


def old(queue: QueueFacts, threshold_s: float) -> Answer:
    """The oldest message has waited longer than the threshold."""
    if queue.length == 0:
        return None
    if queue.oldest_s is None:
        return UNKNOWN
    if queue.oldest_s > threshold_s:
        return {f"oldest waits{' at least' * queue.is_oldest_least}_s": queue.oldest_s}
    return UNKNOWN if queue.is_oldest_least else None


def growing(queue: QueueFacts, minutes: float) -> Answer:
    """The queue has grown for this many minutes without a break."""
    if queue.growing_s < minutes * 60 or queue.grown < MIN_GROWTH:
        return None
    waiting = {} if queue.length is None else {"waiting": queue.length}
    return {**waiting, "more than before": queue.grown, "within_s": queue.growing_s}


RULES: Final = (
    Rule(
        "queue-deserted",
        "queue",
        "error",
        "Queue without consumers",
        "Messages wait and no worker consumes them. Start a worker with -Q and the name of this"
        " queue, or look for a misspelt queue name in a route.",
        each(deserted),
        lasting=True,
        needs_s=lambda _: ASKED_S,
    ),
    Rule(
        "queue-old",
        "queue",
        "warning",
        "Messages wait too long",
        "Add workers or slots for this queue, or send less. Check whether long tasks keep the"
        " workers busy.",
        each(old),
    ),
    Rule(
        "queue-growing",
        "queue",
        "warning",
        "Queue is growing",
        "More tasks are sent than done. Add workers or slots for this queue, or find out why"
        " tasks take longer.",
        each(growing),
        needs_s=lambda minutes: minutes * 60 + MINUTE_S,
    ),
    Rule(
        "queue-long",
        "queue",
        "warning",
        "Queue is long",
        "Add workers or slots for this queue. If this length is normal, raise the threshold.",
        each(long),
    ),
)
