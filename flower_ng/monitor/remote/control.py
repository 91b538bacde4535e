"""Control sends commands to workers and returns one of four outcomes.

Done, in the worker's words; Refused, in its words; NoAnswer, which says whether it may still be
carried out; Unreadable. The functions block and run in any thread; the class runs them in the pool
for callers on the loop.
"""

import signal as signals
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, Final, TypeVar

from celery import Celery

from flower_ng.errors import BadRequest, NoAnswer, NotSent, Refused, Unavailable, Unreadable
from flower_ng.monitor.remote.bounded_calls import BoundedCalls
from flower_ng.monitor.remote.broadcast import REPLY_S, Broadcasts, CollectedReplies
from flower_ng.monitor.remote.commands import CommandCall
from flower_ng.monitor.remote.delivery import EXPIRES_S, Delivery
from flower_ng.monitor.remote.many import WorkerOutcome, steer_many
from flower_ng.monitor.remote.pools import inability
from flower_ng.monitor.remote.worker_answer import NO_ANSWER, mapping
from flower_ng.monitor.servers import Servers

T = TypeVar("T")

#: Commands at once; more wait.
MOST_COMMANDS = 6
#: How long a command may last beyond the inspect timeout.
MARGIN_S = 1.75
#: Of that time as much is left for handing the answer over.
SPARE_S = 0.25
#: What a worker is asked before a command: whether it listens, and what its pool can do. `stats`
#: alone does not do, for a worker whose task_serializer is YAML can't encode its answer to it.
QUESTIONS: Final[Mapping[str, Mapping[str, Any]]] = {"ping": {}, "stats": {}}
SILENT: Final = (
    "it is stopped, cut off, or busy (a solo pool answers between tasks only), or has"
    " worker_enable_remote_control off"
)


def steer(
    broadcasts: Broadcasts, worker: str, order: CommandCall, delivery: Delivery, limit_s: float
) -> str:
    """Send a command to one worker, and return the sentence of its success.

    The worker is asked something first: one that doesn't answer is sent nothing, because
    Celery's workers carry out whatever they find when they wake up, however old it is.
    """
    ends_at = time.monotonic() + limit_s
    check_listening(broadcasts, worker, order)
    name = order.command.name
    if not order.command.is_answered:
        broadcasts.tell(
            name, order.arguments, [worker], expires_s=delivery.lives_s, sending=delivery
        )
        return order.done_words(worker, "")
    wait_s = max(0.0, min(broadcasts.reply_s, ends_at - time.monotonic()))
    gathered = broadcasts.ask(
        {name: order.arguments}, [worker], wait_s, expires_s=delivery.lives_s, sending=delivery
    )
    return outcome(gathered, worker, order, wait_s, delivery)


def check_listening(broadcasts: Broadcasts, worker: str, order: CommandCall) -> None:
    """Raise NoAnswer unless the worker answers, and Refused where its pool can't do this."""
    gathered = broadcasts.ask(QUESTIONS, [worker], broadcasts.reply_s)
    told = NO_ANSWER.taking("stats", gathered.replies["stats"].get(worker))
    has_answered = any(gathered.replies.values()) or bool(gathered.unreadable)
    if not has_answered:
        words = f"No answer from '{worker}' within {broadcasts.reply_s:.2g} s ({SILENT})"
        raise NotSent(f"{words}. The command was not sent, so it can't be carried out later.")
    for ability in order.needs:
        if why := inability(told.pool, ability):
            raise Refused(order.refusal(worker, why))


def outcome(
    gathered: CollectedReplies, worker: str, order: CommandCall, wait_s: float, delivery: Delivery
) -> str:
    """Return the sentence of success, or raise what else came of a command that was sent."""
    reply = gathered.replies[order.command.name].get(worker)
    if reply is not None:
        return answered(reply, worker, order)
    if gathered.unreadable:
        words = f"'{worker}' {gathered.unreadable[0].why}"
        raise Unreadable(
            f"{words}. Whether it did as told is not known: look before you repeat it."
        )
    raise NoAnswer(f"No answer from '{worker}' within {wait_s:.3g} s; {delivery.maybe_later}")


def answered(reply: Any, worker: str, order: CommandCall) -> str:
    """Return the sentence of success for a reply with `ok`; any other reply is a refusal."""
    answer = mapping(reply)
    if "ok" in answer:
        return order.done_words(worker, answer["ok"])
    why = answer.get("error", f"it answered {str(reply)[:200]!r}")
    caveat = "" if "not supported" in str(why) else order.caveat  # then it did not begin to
    raise Refused(f"{order.refusal(worker, why)}{caveat}")


