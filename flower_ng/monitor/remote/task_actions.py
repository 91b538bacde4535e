"""The actions on tasks and queues that are no command to one worker, each declared once. Pure."""

from typing import Final

from flower_ng.monitor.remote.action import Action, ActionArgument

TASK: Final = "task"
#: A hundred years: what a task can wait at most, or be good for.
LONGEST_S: Final = 3_153_600_000
COUNTDOWN: Final = ActionArgument(
    "countdown", float, "wait so many seconds", least=0, most=LONGEST_S, unit="seconds"
)
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
        COUNTDOWN,
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
        COUNTDOWN,
        ActionArgument("eta", str, "wait until then: ISO 8601, without a zone that of the pages"),
        ActionArgument(
            "expires",
            float,
            "do not run it any more after so long",
            least=0,
            most=LONGEST_S,
            unit="seconds",
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
#: So many messages are moved at most by one call.
MOST_MOVED: Final = 10_000
MOVE: Final = Action(
    "move",
    "queue/move",
    "Move",
    "Move messages that wait in a queue to another queue",
    "Up to {n} messages that wait in the queue, the next ones first, are put at the end of {to}."
    " None is lost on the way. Messages that workers hold already stay.",
    target="queue",
    arguments=(
        ActionArgument("to", str, "the other queue", is_required=True),
        ActionArgument("n", int, "how many", default=100, least=1, most=MOST_MOVED),
    ),
    is_reviewed=True,
    administers=True,
)
REVOKE: Final = Action(
    "revoke",
    "task/revoke",
    "Revoke",
    "Revoke a task, or terminate it",
    "All workers are told to discard the task instead of running it; with terminate, to end it"
    " if it runs.",
    target=TASK,
    arguments=(
        ActionArgument("terminate", bool, "also end it if it runs", default=False),
        ActionArgument(
            "signal", str, "what ends its process, in a prefork pool", default="SIGTERM"
        ),
    ),
)
REVOKE_STAMPED: Final = Action(
    "revoke stamped",
    "tasks/revoke-stamped",
    "Revoke",
    "Revoke all tasks with a stamp",
    "All workers are told to discard each task that has one of these stamps instead of running it,"
    " also those that are sent later; with terminate, to end those that run now.",
    target="",
    arguments=(
        ActionArgument(
            "stamps", dict, "values by the name of the stamp, a JSON object", is_required=True
        ),
        ActionArgument("terminate", bool, "also end those that run", default=False),
        ActionArgument(
            "signal", str, "what ends their processes, in prefork pools", default="SIGTERM"
        ),
    ),
    is_reviewed=True,
)
ABORT: Final = Action(
    "abort",
    "task/abort",
    "Abort",
    "Abort a running abortable task",
    "The result backend is told that the task is aborted. Only an AbortableTask that looks for that"
    " while it runs stops by itself.",
    target=TASK,
)
FORGET: Final = Action(
    "forget",
    "task/forget",
    "Forget",
    "Forget a task",
    "What is stored of the task is deleted; if it runs, it goes on. This can't be undone; it"
    " reappears only if a worker sends another event about it.",
    target=TASK,
    is_reviewed=True,
    administers=True,
)
FORGET_MATCHING: Final = Action(
    "forget",
    "tasks/forget",
    "Forget",
    "Forget all tasks that match",
    "What is stored of all tasks that match is deleted, at once. This can't be undone; a task"
    " reappears only if a worker sends another event about it.",
    target="",
    arguments=(
        ActionArgument("search", str, "which tasks; without it, and filters beside it, all"),
        ActionArgument(
            "confirm",
            int,
            "how many match; without it, and without the digest of a review, they are only counted",
            least=0,
        ),
    ),
    is_reviewed=True,
    administers=True,
)
CLEAN: Final = Action(
    "clean",
    "queues/clean",
    "Delete",
    "Delete queues for control and events that nobody reads",
    "Queues that workers and dashboards that are gone left on the broker are deleted, with their"
    " messages. One that has a consumer again by then is kept. This can't be undone.",
    target="",
    is_reviewed=True,
    administers=True,
)
MESSAGE: Final = (
    ActionArgument("args", list, "positional arguments, a JSON array"),
    ActionArgument("kwargs", dict, "keyword arguments, a JSON object"),
)
APPLY: Final = Action(
    "apply",
    "task/apply",
    "Run",
    "Run a task and wait for its result",
    "A new task of this type is sent, with the options of Celery's apply_async that the body has,"
    " and its result is waited for.",
    target="task type",
    arguments=(
        *MESSAGE,
        ActionArgument("timeout", float, "wait no longer than so long", least=0, unit="seconds"),
    ),
)
ASYNC_APPLY: Final = Action(
    "async-apply",
    "task/async-apply",
    "Run",
    "Run a task without waiting for it",
    "A new task of this type is sent, with the options of Celery's apply_async that the body has.",
    target="task type",
    arguments=(*MESSAGE, ActionArgument("rerun_of", str, "the id of the task that it repeats")),
)
SEND_TASK: Final = Action(
    "send-task",
    "task/send-task",
    "Run",
    "Run a task that this app need not know",
    "A new task of this type is sent by its name alone, with the options of Celery's send_task that"
    " the body has.",
    target="task type",
    arguments=(*MESSAGE, ActionArgument("rerun_of", str, "the id of the task that it repeats")),
)
TASK_ACTIONS: Final = (
    REVOKE,
    REVOKE_STAMPED,
    ABORT,
    RERUN,
    SEND,
    APPLY,
    ASYNC_APPLY,
    SEND_TASK,
    FORGET,
    FORGET_MATCHING,
    PURGE,
    DELETE_MESSAGE,
    MOVE,
    CLEAN,
)
