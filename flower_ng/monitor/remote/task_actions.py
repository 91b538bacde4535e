"""The actions on tasks and queues that are no command to one worker, each declared once. Pure."""

from typing import Final

from flower_ng.monitor.remote.action import Action, ActionArgument

TASK: Final = "task"
RERUN: Final = Action(
    "rerun",
    "task/rerun",
    "Run again",
    "Run a task again",
    "A new task of the same type is sent, with a new id. ETA and expiry are dropped: it runs as"
    " soon as a worker is free. The old task stays as it is.",
    target=TASK,
    arguments=(
        ActionArgument("args", list, "positional arguments as JSON, in place of what is known"),
        ActionArgument("kwargs", dict, "keyword arguments as JSON, in place of what is known"),
        ActionArgument("queue", str, "another queue"),
        ActionArgument("countdown", float, "wait so many seconds", least=0, unit="seconds"),
    ),
    is_reviewed=True,
)
SEND: Final = Action(
    "send",
    "task/send",
    "Send",
    "Send a task",
    "A new task of this type is sent, as if the app itself had sent it.",
    target="task type",
    arguments=(
        ActionArgument("args", list, "positional arguments, a JSON array"),
        ActionArgument("kwargs", dict, "keyword arguments, a JSON object"),
        ActionArgument("queue", str, "in place of the one that the app's routes choose"),
        ActionArgument("countdown", float, "wait so many seconds", least=0, unit="seconds"),
        ActionArgument("eta", str, "wait until then: ISO 8601, without a zone that of the pages"),
        ActionArgument(
            "expires", float, "do not run it any more after so long", least=0, unit="seconds"
        ),
        ActionArgument(
            "priority",
            int,
            "RabbitMQ delivers the greatest first, Redis the least",
            least=0,
            most=255,
        ),
    ),
    is_reviewed=True,
)
PURGE: Final = Action(
    "purge",
    "queue/purge",
    "Purge",
    "Remove all messages that wait in a queue",
    "All messages that wait in the queue are removed: their tasks never run, and no event tells of"
    " it. Messages that workers hold already stay. This can't be undone.",
    target="queue",
    arguments=(
        ActionArgument("confirm", str, "the name of the queue once more", is_required=True),
    ),
    is_reviewed=True,
    administers=True,
)
DELETE_MESSAGE: Final = Action(
    "delete message",
    "queue/delete-message",
    "Delete",
    "Remove one message that waits in a queue",
    "The message of task {id} is removed from the queue: the task never runs, and no event tells of"
    " it. This can't be undone.",
    target="queue",
    arguments=(ActionArgument("id", str, "the id of its task", is_required=True),),
    is_reviewed=True,
    administers=True,
)
REVOKE: Final = Action(
    "revoke",
    "task/revoke",
    "Revoke",
    "Revoke a task, or terminate it",
    "All workers are told to discard the task instead of running it; with terminate, to end the"
    " process that runs it.",
    target=TASK,
    arguments=(
        ActionArgument("terminate", bool, "also end it if it runs", default=False),
        ActionArgument("signal", str, "what ends its process", default="SIGTERM"),
    ),
)
