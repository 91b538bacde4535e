"""The public door to the handlers that read and publish tasks. On the loop."""

from flower_ng.web.api.control import TaskAbort
from flower_ng.web.api.publish import TaskApply, TaskAsyncApply, TaskSend
from flower_ng.web.api.queues import GetQueueLengths
from flower_ng.web.api.tasks import ListTasks, ListTaskTypes, TaskInfo, TaskResult

__all__ = [
    "GetQueueLengths",
    "ListTaskTypes",
    "ListTasks",
    "TaskAbort",
    "TaskApply",
    "TaskAsyncApply",
    "TaskInfo",
    "TaskResult",
    "TaskSend",
]
