"""What each pool can do, held to Celery's own classes."""

from importlib import import_module

import pytest
from celery import __version__ as release
from celery.concurrency.asynpool import AsynPool
from celery.concurrency.base import BasePool

from flower_ng.monitor.remote.pools import (
    ABILITIES,
    IMPLEMENTATIONS,
    Ability,
    inability,
)

#: The method of a pool that each ability stands for.
METHODS = {
    Ability.RESIZE: "grow",
    Ability.AUTOSCALE: "grow",
    Ability.RESTART: "restart",
    Ability.TERMINATE: "terminate_job",
}


def implementation(pool):
    (module,) = (f"celery.{part}" for part, name in IMPLEMENTATIONS.items() if name == pool)
    return import_module(module).TaskPool


def has_own(pool, method):
    """Whether a pool has more than the method of all, which raises NotImplementedError.

    That of processes takes most of its methods from the pool that it starts.
    """
    kinds = (implementation(pool), *([AsynPool] if pool == "prefork" else []))
    found = [getattr(kind, method, None) for kind in kinds]
    return any(one is not None and one is not getattr(BasePool, method, None) for one in found)


@pytest.mark.parametrize("pool", ABILITIES)
@pytest.mark.parametrize("ability", METHODS)
def test_a_pool_can_do_what_its_class_has(pool, ability):
    why = inability(f"celery.concurrency.{pool.removesuffix('s')}:TaskPool", ability, release)

    assert has_own(pool, METHODS[ability]) is (not why)
    assert not why or why.startswith(f"the {pool} pool ")


@pytest.mark.parametrize(
    ("pool", "release", "can"),
    [
        ("gevent", "5.4.0", False),
        ("gevent", "5.5.0", True),
        ("gevent", None, True),
        ("gevent", "main", True),
        ("eventlet", "5.1.2", False),
        ("eventlet", "5.2.0rc1", True),
        ("prefork", "4.4.7", True),
        ("solo", "5.7.0", False),
    ],
)
def test_a_pool_can_terminate_since_a_release_of_celery(pool, release, can):
    why = inability(f"celery.concurrency.{pool}:TaskPool", Ability.TERMINATE, release)

    assert (not why) is can
    assert can or "runs to its end" in why
