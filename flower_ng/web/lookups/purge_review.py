"""The review of purging a queue, from what the broker told last; on the loop, cheap."""

from collections.abc import Iterator

from flower_ng.brokers import QueueNumbers
from flower_ng.cluster import Cluster
from flower_ng.monitor.remote.task_actions import PURGE
from flower_ng.web.lookups.consumers import Lengths, consumers
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.review import Review, ReviewInput

LABEL = "To confirm, type the name of the queue:"
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
        unknowns=tuple(_unknowns(numbers, told)),
        inputs=(ReviewInput("confirm", LABEL, name, is_typed=True),),
        facts={"messages": bound(numbers.length), "consumers": ", ".join(workers) or "none known"},
    )


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
            "Workers consume from it: messages come and go meanwhile, so that the number that is"
            " removed may be another."
        )
    if numbers.unacked:
        yield (
            f"{fmt.counted(numbers.unacked, 'message')} in delivery stay, and come back if their"
            " workers are lost."
        )


def _unknowns(numbers: QueueNumbers, told: Lengths) -> Iterator[str]:
    if numbers.length is None:
        yield f"How many messages it holds is not known. {numbers.reason or told.trouble}".strip()
    elif told.age_s is not None:
        yield f"Its length is {fmt.span(told.age_s)} old: {told.trouble}"
    yield "Which tasks are removed is listed nowhere: look inside before, where that is possible."
