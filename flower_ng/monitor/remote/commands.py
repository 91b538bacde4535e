"""The remote control commands, each declared once: name, arguments, refusals. Pure.

A Command is what all its surfaces share: the API's route, the button, the pool that refuses it. An
Order is a command with arguments that were checked, ready to be sent to any worker.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from flower_ng.errors import BadRequest
from flower_ng.monitor.remote.pools import Ability

#: A worker reads a task's limits when it begins to consume (`celery.worker.request`,
#: `create_request_cls`), and again when its pool is restarted: until then nothing changes.
APPLIED: Final = "The worker applies them once its pool is restarted"
#: No pool is grown by more in one call: a slip of the finger must not start a million processes.
MAX_PROCESSES: Final = 1000


@dataclass(frozen=True, slots=True)
class RemoteCommand:
    """One of Celery's control commands; `name` is Celery's.

    `route` is its path below `/api/` and, as a form, `/do/`; `label` its button. `question` is what
    a page asks before it sends one that can't be undone, and `needs` what the worker's pool must be
    able to do.
    """

    name: str
    route: str
    label: str
    summary: str
    question: str = ""
    needs: Ability | None = None
    #: Whether Celery's worker answers it.
    is_answered: bool = True


SHUTDOWN: Final = RemoteCommand(
    "shutdown",
    "worker/shutdown",
    "Shut Down",
    "Shut a worker down",
    question="Running tasks finish. The worker will not restart by itself.",
    is_answered=False,
)
POOL_RESTART: Final = RemoteCommand(
    "pool_restart",
    "worker/pool/restart",
    "Restart Pool",
    "Restart a worker's pool",
    needs=Ability.RESTART,
)
POOL_GROW: Final = RemoteCommand(
    "pool_grow",
    "worker/pool/grow",
    "Grow",
    "Add processes to a worker's pool",
    needs=Ability.RESIZE,
)
POOL_SHRINK: Final = RemoteCommand(
    "pool_shrink",
    "worker/pool/shrink",
    "Shrink",
    "Remove processes from a worker's pool",
    needs=Ability.RESIZE,
)
AUTOSCALE: Final = RemoteCommand(
    "autoscale",
    "worker/pool/autoscale",
    "Apply",
    "Set the bounds of a worker's autoscaler",
    needs=Ability.AUTOSCALE,
)
ADD_CONSUMER: Final = RemoteCommand(
    "add_consumer", "worker/queue/add-consumer", "Add", "Start consuming from a queue"
)
CANCEL_CONSUMER: Final = RemoteCommand(
    "cancel_consumer",
    "worker/queue/cancel-consumer",
    "Cancel Consumer",
    "Stop consuming from a queue",
)
TIME_LIMIT: Final = RemoteCommand(
    "time_limit", "task/timeout", "Apply", "Change a task's time limits at a worker"
)
RATE_LIMIT: Final = RemoteCommand(
    "rate_limit", "task/rate-limit", "Apply", "Change a task's rate limit at a worker"
)
COMMANDS: Final = (
    SHUTDOWN,
    POOL_RESTART,
    POOL_GROW,
    POOL_SHRINK,
    AUTOSCALE,
    ADD_CONSUMER,
    CANCEL_CONSUMER,
    TIME_LIMIT,
    RATE_LIMIT,
)


@dataclass(frozen=True, slots=True)
class CommandCall:
    """A command with its arguments, and the sentences about it.

    In `done` and `failed`, `{worker}` is the worker's name and `{ok}` the worker's own word.
    `needs` is what the pool must be able to do for these arguments.
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

    def done_words(self, worker: str, ok: object) -> str:
        """Return the sentence of its success."""
        return self.done.format(worker=worker, ok=ok, **self.arguments)

    def refusal(self, worker: str, why: object) -> str:
        """Return the sentence of its refusal."""
        failed = self.failed.format(worker=worker, **self.arguments)
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
        {"n": processes("n", n)},
        needs=(Ability.RESIZE,),
    )


def pool_shrink(n: int = 1) -> CommandCall:
    """Have processes taken out of a pool; BadRequest unless `n` is from 1 to MAX_PROCESSES."""
    return CommandCall(
        POOL_SHRINK,
        "Shrinking '{worker}' worker's pool by {n}",
        "Failed to shrink '{worker}' worker's pool",
        {"n": processes("n", n)},
        needs=(Ability.RESIZE,),
        # billiard's `Pool.shrink` ends the idle ones one by one, and refuses when none is left.
        caveat="; idle processes may have been removed before that: look at its pool",
    )


def autoscale(min_workers: int, max_workers: int) -> CommandCall:
    """Set the bounds of an autoscaler, which the worker must have been started with."""
    least, most = processes("min", min_workers, 0), processes("max", max_workers, 0)
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


def time_limit(task_name: str, soft_s: float | None, hard_s: float | None) -> CommandCall:
    """Set a task's time limits at a worker; Celery sets both at once, so None removes that one.

    BadRequest where the soft limit would not be reached before the hard one.
    """
    for name, value in (("soft", soft_s), ("hard", hard_s)):
        if value is not None and not value >= 0:
            raise BadRequest(f"{name} must be a number of seconds from 0 on, not {value:.15g}")
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
    )


def rate_limit(task_name: str, rate: str) -> CommandCall:
    """Set how many tasks of a name one worker starts in a time: `200/m`, or `0` for no limit."""
    return CommandCall(
        RATE_LIMIT,
        "{ok}",
        "Failed to set rate limit",
        {"task_name": task_name, "rate_limit": rate},
        is_quoted=True,
    )


def processes(name: str, value: Any, least: int = 1) -> int:
    """Return a number of processes; BadRequest unless it is whole and from `least` to the most."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRequest(f"{name} must be a whole number, not {value!r}")
    if not least <= value <= MAX_PROCESSES:
        raise BadRequest(f"{name} must be from {least} to {MAX_PROCESSES}, not {value}")
    return value


def queue_name(queue: Any) -> str:
    """Return the name of a queue; BadRequest unless it is a text that is not empty."""
    if not isinstance(queue, str) or not queue.strip():
        raise BadRequest(f"queue must be the name of a queue, not {queue!r}")
    return queue
