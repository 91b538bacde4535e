"""Commands to workers and about tasks: parse, one call of Control, answer. On the loop."""

import re
from typing import Any

from flower_ng.errors import BadRequest, NotFound
from flower_ng.web.base import Endpoint
from flower_ng.web.services import is_known

#: No pool is grown by more in one call: a slip of the finger must not start a million processes.
MOST_PROCESSES = 1000
#: What a worker would take wrongly, or refuse without words: a minus, a unit other than s, m, h.
BAD_RATE = re.compile(r"\s*-|.*/(?![smh]$)")


class Command(Endpoint):
    """A POST that changes the cluster and answers `{"message": …}`; pages have a twin of it."""

    methods = ("POST",)
    writes = True
    action = True

    def require_worker(self, name: str) -> None:
        """Answer 404 unless the worker is known from its events or from an inspection."""
        if not is_known(self.cluster, name):
            raise NotFound(f"Unknown worker '{name}'")

    def count(self, name: str, *, least: int = 1, **options: Any) -> int:
        """Return the argument as a number of processes, from `least` to MOST_PROCESSES."""
        number: int = self.get_argument(name, type=int, **options)
        if not least <= number <= MOST_PROCESSES:
            raise BadRequest(f"{name} must be from {least} to {MOST_PROCESSES}, not {number}")
        return number

    def seconds(self, name: str) -> float | None:
        """Return the argument as a time limit in seconds; None when it is absent."""
        seconds: float | None = self.get_argument(name, default=None, type=float)
        if seconds is not None and seconds < 0:
            raise BadRequest(f"{name} must be a number of seconds from 0 on, not {seconds:g}")
        return seconds


class WorkerCommand(Command):
    """A command to the one worker that the path names."""

    async def act(self, worker: str) -> dict[str, Any]:
        """Check that the worker is known, then let the command read its arguments and run."""
        self.require_worker(worker)
        return {"message": await self.command(worker)}

    async def command(self, worker: str) -> str:
        """Send the command; return the message of its success."""
        raise NotImplementedError


class WorkerShutDown(WorkerCommand):
    """End a worker; it finishes its running tasks first."""

    path = r"/api/worker/shutdown/(.+)"
    summary = "Shut a worker down"

    async def command(self, worker: str) -> str:
        """Take no arguments."""
        return await self.cluster.control.worker_shutdown(worker)


class WorkerPoolRestart(WorkerCommand):
    """Replace the processes of a pool; needs the Celery setting `worker_pool_restarts`."""

    path = r"/api/worker/pool/restart/(.+)"
    summary = "Restart a worker's pool"

    async def command(self, worker: str) -> str:
        """Take no arguments."""
        return await self.cluster.control.worker_pool_restart(worker)


class WorkerPoolGrow(WorkerCommand):
    """Add processes to a pool."""

    path = r"/api/worker/pool/grow/(.+)"
    summary = "Add processes to a worker's pool"

    async def command(self, worker: str) -> str:
        """Take `n`, one by default."""
        return await self.cluster.control.worker_pool_grow(worker, self.count("n", default=1))


class WorkerPoolShrink(WorkerCommand):
    """Take processes out of a pool."""

    path = r"/api/worker/pool/shrink/(.+)"
    summary = "Remove processes from a worker's pool"

    async def command(self, worker: str) -> str:
        """Take `n`, one by default."""
        return await self.cluster.control.worker_pool_shrink(worker, self.count("n", default=1))


class WorkerPoolAutoscale(WorkerCommand):
    """Set the bounds between which a worker scales its pool; it must have an autoscaler."""

    path = r"/api/worker/pool/autoscale/(.+)"
    summary = "Set the bounds of a worker's autoscaler"

    async def command(self, worker: str) -> str:
        """Take `min` and `max`, both required."""
        least = self.count("min", least=0, required=True)
        most = self.count("max", least=0, required=True)
        if least > most:
            raise BadRequest(f"min must not be above max, but {least} is above {most}")
        return await self.cluster.control.worker_pool_autoscale(worker, least, most)


class WorkerQueueAddConsumer(WorkerCommand):
    """Let a worker consume from one more queue."""

    path = r"/api/worker/queue/add-consumer/(.+)"
    summary = "Start consuming from a queue"

    async def command(self, worker: str) -> str:
        """Take `queue`, required; return the worker's own words."""
        queue = self.get_argument("queue", required=True)
        return await self.cluster.control.worker_queue_add_consumer(worker, queue)


class WorkerQueueCancelConsumer(WorkerCommand):
    """Let a worker leave a queue."""

    path = r"/api/worker/queue/cancel-consumer/(.+)"
    summary = "Stop consuming from a queue"

    async def command(self, worker: str) -> str:
        """Take `queue`, required; return the worker's own words."""
        queue = self.get_argument("queue", required=True)
        return await self.cluster.control.worker_queue_cancel_consumer(worker, queue)


class TaskRevoke(Command):
    """Tell every worker to discard a task, or to end it; nobody answers such a call."""

    path = r"/api/task/revoke/(.+)"
    summary = "Revoke a task, or terminate it"

    async def act(self, task_id: str) -> dict[str, Any]:
        """Take `terminate` and, for that, the name of a `signal`."""
        terminate = self.get_argument("terminate", default=False, type=bool)
        signal = self.get_argument("signal", default="SIGTERM")
        message = await self.cluster.control.task_revoke(task_id, terminate, signal)
        return {"message": message}


class TaskSetting(Command):
    """A limit of one kind of task at one worker."""

    def require(self, task: str, worker: str) -> None:
        """Answer 404 unless the app has the task and the worker is known."""
        if not self.cluster.publisher.registered(task):
            raise NotFound(f"Unknown task '{task}'")
        self.require_worker(worker)


class TaskTimeout(TaskSetting):
    """Change the soft and hard time limits of a task at one worker."""

    path = r"/api/task/timeout/(.+)"
    summary = "Change a task's time limits at a worker"

    async def act(self, task: str) -> dict[str, Any]:
        """Take `workername`, required, and `soft` and `hard` in seconds."""
        worker = self.get_argument("workername", required=True)
        hard, soft = self.seconds("hard"), self.seconds("soft")
        self.require(task, worker)
        message = await self.cluster.control.task_time_limit(task, worker, soft, hard)
        return {"message": message}


class TaskRateLimit(TaskSetting):
    """Change how many tasks of a kind one worker starts in a time."""

    path = r"/api/task/rate-limit/(.+)"
    summary = "Change a task's rate limit at a worker"

    async def act(self, task: str) -> dict[str, Any]:
        """Take `workername` and `ratelimit` (`200`, `200/m`, `0` for none), both required."""
        worker = self.get_argument("workername", required=True)
        rate = self.get_argument("ratelimit", required=True)
        if BAD_RATE.match(rate):
            raise BadRequest(f"ratelimit '{rate}' is not a number, or a number per s, m or h")
        self.require(task, worker)
        return {"message": await self.cluster.control.task_rate_limit(task, worker, rate)}
