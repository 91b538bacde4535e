"""The public door to the handlers of commands: to workers, and about tasks. On the loop."""

from flower_ng.web.api.control import (
    TaskRateLimit,
    TaskRevoke,
    TaskTimeout,
    WorkerPoolAutoscale,
    WorkerPoolGrow,
    WorkerPoolRestart,
    WorkerPoolShrink,
    WorkerQueueAddConsumer,
    WorkerQueueCancelConsumer,
    WorkerShutDown,
)

__all__ = [
    "TaskRateLimit",
    "TaskRevoke",
    "TaskTimeout",
    "WorkerPoolAutoscale",
    "WorkerPoolGrow",
    "WorkerPoolRestart",
    "WorkerPoolShrink",
    "WorkerQueueAddConsumer",
    "WorkerQueueCancelConsumer",
    "WorkerShutDown",
]
