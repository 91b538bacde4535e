"""Sending a task from a page: read it, review it, send it. On the loop."""

from typing import Any
from urllib.parse import quote
from uuid import uuid4

from flower_ng.errors import Conflict
from flower_ng.monitor.remote.task_actions import SEND
from flower_ng.web.api.json_write import JsonWrite
from flower_ng.web.api.message import check_name
from flower_ng.web.api.write import Plan
from flower_ng.web.lookups.send_task import send_review, task_to_send


class TaskSendReviewed(JsonWrite):
    """Send a task of any type that workers have, after its arguments were checked."""

    action = SEND

    async def plan(self, name: str) -> Plan:
        """Take arguments and options; 400 where the app has the task and it can't take them."""
        check_name(name)
        task = task_to_send(self.cluster, name, self.given())
        host = f"{self.request.protocol}://{self.request.host}"
        api_url = host + self.services.url(f"/api/{SEND.route}/{quote(name, safe='')}")
        review = send_review(self.cluster, task, api_url)

        async def send() -> dict[str, Any]:
            if review.refusals:
                raise Conflict(f"Not sent: {' '.join(review.refusals)}")
            uuid, publisher = str(uuid4()), self.cluster.publisher
            publish = publisher.apply_async if publisher.registered(name) else publisher.send_task
            await publish(task.name, task.args, task.kwargs, {**task.options, "task_id": uuid})
            return {"message": f"Sent as {uuid}", "task-id": uuid}

        return Plan(lambda: review, send)
