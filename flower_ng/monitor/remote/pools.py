"""What each of Celery's worker pools cannot do, in one sentence each. Pure.

Read from `celery.concurrency`: which pool has `grow`, `shrink`, `restart`, `terminate_job`, and
which looks at the time limits that it is given. The worker itself refuses some of this with a
Python error, and accepts the rest without any effect.
"""

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


def inability(implementation: str, ability: Ability) -> str:
    """Return why a worker's pool can't do this, by its `WorkerAnswer.pool`; empty where it can.

    A worker that did not tell its pool, or has one of another kind, is believed to be able.
    """
    pool = pool_name(implementation)
    if not pool or ability in ABILITIES[pool]:
        return ""
    return SENTENCES[ability].format(pool=pool)
