"""The actions on many tasks at once, and on the batches that do them, each declared once. Pure."""

from typing import Final

from flower_ng.monitor.remote.action import Action, ActionArgument

#: So many tasks are in a batch at most.
MOST_TASKS: Final = 100_000
#: So many are done a second at most: each is written down before it is sent.
MOST_RATE: Final = 100

IDS: Final = ActionArgument("ids", list, "tasks, one by one: may be repeated")
ALL: Final = ActionArgument(
    "all", bool, f"all tasks that match `search`, {MOST_TASKS:,} at most", default=False
)
SEARCH: Final = ActionArgument("search", str, "which tasks, with `all`; without it all there are")
RATE: Final = ActionArgument("rate", int, "how many a second", default=10, least=1, most=MOST_RATE)
MOST_FAILED: Final = ActionArgument(
    "most_failed",
    int,
    "pause when more percent of the newest 20 that ended have failed",
    default=50,
    least=0,
    most=100,
)
MOST_WAITING: Final = ActionArgument(
    "most_waiting",
    int,
    "pause when a queue that it sends to has more messages",
    default=1_000,
    least=0,
    most=10_000_000,
)
WHICH: Final = (IDS, ALL, SEARCH)
SIGNAL: Final = ActionArgument(
    "signal", str, "what ends their processes, in prefork pools", default="SIGTERM"
)
BATCH: Final = "batch"

RERUN_MANY: Final = Action(
    "rerun",
    "batches/rerun",
    "Run again",
    "Run many tasks again",
    "For each of these tasks a new one of the same type is sent, with a new id and the same"
    " arguments. ETA and expiry are dropped. The old tasks stay as they are.",
    target="",
    arguments=(*WHICH, RATE, MOST_FAILED, MOST_WAITING),
    is_reviewed=True,
)
REVOKE_MANY: Final = Action(
    "revoke",
    "batches/revoke",
    "Revoke",
    "Revoke many tasks",
    "For each of these tasks all workers are told to discard it instead of running it. One that"
    " has ended is refused.",
    target="",
    arguments=(*WHICH, RATE),
    is_reviewed=True,
)
TERMINATE_MANY: Final = Action(
    "terminate",
    "batches/terminate",
    "Terminate",
    "Terminate many tasks",
    "For each of these tasks all workers are told to discard it, and to end it if it runs: a"
    " process with {signal}, in pools of gevent and eventlet where it waits. One that has ended is"
    " refused.",
    target="",
    arguments=(*WHICH, SIGNAL, RATE),
    is_reviewed=True,
)
FORGET_MANY: Final = Action(
    "forget",
    "batches/forget",
    "Forget",
    "Forget many tasks",
    "What is stored of these tasks is deleted, at once. This can't be undone; a task reappears only"
    " if a worker sends another event about it.",
    target="",
    arguments=WHICH,
    is_reviewed=True,
    administers=True,
)
PAUSE_BATCH: Final = Action(
    "pause",
    "batches/pause",
    "Pause",
    "Pause a batch",
    "After the task that it is at, the batch does nothing until it is resumed.",
    target=BATCH,
)
RESUME_BATCH: Final = Action(
    "resume",
    "batches/resume",
    "Resume",
    "Go on with a paused batch",
    "The batch goes on with the tasks that nothing was done for yet. Tasks whose outcome is unknown"
    " are not done again.",
    target=BATCH,
)
STOP_BATCH: Final = Action(
    "stop",
    "batches/stop",
    "Stop",
    "End a batch for good",
    "The batch ends; nothing is done for the rest of its tasks, and it can't be resumed.",
    target=BATCH,
)
RATE_BATCH: Final = Action(
    "rate",
    "batches/rate",
    "Change",
    "Change how fast a batch goes",
    "The batch does {rate} tasks a second from now on.",
    target=BATCH,
    arguments=(RATE,),
)
MANY: Final = (RERUN_MANY, REVOKE_MANY, TERMINATE_MANY, FORGET_MANY)
BATCH_ACTIONS: Final = (*MANY, PAUSE_BATCH, RESUME_BATCH, STOP_BATCH, RATE_BATCH)
