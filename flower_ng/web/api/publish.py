"""Publishing tasks: read the message, review it or publish it in one call. On the loop."""

from typing import Any

from flower_ng.errors import NotFound
from flower_ng.monitor.remote.publish_options import common_options, linked_tasks
from flower_ng.monitor.remote.task_actions import APPLY, ASYNC_APPLY, SEND_TASK
from flower_ng.printable import one_line
from flower_ng.web.api.message import TaskMessage, check_name, parse_message
from flower_ng.web.api.write import Plan, ReviewedWrite
from flower_ng.web.lookups.send_task import TaskToSend, publish_review
from flower_ng.web.ui.review import Review


class Publish(ReviewedWrite):
    """A POST that publishes a task; the body is JSON whatever its content type says."""

    has_form = False
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

    def review_of(self, task: str, message: TaskMessage) -> Review:
        """Return what publishing would do; BadRequest for options that are refused."""
        is_by_name = self.action is SEND_TASK
        self.cluster.publisher.check_options(task, message.options, is_by_name=is_by_name)
        to_send = TaskToSend(task, message.args, message.kwargs, message.options)
        return publish_review(self.cluster, self.action, to_send, is_checked=not is_by_name)

    async def noted(self, answer: dict[str, Any], rerun_of: str | None) -> dict[str, Any]:
        """Return the answer, after a note of which task the new one repeats."""
        if rerun_of is not None:
            await self.cluster.store.rerun(answer["task-id"], rerun_of)
        return answer


class TaskApply(Publish):
    """Publish a task and answer with its result, however long that takes."""

    action = APPLY

    async def plan(self, task: str) -> Plan:
        """Take the body's `timeout` in seconds as the longest wait."""
        timeout_s, message = self.registered_message(task).split_timeout()
        publisher = self.cluster.publisher

        async def apply() -> dict[str, Any]:
            return await self.while_here(
                publisher.apply(task, message.args, message.kwargs, message.options, timeout_s)
            )

        return Plan(lambda: self.review_of(task, message), apply)


class TaskAsyncApply(Publish):
    """Publish a task that the app knows and answer with its id."""

    action = ASYNC_APPLY

    async def plan(self, task: str) -> Plan:
        """Publish through the task's own `apply_async`: its queue, its options."""
        rerun_of, message = self.registered_message(task).split_rerun()

        async def apply() -> dict[str, Any]:
            answer = await self.cluster.publisher.apply_async(
                task, message.args, message.kwargs, message.options
            )
            return await self.noted(answer, rerun_of)

        return Plan(lambda: self.review_of(task, message), apply)


class TaskSend(Publish):
    """Publish a task by its name alone."""

    action = SEND_TASK

    async def plan(self, task: str) -> Plan:
        """Publish through the app's `send_task`."""
        rerun_of, message = self.message().split_rerun()
        check_name(task)

        async def send() -> dict[str, Any]:
            answer = await self.cluster.publisher.send_task(
                task, message.args, message.kwargs, message.options
            )
            return await self.noted(answer, rerun_of)

        return Plan(lambda: self.review_of(task, message), send)
