"""The calls of remote control commands: arguments that were checked, and the sentences. Pure.

A CommandCall is ready to be sent to any worker.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from flower_ng.errors import BadRequest
from flower_ng.monitor.remote.command_list import (
    ADD_CONSUMER,
    APPLIED,
    AUTOSCALE,
    BAD_RATE,
    CANCEL_CONSUMER,
    HARD,
    MAX,
    MIN,
    POOL_GROW,
    POOL_RESTART,
    POOL_SHRINK,
    RATE_LIMIT,
    REVOKE_BY_STAMPS,
    REVOKE_TASKS,
    SHUTDOWN,
    SOFT,
    TIME_LIMIT,
    N,
    RemoteCommand,
)
from flower_ng.monitor.remote.pools import Ability


@dataclass(frozen=True, slots=True)
class CommandCall:
    """A command with its arguments, and the sentences about it.

    In `done` and `failed`, `{worker}` is the worker's name and `{ok}` the worker's own word.
    `needs` is what the pool must be able to do for these arguments. `shown` are arguments of the
    request as the sentence of the effect shows them, where Celery has others.
    """

    command: RemoteCommand
    done: str
    failed: str
    arguments: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    needs: tuple[Ability, ...] = ()
    #: Flower quotes the reason in two of its sentences.
    is_quoted: bool = False
    #: What may have been done all the same where the worker itself refuses.
    caveat: str = ""
    shown: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    #: What to say where the worker's words begin so, and are those of Python.
    meanings: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def target(self, worker: str) -> str:
        """Return what it is about: a task's type where there is one, else the worker."""
        return str(self.arguments.get("task_name", worker))

    def effect(self, worker: str) -> str:
        """Return what it will do, in sentences."""
        values = {**self.arguments, **self.shown}
        return self.command.effect.format(target=self.target(worker), workername=worker, **values)

    def done_words(self, worker: str, ok: object) -> str:
        """Return the sentence of its success."""
        return self.done.format(worker=worker, ok=ok, **self.arguments)

    def refusal(self, worker: str, why: object) -> str:
        """Return the sentence of its refusal."""
        failed = self.failed.format(worker=worker, **self.arguments)
        for beginning, meaning in self.meanings.items():
            why = meaning if str(why).startswith(beginning) else why
        return f"{failed}: '{why}'" if self.is_quoted else f"{failed}: {why}"


def shutdown() -> CommandCall:
    """Have a worker finish its running tasks and end."""
    return CommandCall(SHUTDOWN, "Shutting down!", "Failed to shut '{worker}' down")


def pool_restart() -> CommandCall:
    """Have the processes of a pool replaced; the worker must have set `worker_pool_restarts`."""
    return CommandCall(
        POOL_RESTART,
        "Restarting '{worker}' worker's pool",
        "Failed to restart the '{worker}' pool",
        {"modules": None, "reload": False, "reloader": None},
        needs=(Ability.RESTART,),
    )


def pool_grow(n: int = 1) -> CommandCall:
    """Have processes added to a pool; BadRequest unless `n` is from 1 to MAX_PROCESSES."""
    return CommandCall(
        POOL_GROW,
        "Growing '{worker}' worker's pool by {n}",
        "Failed to grow '{worker}' worker's pool",
        {"n": N.checked(n)},
        needs=(Ability.RESIZE,),
    )


def pool_shrink(n: int = 1) -> CommandCall:
    """Have processes taken out of a pool; BadRequest unless `n` is from 1 to MAX_PROCESSES."""
    return CommandCall(
        POOL_SHRINK,
        "Shrinking '{worker}' worker's pool by {n}",
        "Failed to shrink '{worker}' worker's pool",
        {"n": N.checked(n)},
        needs=(Ability.RESIZE,),
        # billiard's `Pool.shrink` ends the idle ones one by one, and refuses when none is left.
        caveat="; idle processes may have been removed before that: look at its pool",
    )


def autoscale(min_workers: int, max_workers: int) -> CommandCall:
    """Set the bounds of an autoscaler, which the worker must have been started with."""
    least, most = MIN.checked(min_workers), MAX.checked(max_workers)
    if least > most:
        raise BadRequest(f"min must not be above max, but {least} is above {most}")
    return CommandCall(
        AUTOSCALE,
        "Autoscaling '{worker}' worker (min={min}, max={max})",
        "Failed to autoscale '{worker}' worker",
        {"max": most, "min": least},
        needs=(Ability.AUTOSCALE,),
    )


