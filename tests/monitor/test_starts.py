"""Starts: which events of a worker tell that its process is a new one."""

import pytest

from flower_ng.monitor.state.state import ClusterState
from flower_ng.monitor.state.worker_starts import Starts

NOW = 1000.0


@pytest.fixture
def starts():
    return []


@pytest.fixture
def happen(starts):
    state = ClusterState(observers=(Starts(starts.append, lambda: NOW),))

    def event(kind, *, pid=7, clock=1, hostname="w1@box", **fields):
        told = {"type": kind, "hostname": hostname, "timestamp": NOW, "pid": pid, "clock": clock}
        state.event({**told, **fields})

    return event


def test_a_worker_that_comes_online_has_started(starts, happen):
    happen("worker-online", sw_ver="5.4.0")

    assert [(one.hostname, one.at, one.version) for one in starts] == [("w1@box", NOW, "5.4.0")]


def test_a_worker_that_was_there_before_us_has_not(starts, happen):
    happen("worker-heartbeat")
    happen("task-received", uuid="a")

    assert starts == []


def test_a_lost_connection_is_no_start(starts, happen):
    happen("worker-heartbeat", clock=100)
    happen("worker-online", clock=101)

    assert starts == []


@pytest.mark.parametrize("process", [{"pid": 8, "clock": 200}, {"pid": 7, "clock": 2}])
def test_another_process_or_a_clock_that_begins_anew_is_one(starts, happen, process):
    happen("worker-heartbeat", clock=100)
    happen("worker-online", **process)

    assert len(starts) == 1
