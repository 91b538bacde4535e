"""The actions that pause queues and drain workers, each declared once. Pure."""

from typing import Final

from flower_ng.monitor.remote.action import Action, ActionArgument

QUEUE: Final = "queue"
#: A pause or a drain may be told to last so long.
LONGEST_S: Final = 90 * 86_400

PAUSE: Final = Action(
    "pause",
    "queue/pause",
    "Pause",
    "Pause a queue: no worker consumes from it",
    "All workers that consume from the queue are told to stop that, and so is each worker that"
    " begins to: a worker that starts may take some messages before it is told. Messages that"
    " workers hold already are run; new ones wait in the queue until it is resumed.",
    target=QUEUE,
    arguments=(
        ActionArgument(
            "for", float, "resume by itself after so long", least=1, most=LONGEST_S, unit="seconds"
        ),
    ),
    is_reviewed=True,
)
RESUME: Final = Action(
    "resume",
    "queue/resume",
    "Resume",
    "Resume a paused queue",
    "The workers that consumed from the queue when it was paused consume from it again.",
    target=QUEUE,
)
DRAIN: Final = Action(
    "drain",
    "worker/drain",
    "Drain",
    "Have a worker finish what it holds and take nothing new",
    "The worker stops consuming from all its queues and runs what it holds already. Then it waits,"
    " or shuts down if that is wanted. It can be undone until it has shut down.",
    arguments=(
        ActionArgument("shutdown", bool, "shut it down when it is empty", default=False),
        ActionArgument(
            "eta",
            bool,
            "wait for its tasks with an ETA too, which else go back to their queues when it shuts"
            " down",
            default=False,
        ),
        ActionArgument(
            "for",
            float,
            "say that it has timed out, and do not shut it down, if it is not empty by then",
            least=1,
            most=LONGEST_S,
            unit="seconds",
        ),
    ),
    is_reviewed=True,
    administers=True,
)
UNDRAIN: Final = Action(
    "undrain",
    "worker/undrain",
    "Undo Drain",
    "Give a drained worker its queues back",
    "The worker consumes again from the queues that the drain took from it.",
    administers=True,
)
HOLD_ACTIONS: Final = (PAUSE, RESUME, DRAIN, UNDRAIN)
