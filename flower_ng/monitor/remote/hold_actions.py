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
#: What there is a number of that may be away at once.
UNITS: Final = ("worker", "host", "queue")
ROLL: Final = Action(
    "roll",
    "workers/drain",
    "Drain in turn",
    "Drain several workers in turn, so that only a few are away at once",
    "The workers are drained one after the other: each stops consuming, runs what it holds, and"
    " shuts down or waits until its drain is undone. The next one follows when there is room.",
    target="",
    arguments=(
        ActionArgument("worker", list, "workers, one by one: may be repeated"),
        ActionArgument("all", bool, "all workers that are online", default=False),
        ActionArgument("host", str, "of those only the workers on this host"),
        ActionArgument("queue", str, "of those only the workers that consume from this queue"),
        ActionArgument("away", int, "how many may be away at once", default=1, least=1, most=1000),
        ActionArgument(
            "by",
            str,
            "what `away` counts: `worker`, `host` with all its workers, or the workers of each"
            " `queue`",
            default="worker",
        ),
        ActionArgument("shutdown", bool, "shut each down when it is empty", default=False),
        ActionArgument(
            "back",
            bool,
            "one that was shut down is away until it is back under its name, not only until it has"
            " gone",
            default=True,
        ),
        *(one for one in DRAIN.arguments if one.name in ("eta", "for")),
    ),
    is_reviewed=True,
    administers=True,
)
STOP_ROLL: Final = Action(
    "stop roll",
    "workers/stop-drain",
    "Stop",
    "Stop a rolling drain: no further worker is drained",
    "No further worker is drained. Those that are away go on as single drains.",
    target="",
    administers=True,
)
UNDO_ROLL: Final = Action(
    "undo roll",
    "workers/undrain",
    "Stop and undo",
    "Stop a rolling drain, and give back what it took",
    "No further worker is drained, and those that are away and have not been shut down get their"
    " queues back.",
    target="",
    administers=True,
)
HOLD_ACTIONS: Final = (PAUSE, RESUME, DRAIN, UNDRAIN, ROLL, STOP_ROLL, UNDO_ROLL)
