"""The reviews of purging and deleting queues, from what the broker told last; on the loop."""

from collections.abc import Collection, Iterator
from typing import Final

from flower_ng.brokers import QueueNumbers
from flower_ng.brokers.condition import BrokerFacts, StaleQueue
from flower_ng.cluster import Cluster
from flower_ng.monitor.remote.task_actions import CLEAN, MOVE, PURGE
from flower_ng.web.lookups.consumers import Lengths, consumers
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.review import Review, ReviewInput

LABEL = "To confirm, type the name of the queue:"
#: Queues that are named one by one.
MOST_NAMED: Final = 50
UNLISTED = "Which tasks are removed is listed nowhere: look inside before, where that is possible."
BROKEN_OFF = (
    "If the broker fails meanwhile, it is told of how many messages the outcome is not known. On"
    " RabbitMQ such a message may be in both queues."
)
OWN = "It is a queue of Celery's own, for events, commands, or messages in delivery."


def purge_review(cluster: Cluster, name: str, told: Lengths) -> Review:
    """Return what purging will remove."""
    numbers = told.numbers.get(name, QueueNumbers(name))
    workers = [one.name for one in consumers(cluster, Links()).get(name, ())]
    return Review(
        PURGE,
        name,
        PURGE.effect,
        count=numbers.length,
        refusals=(OWN,) if cluster.is_system_queue(name) else (),
        cautions=tuple(_cautions(numbers, workers)),
        unknowns=(
            *_length_unknowns(numbers, told),
            UNLISTED,
        ),
        inputs=(ReviewInput("confirm", LABEL, name, is_typed=True),),
        facts={"messages": bound(numbers.length), "consumers": ", ".join(workers) or "none known"},
    )


def move_review(cluster: Cluster, name: str, target: str, n: int, told: Lengths) -> Review:
    """Return what moving up to `n` messages to another queue will do."""
    numbers = told.numbers.get(name, QueueNumbers(name))
    found = consumers(cluster, Links())
    own = next((one for one in (name, target) if cluster.is_system_queue(one)), "")
    cautions = list(_cautions(numbers, [one.name for one in found.get(name, ())]))
    if cluster.holds.is_paused(target):
        cautions.append(f"{target} is paused: they wait there until that is resumed.")
    elif not found.get(target):
        cautions.append(f"No online worker has told that it consumes from {target}.")
    return Review(
        MOVE,
        name,
        MOVE.effect.format(n=f"{n:,}", to=target),
        count=None if numbers.length is None else min(n, numbers.length),
        refusals=(f"{own}: {OWN}",) if own else (),
        cautions=tuple(cautions),
        unknowns=(
            *_length_unknowns(numbers, told),
            BROKEN_OFF,
        ),
        facts={
            "messages": bound(numbers.length),
            "consumers of the other queue": ", ".join(one.name for one in found.get(target, ()))
            or "none known",
        },
    )


def stale_queues(facts: BrokerFacts | None) -> tuple[StaleQueue, ...]:
    """Return what was left on the broker, as of its last look."""
    told = facts and (facts.rabbit or facts.redis)
    return told.stale if told else ()


def clean_review(cluster: Cluster, spared: Collection[str]) -> Review:
    """Return what deleting the queues that nobody reads will do; those of the `spared` stay."""
    facts = cluster.poll.facts
    stale = [one for one in stale_queues(facts) if one.owner not in spared]
    unknowns = ["They are looked for again when it is done: others may have been left by then."]
    if facts is None or facts.away_since is not None:
        unknowns.insert(
            0, f"What is left there is not known. {facts.trouble if facts else ''}".strip()
        )
    return Review(
        CLEAN,
        fmt.counted(len(stale), "queue"),
        CLEAN.effect,
        count=len(stale),
        unknowns=tuple(unknowns),
        details=tuple(f"{one.name} with {_messages(one)}" for one in stale[:MOST_NAMED]),
        cautions=(f"{len(stale) - MOST_NAMED:,} more are not named.",)
        if len(stale) > MOST_NAMED
        else (),
        facts={"queues": ", ".join(sorted(one.name for one in stale)[:MOST_NAMED]) or "none"},
    )


def _messages(queue: StaleQueue) -> str:
    if queue.messages is None:
        return "an unknown number of messages"
    return fmt.counted(queue.messages, "message")


def bound(length: int | None) -> str:
    """Return a round number that a length does not exceed: what a review of it rests on.

    A busy queue's length is another each second; that it has many more messages is what matters.
    """
    if not length:
        return "unknown" if length is None else "0"
    power = 10 ** (len(str(length)) - 1)
    return f"at most {next(step * power for step in (1, 2, 5, 10) if step * power >= length):,}"


def _cautions(numbers: QueueNumbers, workers: list[str]) -> Iterator[str]:
    if workers:
        yield (
            "Workers consume from it: messages come and go meanwhile, so that the number may be"
            " another."
        )
    if numbers.unacked:
        yield (
            f"{fmt.counted(numbers.unacked, 'message')} in delivery stay, and come back if their"
            " workers are lost."
        )


def _length_unknowns(numbers: QueueNumbers, told: Lengths) -> Iterator[str]:
    if numbers.length is None:
        yield f"How many messages it holds is not known. {numbers.reason or told.trouble}".strip()
    elif told.age_s is not None:
        yield f"Its length is {fmt.span(told.age_s)} old: {told.trouble}"
