"""Publishing tasks: read the message, one call of Publisher, answer. On the loop."""

from typing import Any

from flower_ng.errors import NotFound
from flower_ng.web.api.message import Message, check_name, parse_message
from flower_ng.web.base import Endpoint


class Publish(Endpoint):
    """A POST that publishes a task; the body is JSON whatever its content type says."""

    methods = ("POST",)
    writes = True

    def message(self) -> Message:
        """Return the parsed body; BadRequest says what is wrong with it."""
        return parse_message(self.request.body)

    def registered_message(self, task: str) -> Message:
        """Return the parsed body of a call that needs the app to have the task, else 404."""
        message = self.message()
        if not self.cluster.publisher.registered(task):
            raise NotFound(f"Unknown task '{task}'")
        return message


class TaskApply(Publish):
    """Publish a task and answer with its result, however long that takes."""

    path = r"/api/task/apply/(.+)"
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
    summary = "Run a task without waiting for it"

    async def act(self, task: str) -> dict[str, Any]:
        """Publish through the task's own `apply_async`: its queue, its options."""
        message = self.registered_message(task)
        return await self.cluster.publisher.apply_async(
            task, message.args, message.kwargs, message.options
        )


class TaskSend(Publish):
    """Publish a task by its name alone."""

    path = r"/api/task/send-task/(.+)"
    summary = "Run a task that this app need not know"

    async def act(self, task: str) -> dict[str, Any]:
        """Publish through the app's `send_task`."""
        message = self.message()
        check_name(task)
        return await self.cluster.publisher.send_task(
            task, message.args, message.kwargs, message.options
        )
