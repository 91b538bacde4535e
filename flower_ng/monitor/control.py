"""Control tells workers what to do: Celery's remote control with Flower's words.

The functions block and run in any thread; the class runs them in the pool for callers on the loop.
"""

import signal as signals
from concurrent.futures import Executor
from typing import Any

from celery import Celery

from flower_ng.errors import BadRequest, Refused
from flower_ng.monitor.broadcast import REPLY_S, Broadcasts
from flower_ng.monitor.calls import Calls

#: Commands at once; more wait.
MOST_COMMANDS = 6
#: How long a command may last beyond the inspect timeout.
MARGIN_S = 1.75


def worker_shutdown(broadcasts: Broadcasts, worker: str) -> str:
    """Tell a worker to finish its running tasks and end; nobody waits for its reply."""
    broadcasts.tell("shutdown", {}, [worker])
    return "Shutting down!"


def worker_pool_restart(broadcasts: Broadcasts, worker: str) -> str:
    """Replace a pool's processes; needs the worker's setting `worker_pool_restarts`."""
    arguments = {"modules": None, "reload": False, "reloader": None}
    refusal = f"Failed to restart the '{worker}' pool"
    command(broadcasts, worker, "pool_restart", arguments, refusal)
    return f"Restarting '{worker}' worker's pool"


def worker_pool_grow(broadcasts: Broadcasts, worker: str, n: int = 1) -> str:
    """Add processes to a pool."""
    command(broadcasts, worker, "pool_grow", {"n": n}, f"Failed to grow '{worker}' worker's pool")
    return f"Growing '{worker}' worker's pool by {n}"


def worker_pool_shrink(broadcasts: Broadcasts, worker: str, n: int = 1) -> str:
    """Take processes out of a pool."""
    refusal = f"Failed to shrink '{worker}' worker's pool"
    command(broadcasts, worker, "pool_shrink", {"n": n}, refusal)
    return f"Shrinking '{worker}' worker's pool by {n}"


def worker_pool_autoscale(broadcasts: Broadcasts, worker: str, least: int, most: int) -> str:
    """Set the bounds of a worker's autoscaler, which it must have been started with."""
    refusal = f"Failed to autoscale '{worker}' worker"
    command(broadcasts, worker, "autoscale", {"max": most, "min": least}, refusal)
    return f"Autoscaling '{worker}' worker (min={least}, max={most})"


def worker_queue_add_consumer(broadcasts: Broadcasts, worker: str, queue: str) -> str:
    """Let a worker consume from a queue; return its own words."""
    arguments = {
        "queue": queue,
        "exchange": None,
        "exchange_type": "direct",
        "routing_key": None,
    }
    refusal = f"Failed to add '{queue}' consumer to '{worker}' worker"
    return command(broadcasts, worker, "add_consumer", arguments, refusal)


def worker_queue_cancel_consumer(broadcasts: Broadcasts, worker: str, queue: str) -> str:
    """Let a worker leave a queue; return its own words."""
    refusal = f"Failed to cancel '{queue}' consumer from '{worker}' worker"
    return command(broadcasts, worker, "cancel_consumer", {"queue": queue}, refusal)


def task_revoke(
    broadcasts: Broadcasts,
    task_id: str,
    terminate: bool = False,  # noqa: FBT001, FBT002 - Celery's signature
    signal: str = "SIGTERM",
) -> str:
    """Tell all workers to skip a task, and with `terminate` to end the process that runs it.

    The id is not checked and nobody replies. BadRequest for a signal that does not exist here.
    """
    name = signal_name(signal) if terminate else "SIGTERM"
    broadcasts.tell("revoke", {"task_id": task_id, "terminate": terminate, "signal": name})
    return f"Revoked '{task_id}'"


def task_time_limit(
    broadcasts: Broadcasts, name: str, worker: str, soft_s: float | None, hard_s: float | None
) -> str:
    """Set a task's time limits at one worker, None for none; return its own words."""
    arguments = {"task_name": name, "hard": hard_s, "soft": soft_s}
    return command(
        broadcasts, worker, "time_limit", arguments, "Failed to set timeouts", quoted=True
    )