def task_revoke(
    broadcasts: Broadcasts,
    delivery: Delivery,
    task_id: str,
    terminate: bool = False,  # noqa: FBT001, FBT002 - Celery's signature
    signal: str = "SIGTERM",
) -> str:
    """Tell all workers to skip a task, and with `terminate` to end the process that runs it.

    The id is not checked and nobody replies. BadRequest for a signal that does not exist here.
    """
    name = signal_name(signal) if terminate else "SIGTERM"
    arguments = {"task_id": task_id, "terminate": terminate, "signal": name}
    broadcasts.tell("revoke", arguments, expires_s=delivery.lives_s, sending=delivery)
    return f"Revoked '{task_id}'"


def signal_name(signal: str) -> str:
    """Return a signal's full name, which workers want, for `SIGTERM`, `term` or `15`."""
    members = signals.Signals.__members__
    name = f"SIG{signal.upper().removeprefix('SIG')}"
    numbers = {str(member.value): member.name for member in signals.Signals}
    if name not in members and signal not in numbers:
        raise BadRequest(f"Unknown signal '{signal}'")
    return numbers.get(signal, name)


class Control:
    """The same for callers on the loop.

    Each call takes at most `timeout_s` (the inspect timeout) and two seconds, and more where the
    broker is far; a reply is awaited for a second, or the inspect timeout if that is longer.
    Unavailable when the broker cannot be reached. `steered` is told of each worker that has done,
    or may have done, what changes what it says of itself.
    """

    def __init__(
        self,
        capp: Celery,
        pool: Executor,
        timeout_s: float,
        servers: Servers | None = None,
        steered: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._broadcasts = sends = Broadcasts(capp, max(REPLY_S, timeout_s), servers)
        self._limit_s, self._steered = timeout_s + MARGIN_S, steered
        self._calls = BoundedCalls(pool, MOST_COMMANDS, self._limit_s, lambda: sends.slack_s)

    def stop(self) -> None:
        """Close the connections."""
        self._calls.send_off(self._broadcasts.close)

    async def command(self, worker: str, order: CommandCall) -> str:
        """Send a command to one worker; return the sentence of its success.

        Refused, NoAnswer and Unreadable say what else came of it.
        """
        delivery = Delivery(max(EXPIRES_S, self._broadcasts.reply_s))
        limit_s = self._limit_s + self._broadcasts.slack_s - SPARE_S
        try:
            return await self._sent(
                delivery, lambda: steer(self._broadcasts, worker, order, delivery, limit_s)
            )
        finally:
            if delivery.expires_at is not None:
                self._tell(worker, order)

    async def command_many(
        self, workers: Sequence[str], order: CommandCall
    ) -> Mapping[str, WorkerOutcome]:
        """Send a command to several workers; return what came of it at each.

        Unavailable where the broker failed before anything was sent, NoAnswer where it failed
        later: what came of it is not known then.
        """
        delivery = Delivery(max(EXPIRES_S, self._broadcasts.reply_s))
        limit_s = self._limit_s - SPARE_S

        def send() -> Mapping[str, WorkerOutcome]:
            return steer_many(self._broadcasts, workers, order, delivery, answered, limit_s)

        outcomes = await self._sent(delivery, send)
        for worker, one in outcomes.items():
            if one.word != "not sent":
                self._tell(worker, order)
        return outcomes

    def _tell(self, worker: str, order: CommandCall) -> None:
        if order.command.is_answered and order.command.changes_worker:
            self._steered(worker)

    async def task_revoke(
        self,
        task_id: str,
        terminate: bool = False,  # noqa: FBT001, FBT002 - Celery's signature
        signal: str = "SIGTERM",
    ) -> str:
        """Tell all workers to skip a task, or to end it."""
        delivery = Delivery()
        return await self._sent(
            delivery, lambda: task_revoke(self._broadcasts, delivery, task_id, terminate, signal)
        )

    async def _sent(self, delivery: Delivery, send: Callable[[], T]) -> T:
        """Run it in the pool; a broker that fails later than the sending leaves it open."""
        try:
            return await self._calls.run(send)
        except Unavailable as error:
            raise delivery.failed(error) from error
