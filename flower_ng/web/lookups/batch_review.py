"""The review of an action on many tasks, by what history and workers told. On the loop."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from flower_ng.cluster import Cluster
from flower_ng.monitor.holds.revoking import MOST_REVOKED
from flower_ng.monitor.remote.action import Action
from flower_ng.monitor.remote.batch_actions import (
    FORGET_MANY,
    MOST_FAILED,
    MOST_WAITING,
    RATE,
    RERUN_MANY,
    REVOKE_MANY,
)
from flower_ng.store import TaskGroup, TaskGroups
from flower_ng.web.lookups.chosen import Chosen
from flower_ng.web.lookups.rerun import (
    ENDED_BADLY,
    everyone_lacks,
    nobody_will_consume,
    told_by_workers,
)
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.phases import OVER
from flower_ng.web.ui.review import Review, ReviewInput

#: How many types and queues are named.
MOST_NAMED: Final = 4
LABELS: Final = {
    RATE: "Tasks a second",
    MOST_FAILED: "Pause when more percent of the newest 20 that ended have failed",
    MOST_WAITING: "Pause when a queue that it sends to has more messages",
}


async def batch_review(
    cluster: Cluster, action: Action, choice: Chosen, given: Mapping[str, str]
) -> Review:
    """Return what an action would do to these tasks; `given` are its arguments."""
    told = await cluster.store.groups(choice.uuids)
    count = len(choice.uuids)
    refused = _refused(cluster, action, told)
    lost = count - sum(group.number for group in told.groups)
    if lost and action is not FORGET_MANY:
        refused["their ids are not known here any more"] = lost
    is_all = bool(refused) and sum(refused.values()) >= count
    words = [f"{_tasks(number)}: {why}." for why, number in refused.items()]
    facts = {"tasks": fmt.number(count), "which": choice.digest}
    if "signal" in given:
        facts["signal"] = given["signal"]
    return Review(
        action,
        _tasks(count),
        action.effect.format(**given),
        count=count,
        refusals=tuple(words) if is_all else (),
        cautions=(
            *(() if is_all else (f"Refused will be {word}" for word in words)),
            *_cautions(cluster, action, told, given),
        ),
        unknowns=tuple(_unknowns(cluster, action)),
        details=tuple(_details(action, choice, told, given)),
        inputs=tuple(
            ReviewInput(
                one.name, LABELS[one], given[one.name], bounds=(one.least or 0, one.most or 0)
            )
            for one in action.arguments
            if one in LABELS
        ),
        facts=facts,
    )


def _tasks(number: int) -> str:
    return fmt.counted(number, "task")


def _named(counts: Counter[str]) -> str:
    """Name the most frequent, with their numbers."""
    named = [f"{name} ({fmt.number(number)})" for name, number in counts.most_common(MOST_NAMED)]
    more = len(counts) - MOST_NAMED
    return ", ".join(named) + (f" and {fmt.number(more)} more" if more > 0 else "")


def _counted(told: TaskGroups, field: str) -> Counter[str]:
    counts: Counter[str] = Counter()
    for group in told.groups:
        counts[getattr(group, field) or "unknown"] += group.number
    return counts


def _details(
    action: Action, choice: Chosen, told: TaskGroups, given: Mapping[str, str]
) -> Iterator[str]:
    if choice.search is not None:
        found = f"the search {choice.search}" if choice.search else "no search: all there are"
        yield f"They are those that matched now, by {found}. What matches later is not among them."
    yield f"Types: {_named(_counted(told, 'name'))}."
    yield f"States: {_named(_counted(told, 'state'))}."
    if action is RERUN_MANY:
        yield f"Queues: {_named(_counted(told, 'queue'))}."
    if rate := given.get("rate"):
        seconds = len(choice.uuids) / int(rate)
        yield (
            f"At {rate} a second it takes {fmt.span(seconds)} or longer. It can be paused, made"
            " slower or faster, and stopped meanwhile."
        )


def _refused(cluster: Cluster, action: Action, told: TaskGroups) -> dict[str, int]:
    """Return how many will be refused, by why, as far as that is known before."""
    refused: Counter[str] = Counter()
    for group in told.groups if action is not FORGET_MANY else ():
        if action is RERUN_MANY:
            why = _why_not_again(cluster, group)
        else:
            why = f"they have ended ({group.state})" if group.state in OVER else ""
        if why:
            refused[why] += group.number
    return dict(refused)


def _why_not_again(cluster: Cluster, group: TaskGroup) -> str:
    if group.name is None:
        return "no event told their name"
    if everyone_lacks(told_by_workers(cluster, "registered"), group.name):
        return f"no online worker has {group.name}"
    if group.queue and nobody_will_consume(cluster, group.queue):
        return f"no online worker has told that it consumes from {group.queue}"
    return ""


def _cautions(
    cluster: Cluster, action: Action, told: TaskGroups, given: Mapping[str, str]
) -> Iterator[str]:
    states = _counted(told, "state")
    if action is RERUN_MANY:
        yield from _rerun_cautions(states, told.again)
        for queue in _counted(told, "queue"):
            if cluster.holds.is_paused(queue):
                yield f"{queue} is paused: they wait there until that is resumed."
            numbers = cluster.poll.numbers.get(queue)
            length = None if numbers is None else numbers.length
            if length is not None and length > int(given["most_waiting"]):
                yield (
                    f"{queue} has {fmt.counted(length, 'message')}: it pauses at once, unless you"
                    " allow more."
                )
    if action is REVOKE_MANY and (running := states.get("STARTED", 0)):
        yield f"{fmt.number(running)} of them run already: they run to their end."


def _rerun_cautions(states: Counter[str], again: int) -> Iterator[str]:
    if succeeded := states["SUCCESS"]:
        yield f"{_tasks(succeeded)} succeeded: what they did is done once more."
    if revoked := states["REVOKED"]:
        yield f"{fmt.number(revoked)} of them somebody revoked: the new ones are not revoked."
    over = ENDED_BADLY | {"SUCCESS"}
    if others := sum(number for state, number in states.items() if state not in over):
        yield f"{_tasks(others)} may be waiting or running still, and be done twice."
    if again:
        yield f"{fmt.number(again)} of them were run again already."


def _unknowns(cluster: Cluster, action: Action) -> Iterator[str]:
    if action is FORGET_MANY:
        return
    if action is RERUN_MANY:
        yield (
            "Arguments are looked up one by one: a task whose arguments can't be rebuilt exactly is"
            " refused, and listed with why. Priority, time limits and headers are in no event."
        )
        yield "Queues are measured every ten seconds: one may grow past its bound meanwhile."
    else:
        yield (
            "A task that no worker acknowledges is listed as unknown. Workers that join, or answer"
            f" again, are told of the newest {MOST_REVOKED:,} while this dashboard runs; a worker"
            " forgets what was revoked when it restarts, unless it has --statedb."
        )
    if not cluster.batches.outlast_us:
        yield "No history is kept on disk: if flower_ng stops, this batch and its list are lost."
