"""Commands to workers and about tasks: parse, one call of Control, answer. On the loop."""

import re
from typing import Any

from flower_ng.errors import BadRequest, NotFound
from flower_ng.life.runs import is_running
from flower_ng.monitor.remote import commands
from flower_ng.monitor.remote.commands import CommandCall, RemoteCommand
from flower_ng.monitor.remote.pools import Ability, inability
from flower_ng.monitor.remote.worker_answer import NO_ANSWER
from flower_ng.web.http.base import Endpoint
from flower_ng.web.http.services import is_known

#: What a worker would take wrongly, or refuse without words: a minus, a unit other than s, m, h.
BAD_RATE = re.compile(r"\s*-|.*/(?![smh]$)")


class Write(Endpoint):
    """A POST that changes the cluster and answers `{"message": …}`; pages have a twin of it."""

    methods = ("POST",)
    writes = True
    action = True

    def require_worker(self, name: str) -> None:
        """Answer 404 unless the worker is known from its events or from an inspection."""
        if not is_known(self.cluster, name):
            raise NotFound(f"Unknown worker '{name}'")

    async def steer(self, worker: str, order: CommandCall) -> dict[str, Any]:
        """Send a command to a worker, and answer with the sentence of its success."""
        return {"message": await self.cluster.control.command(worker, order)}


def path_of(command: RemoteCommand) -> str:
    """Return the pattern of a command's route."""
    return rf"/api/{command.route}/(.+)"


class WorkerCommand(Write):
    """A command to the one worker that the path names."""

    async def act(self, worker: str) -> dict[str, Any]:
        """Check that the worker is known, then let the command read its arguments, and send it."""
        self.require_worker(worker)
        return await self.steer(worker, self.order())

    def order(self) -> CommandCall:
        """Return the command with the arguments of the request."""
        raise NotImplementedError


class WorkerShutDown(WorkerCommand):
    """End a worker; it finishes its running tasks first."""

    path = path_of(commands.SHUTDOWN)
    summary = commands.SHUTDOWN.summary

    def order(self) -> CommandCall:
        """Take no arguments."""
        return commands.shutdown()


class WorkerPoolRestart(WorkerCommand):
    """Replace the processes of a pool; needs the Celery setting `worker_pool_restarts`."""

    path = path_of(commands.POOL_RESTART)
    summary = commands.POOL_RESTART.summary

    def order(self) -> CommandCall:
        """Take no arguments."""
        return commands.pool_restart()


class WorkerPoolGrow(WorkerCommand):
    """Add processes to a pool."""

    path = path_of(commands.POOL_GROW)
    summary = commands.POOL_GROW.summary

    def order(self) -> CommandCall:
        """Take `n`, one by default."""
        return commands.pool_grow(self.get_argument("n", default=1, type=int))


class WorkerPoolShrink(WorkerCommand):
    """Take processes out of a pool."""

    path = path_of(commands.POOL_SHRINK)
    summary = commands.POOL_SHRINK.summary

    def order(self) -> CommandCall:
        """Take `n`, one by default."""
        return commands.pool_shrink(self.get_argument("n", default=1, type=int))


class WorkerPoolAutoscale(WorkerCommand):
    """Set the bounds between which a worker scales its pool; it must have an autoscaler."""

    path = path_of(commands.AUTOSCALE)
    summary = commands.AUTOSCALE.summary

    def order(self) -> CommandCall:
        """Take `min` and `max`, both required."""
        least = self.get_argument("min", type=int, required=True)
        return commands.autoscale(least, self.get_argument("max", type=int, required=True))


class WorkerQueueAddConsumer(WorkerCommand):
    """Let a worker consume from one more queue."""

    path = path_of(commands.ADD_CONSUMER)
    summary = commands.ADD_CONSUMER.summary

    def order(self) -> CommandCall:
        """Take `queue`, required; the answer is the worker's own words."""
        return commands.add_consumer(self.get_argument("queue", required=True))


class WorkerQueueCancelConsumer(WorkerCommand):
    """Let a worker leave a queue."""

    path = path_of(commands.CANCEL_CONSUMER)
    summary = commands.CANCEL_CONSUMER.summary

    def order(self) -> CommandCall:
        """Take `queue`, required; the answer is the worker's own words."""
        return commands.cancel_consumer(self.get_argument("queue", required=True))


class TaskRevoke(Write):
    """Tell every worker to discard a task, or to end it; nobody answers such a call."""

    path = r"/api/task/revoke/(.+)"
    summary = "Revoke a task, or terminate it"

    async def act(self, task_id: str) -> dict[str, Any]:
        """Take `terminate` and, for that, the name of a `signal`."""
        terminate = self.get_argument("terminate", default=False, type=bool)
        signal = self.get_argument("signal", default="SIGTERM")
        message = await self.cluster.control.task_revoke(task_id, terminate, signal)
        why = self._inability(task_id) if terminate else ""
        return {"message": f"{message}, but {why}" if why else message}

    def _inability(self, task_id: str) -> str:
        """Why the pool that runs the task can't terminate it, as far as both are known."""
        task = self.cluster.state.tasks.get(task_id)
        if task is None or task.worker is None or not is_running(task.state):
            return ""
        told = self.cluster.inspector.told.get(task.worker.hostname, NO_ANSWER)
        return inability(told.pool, Ability.TERMINATE)


class TaskSetting(Write):
    """A limit of one kind of task at one worker."""

    def require(self, task: str, worker: str) -> None:
        """Answer 404 unless the app has the task and the worker is known."""
        if not self.cluster.publisher.registered(task):
            raise NotFound(f"Unknown task '{task}'")
        self.require_worker(worker)


class TaskTimeout(TaskSetting):
    """Change the soft and hard time limits of a task at one worker."""

    path = path_of(commands.TIME_LIMIT)
    summary = commands.TIME_LIMIT.summary

    async def act(self, task: str) -> dict[str, Any]:
        """Take `workername`, required, and `soft` and `hard` in seconds.

        Celery sets both at once: the one that is left out is removed, and the answer says so.
        """
        worker = self.get_argument("workername", required=True)
        soft = self.get_argument("soft", default=None, type=float)
        order = commands.time_limit(task, soft, self.get_argument("hard", default=None, type=float))
        self.require(task, worker)
        return await self.steer(worker, order)


class TaskRateLimit(TaskSetting):
    """Change how many tasks of a kind one worker starts in a time."""

    path = path_of(commands.RATE_LIMIT)
    summary = commands.RATE_LIMIT.summary

    async def act(self, task: str) -> dict[str, Any]:
        """Take `workername` and `ratelimit` (`200`, `200/m`, `0` for none), both required."""
        worker = self.get_argument("workername", required=True)
        rate = self.get_argument("ratelimit", required=True)
        if BAD_RATE.match(rate):
            raise BadRequest(f"ratelimit '{rate}' is not a number, or a number per s, m or h")
        self.require(task, worker)
        return await self.steer(worker, commands.rate_limit(task, rate))
