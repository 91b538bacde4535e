"""The actions on tasks that are no command to one worker, each declared once. Pure."""

from typing import Final

from flower_ng.monitor.remote.action import Action, ActionArgument

TASK: Final = "task"
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
