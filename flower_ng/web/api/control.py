"""Commands to workers and about tasks: parse, one call of Control, answer. On the loop."""

from typing import Any, ClassVar

from flower_ng.errors import NotFound, Refused
from flower_ng.monitor.remote import command_list as listed
from flower_ng.monitor.remote.commands import CALLS, CommandCall
from flower_ng.monitor.remote.task_actions import ABORT, REVOKE
from flower_ng.monitor.remote.worker_answer import NO_ANSWER
from flower_ng.web.api.write import Plan, ReviewedWrite
from flower_ng.web.lookups.command_review import command_review, emptying
from flower_ng.web.lookups.task_review import (
    abort_review,
    acknowledged,
    inability_to_terminate,
    revoke_review,
)


class Command(ReviewedWrite):
    """A command to one worker."""

    action: ClassVar[listed.RemoteCommand]

    def plan_of(self, worker: str, call: CommandCall) -> Plan:
        """Plan the call; it answers with the sentence of its success."""

        async def send() -> dict[str, Any]:
            if why := emptying(call, self.cluster.inspector.told.get(worker, NO_ANSWER)):
                raise Refused(f"Nothing was sent. {why}")
            return {"message": await self.cluster.control.command(worker, call)}

        return Plan(lambda: command_review(self.cluster, worker, call), send)


class WorkerCommand(Command):
    """A command to the one worker that the path names."""

    async def plan(self, worker: str) -> Plan:
        """Check that the worker is known, then read and check the arguments."""
        self.require_worker(worker)
        return self.plan_of(worker, CALLS[self.action.name](*self.argument_values()))


class WorkerShutDown(WorkerCommand):
    """End a worker; it finishes its running tasks first."""

    action = listed.SHUTDOWN


class WorkerPoolRestart(WorkerCommand):
    """Replace the processes of a pool; needs the Celery setting `worker_pool_restarts`."""

    action = listed.POOL_RESTART


class WorkerPoolGrow(WorkerCommand):
    """Add processes to a pool."""

    action = listed.POOL_GROW


class WorkerPoolShrink(WorkerCommand):
    """Take processes out of a pool."""

    action = listed.POOL_SHRINK


class WorkerPoolAutoscale(WorkerCommand):
    """Set the bounds between which a worker scales its pool; it must have an autoscaler."""

    action = listed.AUTOSCALE


class WorkerQueueAddConsumer(WorkerCommand):
    """Let a worker consume from one more queue; the answer is the worker's own words."""

    action = listed.ADD_CONSUMER


class WorkerQueueCancelConsumer(WorkerCommand):
    """Let a worker leave a queue; the answer is the worker's own words."""

    action = listed.CANCEL_CONSUMER


class TaskSetting(Command):
    """A limit of one kind of task at one worker, which `workername` names."""

    async def plan(self, task: str) -> Plan:
        """Read and check the arguments; 404 unless the app has the task and the worker is known."""
        worker, *limits = self.argument_values()
        call = CALLS[self.action.name](task, *limits)
        if not self.cluster.publisher.registered(task):
            raise NotFound(f"Unknown task '{task}'")
        self.require_worker(worker)
        return self.plan_of(worker, call)


class TaskTimeout(TaskSetting):
    """Change the soft and hard time limits of a task at one worker.

    Celery sets both at once: the one that is left out is removed, and the answer says so.
    """

    action = listed.TIME_LIMIT


class TaskRateLimit(TaskSetting):
    """Change how many tasks of a kind one worker starts in a time (`200`, `200/m`, `0`)."""

    action = listed.RATE_LIMIT


class TaskRevoke(ReviewedWrite):
    """Tell every worker to discard a task, or to end it, and say who has acknowledged it."""

    action = REVOKE

    async def plan(self, task_id: str) -> Plan:
        """Take `terminate` and, for that, the name of a `signal`."""
        terminate, signal = self.argument_values()
        why = inability_to_terminate(self.cluster, task_id) if terminate else ""

        async def revoke() -> dict[str, Any]:
            message = await self.cluster.control.task_revoke(task_id, terminate, signal)
            told = await acknowledged(self.cluster, task_id, self.identity.name)
            more = [one for one in (why, told.trouble) if one]
            return {"message": ", but ".join((message, *more)), **told.record()}

        return Plan(lambda: revoke_review(self.cluster, task_id, signal * terminate, why), revoke)


class TaskAbort(ReviewedWrite):
    """Ask a running AbortableTask to stop: it looks at its state in the result backend."""

    action = ABORT

    async def plan(self, task_id: str) -> Plan:
        """Write the state ABORTED; whether the task looks at it is its own affair."""
        publisher = self.cluster.publisher
        refusal = await publisher.backend_refusal() if self.is_dry_run else ""

        async def abort() -> dict[str, Any]:
            await publisher.abort(task_id)
            return {"message": f"Aborted '{task_id}'"}

        return Plan(lambda: abort_review(self.cluster, task_id, refusal), abort)