def add_consumer(queue: str) -> CommandCall:
    """Have a worker consume from a queue."""
    return CommandCall(
        ADD_CONSUMER,
        "{ok}",
        "Failed to add '{queue}' consumer to '{worker}' worker",
        {
            "queue": queue_name(queue),
            "exchange": None,
            "exchange_type": "direct",
            "routing_key": None,
        },
    )


def cancel_consumer(queue: str) -> CommandCall:
    """Have a worker leave a queue."""
    return CommandCall(
        CANCEL_CONSUMER,
        "{ok}",
        "Failed to cancel '{queue}' consumer from '{worker}' worker",
        {"queue": queue_name(queue)},
    )


def revoke(task_ids: Sequence[str]) -> CommandCall:
    """Have a worker discard tasks by their ids."""
    return CommandCall(
        REVOKE_TASKS, "{ok}", "Failed to revoke at '{worker}'", {"task_id": list(task_ids)}
    )


def revoke_stamped(
    stamps: Mapping[str, Sequence[str]], signal: str = "", done: str = "{ok}"
) -> CommandCall:
    """Have a worker discard tasks that have one of the values of a stamp.

    With a signal it also ends those that run with it. Celery knows this from 5.3 on.
    """
    values = {name: list(some) for name, some in stamps.items()}
    return CommandCall(
        REVOKE_BY_STAMPS,
        done,
        "Failed to revoke at '{worker}'",
        {"headers": values, "terminate": bool(signal), "signal": signal or "SIGTERM"},
        meanings={"KeyError": "its Celery is older than 5.3, and knows no stamps"},
    )


def time_limit(task_name: str, soft_s: float | None, hard_s: float | None) -> CommandCall:
    """Set a task's time limits at a worker; Celery sets both at once, so None removes that one.

    BadRequest where the soft limit would not be reached before the hard one.
    """
    SOFT.checked(soft_s)
    HARD.checked(hard_s)
    if soft_s and hard_s and soft_s > hard_s:
        words = f"soft must not be above hard, but {soft_s:.15g} s is above {hard_s:.15g} s"
        raise BadRequest(f"{words}: the task would end before it is told to")
    limits = [
        f"{name} {value:.15g} s" if value else f"no {name} limit (removed if one was set)"
        for name, value in (("soft", soft_s), ("hard", hard_s))
    ]
    needs = [Ability.SOFT_LIMIT] * bool(soft_s) + [Ability.HARD_LIMIT] * bool(hard_s)
    return CommandCall(
        TIME_LIMIT,
        f"{{ok}}: {', '.join(limits)}. {APPLIED}",
        "Failed to set timeouts",
        {"task_name": task_name, "hard": hard_s, "soft": soft_s},
        needs=tuple(needs),
        is_quoted=True,
        shown={
            name: f"{value:.15g} s" if value else "none"
            for name, value in (("soft", soft_s), ("hard", hard_s))
        },
    )


def rate_limit(task_name: str, rate: str) -> CommandCall:
    """Set how many tasks of a name one worker starts in a time: `200/m`, or `0` for no limit."""
    wrong = f"ratelimit '{rate}' is not a number, or a number per s, m or h, such as 200/m"
    if BAD_RATE.match(rate):
        raise BadRequest(wrong)
    return CommandCall(
        RATE_LIMIT,
        "{ok}",
        "Failed to set rate limit",
        {"task_name": task_name, "rate_limit": rate},
        is_quoted=True,
        shown={"ratelimit": rate},
        meanings={"Invalid rate limit string": wrong},
    )


def queue_name(queue: Any) -> str:
    """Return the name of a queue; BadRequest unless it is a text that is not empty."""
    if not isinstance(queue, str) or not queue.strip():
        raise BadRequest(f"queue must be the name of a queue, not {queue!r}")
    return queue


#: Makes the call of each command: of its arguments, in their order, without the worker's name.
CALLS: Final[Mapping[str, Callable[..., CommandCall]]] = MappingProxyType(
    {
        SHUTDOWN.name: shutdown,
        POOL_RESTART.name: pool_restart,
        POOL_GROW.name: pool_grow,
        POOL_SHRINK.name: pool_shrink,
        AUTOSCALE.name: autoscale,
        ADD_CONSUMER.name: add_consumer,
        CANCEL_CONSUMER.name: cancel_consumer,
        TIME_LIMIT.name: time_limit,
        RATE_LIMIT.name: rate_limit,
    }
)
