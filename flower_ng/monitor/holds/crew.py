"""Crew is the workers as pauses and drains see them: who consumes from what, and their commands.

On the loop.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from flower_ng.errors import AnswerError
from flower_ng.monitor.holds.records import HELD_IN, Left, Taken, left_of
from flower_ng.monitor.remote.commands import CommandCall
from flower_ng.monitor.remote.many import Word, WorkerOutcome
from flower_ng.monitor.remote.worker_answer import NO_ANSWER, WorkerAnswer
from flower_ng.monitor.state.presence import OFFLINE, Status
from flower_ng.records import Worker

#: What is asked of a worker that is being drained.
HELD_METHODS = (*HELD_IN, "active_queues")


class Commander(Protocol):
    """The part of Control that is needed here."""

    async def command(self, worker: str, order: CommandCall, /) -> str:
        """Send a command to one worker; return the sentence of its success."""

    async def command_many(
        self, workers: Sequence[str], order: CommandCall, /
    ) -> Mapping[str, WorkerOutcome]:
        """Send a command to several workers; return what came of it at each."""


class Interviewer(Protocol):
    """The part of the Inspector that is needed here."""

    @property
    def told(self) -> Mapping[str, WorkerAnswer]:
        """What each worker told of itself."""

    @property
    def workers(self) -> Mapping[str, Mapping[str, Any]]:
        """The same as it was answered."""

    def inspect(
        self, workername: str | None = None, methods: Iterable[str] | None = None, /
    ) -> Awaitable[Any]:
        """Ask a worker, or all of them."""

    def ages(self, workername: str, /) -> Mapping[str, float]:
        """Return how many seconds ago each method was answered."""


@dataclass(frozen=True, slots=True)
class Crew:
    """The workers of a cluster; `heard` are those that send events, `status` is of one of them."""

    control: Commander
    inspector: Interviewer
    heard: Callable[[], Mapping[str, Worker]]
    status: Callable[[Worker], Status]
    clock: Callable[[], float]

    def pid(self, worker: str) -> int | None:
        """Return the id of its process, by its last event."""
        known = self.heard().get(worker)
        return None if known is None else known.pid

    def standing(self, worker: str) -> Status:
        """Return its status; who sends no events, and was heard answering, is `unknown`."""
        known = self.heard().get(worker)
        return "unknown" if known is None else self.status(known)

    def consumers(self, queue: str) -> Taken:
        """Return who consumes from a queue, by their last answers, and is not known to be away."""
        return {
            name: self.pid(name)
            for name, answer in self.inspector.told.items()
            if queue in (answer.queues or ()) and self.standing(name) not in OFFLINE
        }

    def queues(self, worker: str) -> tuple[str, ...] | None:
        """Return what a worker consumes from, by its last answer; None where it told nothing."""
        return self.inspector.told.get(worker, NO_ANSWER).queues

    def told_since(self, worker: str, at: float, method: str = "active_queues") -> bool:
        """Whether a worker has answered a method after a time."""
        age_s = self.inspector.ages(worker).get(method)
        return age_s is not None and self.clock() - age_s > at

    async def ask(self, worker: str | None = None) -> None:
        """Have a worker, or all of them, tell anew what they consume from."""
        await self.inspector.inspect(worker, ("active_queues",))

    async def held_by(self, worker: str) -> Left | None:
        """Return what a worker holds now; None where it does not answer."""
        asked_at = self.clock()
        await self.inspector.inspect(worker, HELD_METHODS)
        if not all(self.told_since(worker, asked_at, method) for method in HELD_METHODS):
            return None
        return left_of(self.inspector.workers.get(worker, {}), self.clock())

    async def send(self, workers: Iterable[str], order: CommandCall) -> dict[str, WorkerOutcome]:
        """Send a command to workers; a broker that fails is an outcome too."""
        names = sorted(workers)
        if not names:
            return {}
        try:
            return dict(await self.control.command_many(names, order))
        except AnswerError as error:
            word: Word = "unknown" if error.is_uncertain else "not sent"
            return {name: WorkerOutcome(word, error.message) for name in names}

    async def tell(self, worker: str, order: CommandCall) -> WorkerOutcome:
        """Send a command to one worker."""
        return (await self.send([worker], order))[worker]
