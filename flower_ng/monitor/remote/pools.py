"""What each of Celery's worker pools cannot do, in one sentence each. Pure.

Read from `celery.concurrency`: which pool has `grow`, `shrink`, `restart`, `terminate_job`, and
which looks at the time limits that it is given. The worker itself refuses some of this with a
Python error, and accepts the rest without any effect.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Ability(StrEnum):
    """What a command needs of the pool."""

    RESIZE = "resize"
    AUTOSCALE = "autoscale"
    RESTART = "restart"
    SOFT_LIMIT = "soft time limits"
    HARD_LIMIT = "hard time limits"
    TERMINATE = "terminate"


#: The pools by the name that `celery worker -P` takes, and what they can do.
ABILITIES: Final[Mapping[str, frozenset[Ability]]] = {
    "prefork": frozenset(Ability),
    "gevent": frozenset({Ability.RESIZE, Ability.AUTOSCALE, Ability.HARD_LIMIT, Ability.TERMINATE}),
    "eventlet": frozenset({Ability.RESIZE, Ability.AUTOSCALE, Ability.TERMINATE}),
    "threads": frozenset(),
    "solo": frozenset(),
}
#: Those that run tasks in greenlets: a task is ended where it waits, and no signal is sent.
GREEN: Final = ("gevent", "eventlet")
#: Since which release of Celery a pool ends a task that it runs. Before, a worker takes the
#: command, logs a NotImplementedError, and the task runs to its end.
TERMINATES_SINCE: Final[Mapping[str, tuple[int, int]]] = {"gevent": (5, 5), "eventlet": (5, 2)}
#: A part of the implementation that `stats` tells (`celery.concurrency.thread:TaskPool`), by name.
IMPLEMENTATIONS: Final[Mapping[str, str]] = {
    "concurrency.prefork": "prefork",
    "concurrency.gevent": "gevent",
    "concurrency.eventlet": "eventlet",
    "concurrency.thread": "threads",
    "concurrency.solo": "solo",
}
SENTENCES: Final[Mapping[Ability, str]] = {
    Ability.RESIZE: "the {pool} pool has a fixed size: it can't grow or shrink",
    Ability.AUTOSCALE: "the {pool} pool has a fixed size: it can't be autoscaled",
    Ability.RESTART: "the {pool} pool has no processes to restart: restart the worker itself",
    Ability.SOFT_LIMIT: "the {pool} pool doesn't enforce soft time limits",
    Ability.HARD_LIMIT: "the {pool} pool doesn't enforce hard time limits",
    Ability.TERMINATE: "the {pool} pool can't terminate a running task: it runs to its end",
}


def pool_name(implementation: str) -> str:
    """Return the pool's name as `-P` takes it; empty for one of another kind, or untold."""
    return next((name for part, name in IMPLEMENTATIONS.items() if part in implementation), "")


def inability(implementation: str, ability: Ability, release: str | None = None) -> str:
    """Return why a worker's pool can't do this, by its `WorkerAnswer.pool`; empty where it can.

    `release` is that of the worker's Celery, where it is known. A worker that did not tell its
    pool, or has one of another kind, is believed to be able.
    """
    pool = pool_name(implementation)
    if not pool:
        return ""
    since = TERMINATES_SINCE.get(pool) if ability is Ability.TERMINATE else None
    if since and is_older(release, since):
        needed = f"since Celery {'.'.join(map(str, since))}, and this worker has {release}"
        return f"the {pool} pool can terminate a running task only {needed}: it runs to its end"
    return "" if ability in ABILITIES[pool] else SENTENCES[ability].format(pool=pool)


def is_older(release: str | None, than: tuple[int, int]) -> bool:
    """Whether a release is known, and older; only its first two numbers are compared."""
    found = re.match(r"(\d+)\.(\d+)", release or "")
    return found is not None and (int(found[1]), int(found[2])) < than
