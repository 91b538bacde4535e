"""EventsState in the place of Celery's State, as scripts use it."""

import copy
import pickle
import subprocess
import sys

import pytest
from celery.events import state as celery_state

from flower_ng.events import EventsState
from tests.monitor.corpus import BEAT, GOOD
from tests.services import ROOT

SENT = {**GOOD, "type": "task-sent", "hostname": "gen1@box"}


@pytest.mark.package
def test_celerys_own_tests_fail_only_where_the_page_says_so():
    ran = subprocess.run(
        [sys.executable, "-m", "tools.celery_state_tests"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert int(ran.stdout.split(" pass,")[0].split()[-1]) > 20


def test_what_get_or_create_makes_takes_the_next_event():
    state = EventsState()

    worker, is_new = state.get_or_create_worker("w1@box", pid=7)
    task, is_new_task = state.get_or_create_task("u-1")
    state.event(GOOD)
    state.event({**GOOD, "type": "task-succeeded", "runtime": 0.5})
    state.event(BEAT)

    assert (is_new, is_new_task) == (True, True)
    assert state.workers["w1@box"] is worker
    assert state.tasks["u-1"] is task
    assert (task.state, task.name, task.worker) == ("SUCCESS", "shop.add", worker)
    assert state.get_or_create_worker("w1@box") == (worker, False)
    assert state.get_or_create_task("u-1") == (task, False)
    assert worker.alive


def test_the_bounds_hold_for_what_get_or_create_makes():
    state = EventsState(max_tasks_in_memory=2, max_workers_in_memory=2)

    for number in range(5):
        state.get_or_create_task(f"u-{number}")
        state.get_or_create_worker(f"w{number}@box")

    assert list(state.tasks) == ["u-3", "u-4"]
    assert list(state.workers) == ["w3@box", "w4@box"]


def test_the_hooks_are_called_as_celery_calls_them():
    joined, left = [], []
    state = EventsState(on_node_join=joined.append, on_node_leave=left.append)
    offline = {**BEAT, "type": "worker-offline"}

    state.event(BEAT)
    state.event(BEAT)
    state.event({**BEAT, "type": "worker-online"})
    state.event(offline)
    state.event({**offline, "hostname": "stranger@box"})

    assert [worker.hostname for worker in joined] == ["w1@box", "w1@box"]
    assert [worker.hostname for worker in left] == ["w1@box", "stranger@box"]
    assert dict(state.workers) == {}


def test_without_the_hooks_a_worker_that_left_stays_in_the_table():
    state = EventsState()
    state.event(BEAT)
    state.event({**BEAT, "type": "worker-offline"})

    assert not state.workers["w1@box"].alive


def test_a_name_that_was_never_heard_of_has_an_empty_counter():
    state = EventsState()
    state.event(GOOD)

    assert state.counter["w1@box"]["task-received"] == 1
    assert state.counter["nobody@box"]["task-received"] == 0


def test_records_are_read_by_attribute_by_key_and_with_a_default():
    state = EventsState()
    state.event(BEAT)
    state.event(GOOD)
    worker, task = state.workers["w1@box"], state.tasks["u-1"]

    assert state.workers.get("w1@box", {}).get("timestamp") == worker.heartbeats[-1]
    assert state.workers.get("nobody@box", {}).get("timestamp") is None
    assert (worker["pid"], worker.get("freq"), worker.get("no such", 5)) == (worker.pid, 2.0, 5)
    assert (task["name"], task.get("state")) == ("shop.add", "RECEIVED")
    assert task.get("result", "none yet") == "none yet"
    with pytest.raises(KeyError):
        task["no such"]


def test_a_task_knows_its_relatives_in_memory():
    state = EventsState()
    state.event({**GOOD, "uuid": "child", "parent_id": "u-1", "root_id": "u-1"})
    child = state.tasks["child"]
    assert (child.parent, child.root, child.children) == (None, None, set())

    state.event({**GOOD, "root_id": "u-1"})
    state.event({**GOOD, "type": "task-retried", "parent_id": "u-1"})

    root = state.tasks["u-1"]
    assert child.parent is child.root is root
    assert root.children == {child}


def test_records_equal_celerys_of_the_same_name():
    state = EventsState()
    state.event(GOOD)

    assert state.tasks["u-1"] == celery_state.Task(uuid="u-1")
    assert state.workers["w1@box"] == celery_state.Worker("w1@box")
    assert state.tasks["u-1"] != celery_state.Task(uuid="u-2")
    assert len({state.workers["w1@box"], EventsState.Worker("w1@box")}) == 1


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_a_copy_holds_the_same_and_goes_its_own_way(duplicate):
    state = EventsState(max_tasks_in_memory=3)
    for event in (BEAT, GOOD, {**SENT, "uuid": "u-2", "parent_id": "u-1"}):
        state.event(event)

    twin = duplicate(state)
    twin.event({**GOOD, "type": "task-succeeded"})

    assert list(twin.tasks) == ["u-1", "u-2"]
    assert twin.tasks["u-1"].worker is twin.workers["w1@box"]
    assert twin.tasks["u-1"].children == {twin.tasks["u-2"]}
    assert (twin.tasks["u-1"].state, state.tasks["u-1"].state) == ("SUCCESS", "RECEIVED")
    assert twin.counter["w1@box"] == {**state.counter["w1@box"], "task-succeeded": 1}
    assert (twin.event_count, twin.max_tasks_in_memory) == (4, 3)


def test_a_replayed_heartbeat_of_long_ago_is_no_sign_of_life():
    state = EventsState()
    state.event({**BEAT, "local_received": 1e9})

    assert not state.workers["w1@box"].alive
