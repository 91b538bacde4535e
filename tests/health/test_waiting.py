"""Since when tasks wait in a worker: by events, unless it answers that it has them no more."""

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import pytest

from flower_ng.health.facts.records import HeldTasks
from flower_ng.health.facts.task_observer import TaskObserver
from flower_ng.health.facts.worker_facts import WaitingTasks, WorkerFactsReader
from flower_ng.monitor.remote.worker_answer import WorkerAnswer
from flower_ng.monitor.state.state import ClusterState
from flower_ng.store.tables.texts import exception_class

NOW, W = 10_000.0, "w@box"


def waiting(
    answer: dict[str, Any], age_s: float, revoked: Collection[str] = ()
) -> dict[str, WaitingTasks]:
    """Return what waits where one task was received 600 s ago, and the worker answered since."""
    sightings = TaskObserver(exception_class, lambda: NOW)
    state = ClusterState(observers=(sightings,), clock=lambda: NOW)
    about = {"hostname": W, "timestamp": NOW - 600, "clock": 1, "utcoffset": 0, "pid": 1}
    state.event({"type": "task-received", "uuid": "t", "name": "shop.pay", **about})
    asked: Any = SimpleNamespace(
        told={W: WorkerAnswer.of(answer)}, ages=lambda _name: dict.fromkeys(answer, age_s)
    )
    unused: Any = None
    return WorkerFactsReader(
        state, unused, asked, sightings, unused, is_revoked=lambda uuid: uuid in revoked
    ).waiting(NOW)


@pytest.mark.parametrize(
    ("answer", "age_s"),
    [
        ({}, 0),
        ({"active": []}, 5),
        ({"reserved": []}, 5),
        ({"reserved": [], "active": "?"}, 5),
        ({"reserved": [{"id": "t"}], "active": []}, 5),
        ({"reserved": [], "active": [{"id": "t"}]}, 5),
        ({"reserved": [], "active": []}, 595),
        ({"reserved": [], "active": []}, 700),
    ],
)
def test_a_task_waits_while_its_worker_says_so_or_nothing(answer, age_s):
    assert waiting(answer, age_s)[W].oldest_s == 600


def test_a_task_whose_end_was_missed_does_not_wait_for_its_worker_does_not_have_it():
    assert waiting({"reserved": [{"id": "other"}], "active": []}, 5) == {}


def test_a_task_that_was_revoked_here_does_not_wait():
    assert waiting({}, 0, revoked={"t"}) == {}


@pytest.mark.parametrize(
    ("answer", "held"),
    [
        ({}, None),
        ({"reserved": [{"id": "t"}], "active": []}, HeldTasks(0, 600.0, 5.0)),
        ({"reserved": [], "active": [{"id": "t"}]}, HeldTasks(1, 0.0, 5.0)),
    ],
)
def test_what_a_worker_says_to_hold_is_told_apart_from_what_it_runs(answer, held):
    assert waiting(answer, 5)[W].held == held


def heartbeat(processed: int | None, now: float, clock: list[float], state: ClusterState) -> None:
    clock[0] = now
    beat = {"type": "worker-heartbeat", "hostname": W, "timestamp": now, "clock": 1, "pid": 1}
    state.event({**beat, "utcoffset": 0, "freq": 2, "active": 0, "processed": processed})


def test_how_long_nothing_began_is_told_by_the_count_of_heartbeats_also_where_starts_were_missed():
    clock = [NOW]
    sightings = TaskObserver(exception_class, lambda: clock[0])
    state = ClusterState(observers=(sightings,), clock=lambda: clock[0])

    assert sightings.begun_s(W, NOW) is None
    heartbeat(None, NOW, clock, state)
    assert sightings.begun_s(W, NOW) is None
    heartbeat(7, NOW + 10, clock, state)
    heartbeat(7, NOW + 50, clock, state)
    assert sightings.begun_s(W, NOW + 60) == 50
    heartbeat(8, NOW + 70, clock, state)
    assert sightings.begun_s(W, NOW + 75) == 5