def task_rate_limit(broadcasts: Broadcasts, name: str, worker: str, rate_limit: str) -> str:
    """Set how many tasks of a name one worker starts in a time; return its own words."""
    arguments = {"task_name": name, "rate_limit": rate_limit}
    return command(
        broadcasts, worker, "rate_limit", arguments, "Failed to set rate limit", quoted=True
    )


def command(
    broadcasts: Broadcasts,
    worker: str,
    name: str,
    arguments: dict[str, Any],
    refusal: str,
    *,
    quoted: bool = False,
) -> str:
    """Send a command to one worker and return its `ok` text.

    Refused when it answers with anything else or not at all: `refusal` and then the reason.
    """
    replies = broadcasts.ask({name: arguments}, [worker], broadcasts.reply_s)
    reply = replies[name].get(worker)
    answer = reply if isinstance(reply, dict) else {}
    if "ok" in answer:
        return str(answer["ok"])
    why = answer.get("error", "Unknown reason")
    raise Refused(f"{refusal}: '{why}'" if quoted else f"{refusal}: {why}")


def signal_name(signal: str) -> str:
    """Return a signal's full name, which workers want, for `SIGTERM`, `term` or `15`."""
    members = signals.Signals.__members__
    name = f"SIG{signal.upper().removeprefix('SIG')}"
    numbers = {str(member.value): member.name for member in signals.Signals}
    if name not in members and signal not in numbers:
        raise BadRequest(f"Unknown signal '{signal}'")
    return numbers.get(signal, name)


class Control:
    """The same commands for callers on the loop.

    Each takes at most `timeout_s` (the inspect timeout) and two seconds; a reply is awaited for a
    second, or the inspect timeout if that is longer. Refused in the worker's
    words; Unavailable when the broker cannot be reached.
    """

    def __init__(self, capp: Celery, pool: Executor, timeout_s: float) -> None:
        self._broadcasts = Broadcasts(capp, max(REPLY_S, timeout_s))
        self._calls = Calls(pool, MOST_COMMANDS, timeout_s + MARGIN_S)

    def stop(self) -> None:
        """Close the connections."""
        self._calls.send_off(self._broadcasts.close)

    async def worker_shutdown(self, worker: str) -> str:
        """End a worker."""
        return await self._calls.run(worker_shutdown, self._broadcasts, worker)

    async def worker_pool_restart(self, worker: str) -> str:
        """Replace a pool's processes."""
        return await self._calls.run(worker_pool_restart, self._broadcasts, worker)

    async def worker_pool_grow(self, worker: str, n: int = 1) -> str:
        """Add processes to a pool."""
        return await self._calls.run(worker_pool_grow, self._broadcasts, worker, n)

    async def worker_pool_shrink(self, worker: str, n: int = 1) -> str:
        """Take processes out of a pool."""
        return await self._calls.run(worker_pool_shrink, self._broadcasts, worker, n)

    async def worker_pool_autoscale(self, worker: str, least: int, most: int) -> str:
        """Set the bounds of a worker's autoscaler."""
        return await self._calls.run(worker_pool_autoscale, self._broadcasts, worker, least, most)

    async def worker_queue_add_consumer(self, worker: str, queue: str) -> str:
        """Let a worker consume from a queue."""
        return await self._calls.run(worker_queue_add_consumer, self._broadcasts, worker, queue)

    async def worker_queue_cancel_consumer(self, worker: str, queue: str) -> str:
        """Let a worker leave a queue."""
        return await self._calls.run(worker_queue_cancel_consumer, self._broadcasts, worker, queue)

    async def task_revoke(
        self,
        task_id: str,
        terminate: bool = False,  # noqa: FBT001, FBT002 - Celery's signature
        signal: str = "SIGTERM",
    ) -> str:
        """Tell all workers to skip a task, or to end it."""
        return await self._calls.run(task_revoke, self._broadcasts, task_id, terminate, signal)

    async def task_time_limit(
        self, name: str, worker: str, soft_s: float | None, hard_s: float | None
    ) -> str:
        """Set a task's time limits at one worker."""
        return await self._calls.run(
            task_time_limit, self._broadcasts, name, worker, soft_s, hard_s
        )

    async def task_rate_limit(self, name: str, worker: str, rate_limit: str) -> str:
        """Set a task's rate limit at one worker."""
        return await self._calls.run(task_rate_limit, self._broadcasts, name, worker, rate_limit)
