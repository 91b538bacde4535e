"""Publishing tasks: read the message, one call of Publisher, answer. On the loop."""

from typing import Any

from flower_ng.errors import NotFound
from flower_ng.monitor.remote.publish_options import common_options, linked_tasks
from flower_ng.printable import one_line
from flower_ng.web.api.message import TaskMessage, check_name, parse_message
from flower_ng.web.http.base import Endpoint, Need


class Publish(Endpoint):
    """A POST that publishes a task; the body is JSON whatever its content type says."""

    methods = ("POST",)
    parameter_names = frozenset({"args", "kwargs", "timeout", "rerun_of"}) | common_options()

    def message(self) -> TaskMessage:
        """Return the parsed body; BadRequest says what is wrong with it.

        The log names the tasks that its options let run beside the one of the path.
        """
        message = parse_message(self.request.body)
        if linked := linked_tasks(message.options):
            self.done_words = f"done, with {one_line(', '.join(linked))} linked to it"
        return message

    def registered_message(self, task: str) -> TaskMessage:
        """Return the parsed body of a call that needs the app to have the task, else 404."""
        message = self.message()
        if not self.cluster.publisher.registered(task):
            raise NotFound(f"Unknown task '{task}'")
        return message

    async def noted(self, answer: dict[str, Any], rerun_of: str | None) -> dict[str, Any]:
        """Return the answer, after a note of which task the new one repeats."""
        if rerun_of is not None:
            await self.cluster.store.rerun(answer["task-id"], rerun_of)
        return answer


class TaskApply(Publish):
    """Publish a task and answer with its result, however long that takes."""

    path = r"/api/task/apply/(.+)"
    need = Need.OPERATE
    summary = "Run a task and wait for its result"

    async def act(self, task: str) -> dict[str, Any]:
        """Take the body's `timeout` in seconds as the longest wait."""
        timeout_s, message = self.registered_message(task).split_timeout()
        publisher = self.cluster.publisher
        return await self.while_here(
            publisher.apply(task, message.args, message.kwargs, message.options, timeout_s)
        )


class TaskAsyncApply(Publish):
    """Publish a task that the app knows and answer with its id."""

    path = r"/api/task/async-apply/(.+)"
    need = Need.OPERATE
    summary = "Run a task without waiting for it"

    async def act(self, task: str) -> dict[str, Any]:
        """Publish through the task's own `apply_async`: its queue, its options."""
        rerun_of, message = self.registered_message(task).split_rerun()
        answer = await self.cluster.publisher.apply_async(
            task, message.args, message.kwargs, message.options
        )
        return await self.noted(answer, rerun_of)


class TaskSend(Publish):
    """Publish a task by its name alone."""

    path = r"/api/task/send-task/(.+)"
    need = Need.OPERATE
    summary = "Run a task that this app need not know"

    async def act(self, task: str) -> dict[str, Any]:
        """Publish through the app's `send_task`."""
        rerun_of, message = self.message().split_rerun()
        check_name(task)
        answer = await self.cluster.publisher.send_task(
            task, message.args, message.kwargs, message.options
        )
        return await self.noted(answer, rerun_of)
