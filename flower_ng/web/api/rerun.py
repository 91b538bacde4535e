"""Running a task again: read what was given, review it, send it. On the loop."""

from typing import Any
from uuid import uuid4

from flower_ng.monitor.remote.task_actions import RERUN
from flower_ng.web.api.json_write import JsonWrite
from flower_ng.web.api.write import Plan
from flower_ng.web.lookups.rerun import GivenArguments, rerun_of, send_again


class TaskRerun(JsonWrite):
    """Send a task of the same type with the same arguments, and note which one it repeats."""

    action = RERUN

    async def plan(self, task_id: str) -> Plan:
        """Take what replaces the known from the JSON body, or from the fields of a form."""
        again = await rerun_of(self.cluster, task_id, GivenArguments(**self.given()))

        async def send() -> dict[str, Any]:
            uuid = str(uuid4())
            await send_again(self.cluster, again, task_id, uuid)
            answer = {"task-id": uuid, "rerun_of": task_id}
            return answer | {"message": f"Sent again as {uuid}"} if self.is_form else answer

        return Plan(lambda: again.review, send)
