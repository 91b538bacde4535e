"""The remote control commands, each declared once: name, arguments, bounds, effect. Pure.

A RemoteCommand is an Action that one worker carries out.
"""

import re
from dataclasses import dataclass
from typing import Final

from flower_ng.monitor.remote.action import Action, ActionArgument
from flower_ng.monitor.remote.pools import Ability

#: A worker reads a task's limits when it begins to consume (`celery.worker.request`,
#: `create_request_cls`), and again when its pool is restarted: until then nothing changes.
APPLIED: Final = "The worker applies them once its pool is restarted"
#: No pool is grown by more in one call: a slip of the finger must not start a million processes.
MAX_PROCESSES: Final = 1000
#: What a worker would take wrongly, or refuse without words: a minus, a unit other than s, m, h.
BAD_RATE: Final = re.compile(r"\s*-|.*/(?![smh]$)")


@dataclass(frozen=True, slots=True)
class RemoteCommand(Action):
    """One of Celery's control commands; `name` is Celery's."""

    #: Whether Celery's worker answers it.
    is_answered: bool = True
    #: Whether it changes what a worker tells of itself: slots, queues, limits.
    changes_worker: bool = True


N: Final = ActionArgument("n", int, "how many", 1, least=1, most=MAX_PROCESSES, unit="processes")
MIN: Final = ActionArgument(
    "min", int, "the fewest processes", is_required=True, least=0, most=MAX_PROCESSES
)
MAX: Final = ActionArgument(
    "max", int, "the most processes", is_required=True, least=0, most=MAX_PROCESSES
)
QUEUE: Final = ActionArgument("queue", str, "the name of the queue", is_required=True)
WORKERNAME: Final = ActionArgument("workername", str, "the worker", is_required=True)
SOFT: Final = ActionArgument("soft", float, "the soft limit", least=0, unit="seconds")
HARD: Final = ActionArgument("hard", float, "the hard limit", least=0, unit="seconds")
RATELIMIT: Final = ActionArgument(
    "ratelimit", str, "`200`, or `200/m` per s, m or h; `0` for none", is_required=True
)
TYPE: Final = "task type"

SHUTDOWN: Final = RemoteCommand(
    "shutdown",
    "worker/shutdown",
    "Shut Down",
    "Shut a worker down",
    "The worker finishes the tasks that it runs, then ends. Messages that it holds and has not"
    " begun go back to their queues. It does not start again by itself.",
    is_reviewed=True,
    administers=True,
    is_answered=False,
)
POOL_RESTART: Final = RemoteCommand(
    "pool_restart",
    "worker/pool/restart",
    "Restart Pool",
    "Restart a worker's pool",
    "Each process of the worker's pool ends after the task that it runs, and is replaced by a new"
    " one. Needs the Celery setting worker_pool_restarts.",
    is_reviewed=True,
    needs=Ability.RESTART,
)
POOL_GROW: Final = RemoteCommand(
    "pool_grow",
    "worker/pool/grow",
    "Grow",
    "Add processes to a worker's pool",
    "The worker's pool gets {n} more processes.",
    arguments=(N,),
    needs=Ability.RESIZE,
)
POOL_SHRINK: Final = RemoteCommand(
    "pool_shrink",
    "worker/pool/shrink",
    "Shrink",
    "Remove processes from a worker's pool",
    "The worker ends {n} idle processes of its pool, one by one; when none is idle any more it"
    " refuses the rest.",
    arguments=(N,),
    is_reviewed=True,
    needs=Ability.RESIZE,
)
AUTOSCALE: Final = RemoteCommand(
    "autoscale",
    "worker/pool/autoscale",
    "Apply",
    "Set the bounds of a worker's autoscaler",
    "The worker keeps its pool between {min} and {max} processes. It must have been started with"
    " --autoscale.",
    arguments=(MIN, MAX),
    needs=Ability.AUTOSCALE,
)
ADD_CONSUMER: Final = RemoteCommand(
    "add_consumer",
    "worker/queue/add-consumer",
    "Add",
    "Start consuming from a queue",
    "The worker begins to consume from {queue}, which is made if there is none, until it restarts.",
    arguments=(QUEUE,),
)
CANCEL_CONSUMER: Final = RemoteCommand(
    "cancel_consumer",
    "worker/queue/cancel-consumer",
    "Cancel Consumer",
    "Stop consuming from a queue",
    "The worker takes no more messages from {queue} until it restarts, or is told to consume from"
    " it again. Messages that it holds already are run.",
    arguments=(QUEUE,),
    is_reviewed=True,
)
TIME_LIMIT: Final = RemoteCommand(
    "time_limit",
    "task/timeout",
    "Apply",
    "Change a task's time limits at a worker",
    "The time limits of {target} at {workername} become {soft} (soft) and {hard} (hard); one that"
    f" is left out is removed. {APPLIED}.",
    target=TYPE,
    arguments=(WORKERNAME, SOFT, HARD),
)
RATE_LIMIT: Final = RemoteCommand(
    "rate_limit",
    "task/rate-limit",
    "Apply",
    "Change a task's rate limit at a worker",
    "{workername} starts tasks of {target} at a rate of at most {ratelimit}; 0 is no limit.",
    target=TYPE,
    arguments=(WORKERNAME, RATELIMIT),
)
#: Sent beside the broadcast of a revoke, to have it acknowledged; no action by itself.
REVOKE_TASKS: Final = RemoteCommand(
    "revoke",
    "task/revoke",
    "Revoke",
    "Revoke tasks",
    "The worker discards these tasks.",
    changes_worker=False,
)
#: The same for tasks by their stamps.
REVOKE_BY_STAMPS: Final = RemoteCommand(
    "revoke_by_stamped_headers",
    "tasks/revoke-stamped",
    "Revoke",
    "Revoke tasks by a stamp",
    "The worker discards tasks with these stamps.",
    changes_worker=False,
)
COMMANDS: Final = (
    SHUTDOWN,
    POOL_RESTART,
    POOL_GROW,
    POOL_SHRINK,
    AUTOSCALE,
    ADD_CONSUMER,
    CANCEL_CONSUMER,
    TIME_LIMIT,
    RATE_LIMIT,
)
