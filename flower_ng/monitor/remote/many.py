"""One command to several workers at once, and what came of it at each. In the pool's threads."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from flower_ng.errors import Refused
from flower_ng.monitor.remote.broadcast import Broadcasts, CollectedReplies
from flower_ng.monitor.remote.commands import CommandCall
from flower_ng.monitor.remote.delivery import Delivery

#: `done` and `refused` are a worker's own words. `not sent`: it does not listen, so it was sent
#: nothing. `unknown`: it was sent the command, and nothing readable came back.
Word = Literal["done", "refused", "not sent", "unknown"]
#: Reads a reply: returns the sentence of success, or raises Refused.
Answered: TypeAlias = Callable[[Any, str, CommandCall], str]


@dataclass(frozen=True, slots=True)
class WorkerOutcome:
    """What came of a command at one worker, in a word and in a sentence."""

    word: Word
    words: str


def steer_many(
    broadcasts: Broadcasts,
    workers: Sequence[str],
    order: CommandCall,
    delivery: Delivery,
    answered: Answered,
    limit_s: float,
) -> dict[str, WorkerOutcome]:
    """Send a command to workers, within `limit_s`; those that don't answer a ping get nothing."""
    ends_at = time.monotonic() + limit_s
    heard = _names(broadcasts.ask({"ping": {}}, workers, broadcasts.reply_s), "ping", workers)
    silent = f"No answer within {broadcasts.reply_s:.3g} s, so it was sent nothing"
    outcomes = {name: WorkerOutcome("not sent", silent) for name in workers if name not in heard}
    if not heard:
        return outcomes
    name = order.command.name
    gathered = broadcasts.ask(
        {name: order.arguments},
        heard,
        max(0.0, min(broadcasts.reply_s, ends_at - time.monotonic())),
        expires_s=delivery.lives_s,
        sending=delivery,
    )
    unreadable = {one.sender(heard): one.why for one in gathered.unreadable}
    for worker in heard:
        reply = gathered.replies[name].get(worker)
        if reply is not None:
            outcomes[worker] = _outcome(answered, reply, worker, order)
        else:
            why = unreadable.get(worker, f"No answer; {delivery.maybe_later}")
            outcomes[worker] = WorkerOutcome("unknown", why)
    return outcomes


def _outcome(answered: Answered, reply: Any, worker: str, order: CommandCall) -> WorkerOutcome:
    try:
        return WorkerOutcome("done", answered(reply, worker, order))
    except Refused as error:
        return WorkerOutcome("refused", error.message)


def _names(gathered: CollectedReplies, command: str, workers: Sequence[str]) -> list[str]:
    """Return who answered, readable or not, in the order of `workers`."""
    senders = {one.sender(workers) for one in gathered.unreadable}
    return [one for one in workers if one in gathered.replies[command] or one in senders]


def words_of(outcomes: Mapping[str, WorkerOutcome]) -> dict[str, str]:
    """Return the sentences of those that are not done."""
    failed = {name: one for name, one in outcomes.items() if one.word != "done"}
    return {name: f"{one.word}: {one.words}" for name, one in failed.items()}
