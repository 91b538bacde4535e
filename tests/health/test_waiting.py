"""Since when tasks wait in a worker: by events, unless it answers that it has them no more."""

from types import SimpleNamespace
from typing import Any

import pytest

from flower_ng.health.facts.task_observer import TaskObserver
from flower_ng.health.facts.worker_facts import WorkerFactsReader
from flower_ng.monitor.remote.worker_answer import WorkerAnswer
from flower_ng.monitor.state.state import ClusterState
from flower_ng.store.tables.texts import exception_class

NOW, W = 10_000.0, "w@box"


def waiting(answer: dict[str, Any], age_s: float) -> dict[str, float]:
    """Return what waits where one task was received 600 s ago, and the worker answered since."""
    sightings = TaskObserver(exception_class, lambda: NOW)
    state = ClusterState(observers=(sightings,), clock=lambda: NOW)
    about = {"hostname": W, "timestamp": NOW - 600, "clock": 1, "utcoffset": 0, "pid": 1}
    state.event({"type": "task-received", "uuid": "t", "name": "shop.pay", **about})
    asked: Any = SimpleNamespace(
        told={W: WorkerAnswer.of(answer)}, ages=lambda _name: dict.fromkeys(answer, age_s)
    )
    unused: Any = None
    return WorkerFactsReader(state, unused, asked, sightings, unused).waiting(NOW)


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
    assert waiting(answer, age_s) == {W: 600.0}


def test_a_task_whose_end_was_missed_does_not_wait_for_its_worker_does_not_have_it():
    assert waiting({"reserved": [{"id": "other"}], "active": []}, 5) == {}
