"""Heartbeats tell of tasks whose events did not come, and of none that are only late."""

import pytest

from flower_ng.event_record import Event
from flower_ng.monitor.state.missing_events import MissingEvents
from flower_ng.monitor.state.state import ClusterState

NAME = "w1@box"


class Stream:
    """The events of one worker, which reach the state but for those that are lost."""

    def __init__(self, *, pid=7):
        self.losses, self.now = 0, 1000.0
        self.missing = MissingEvents(lambda: self.losses, lambda: self.now)
        self.state = ClusterState(observers=(self.missing,))
        self.serial = self.processed = 0
        self.pid = pid
        self.beats("worker-online")
        self.now += 10

    def begins(self, tasks, *, heard=True, repeated=1):
        for _ in range(tasks):
            self.serial, self.processed = self.serial + 1, self.processed + 1
            event = Event("task-started", NAME, self.now, uuid=str(self.serial), pid=self.pid)
            for _ in range(repeated if heard else 0):
                self.state.apply_all([event])

    def beats(self, kind="worker-heartbeat"):
        self.now += 2
        event = Event(kind, NAME, self.now, pid=self.pid, processed=self.processed, freq=2.0)
        self.state.apply_all([event])

    def restarts(self, pid):
        self.pid, self.processed = pid, 0
        self.beats("worker-online")

    @property
    def count(self):
        return self.missing.counts.get(NAME, 0)


@pytest.fixture
def stream():
    stream = Stream()
    stream.begins(3)
    stream.beats()
    return stream


def test_tasks_whose_events_were_lost_are_counted_within_two_heartbeats(stream):
    stream.begins(40, heard=False)
    stream.beats()
    stream.beats()

    assert stream.count == 40
    stream.beats()
    assert stream.count == 40


def test_a_loss_is_seen_while_more_tasks_run(stream):
    for _ in range(4):
        stream.begins(500)
        stream.begins(50, heard=False)
        stream.beats()

    assert 0 < stream.count <= 200
    stream.beats()
    assert stream.count == 200


def test_nothing_is_missing_where_all_came(stream):
    for _ in range(5):
        stream.begins(30)
        stream.beats()

    assert stream.count == 0


def test_events_that_come_after_the_heartbeat_of_their_moment_are_not_missing(stream):
    for _ in range(5):
        stream.processed += 24
        stream.beats()
        stream.processed -= 24
        stream.begins(24)

    stream.beats()
    assert stream.count == 0


def test_repeated_events_are_no_reason_to_miss_any(stream):
    stream.begins(30, repeated=2)
    stream.beats()
    stream.beats()

    assert stream.count == 0


@pytest.mark.parametrize("pid", [7, 8])
def test_a_worker_that_starts_again_counts_anew(stream, pid):
    stream.begins(30)
    stream.restarts(pid)
    stream.begins(50)
    stream.beats()
    stream.beats()

    assert stream.count == 0


def test_a_dashboard_that_starts_late_misses_nothing_of_before():
    late = Stream()
    late.processed = 10_000
    for _ in range(3):
        late.begins(10)
        late.beats()

    assert late.count == 0


def test_what_a_worker_did_before_it_was_asked_for_events_is_not_missing():
    silent = Stream()
    for _ in range(3):
        silent.begins(100, heard=False)
        silent.beats()
    silent.begins(5)
    silent.beats()
    silent.beats()

    assert silent.count == 0


def test_a_loss_that_is_told_elsewhere_is_not_counted_again(stream):
    stream.begins(100, heard=False)
    stream.losses += 1
    stream.beats()
    for _ in range(8):
        stream.begins(10)
        stream.beats()

    assert stream.count == 0
    stream.begins(20, heard=False)
    stream.beats()
    stream.beats()
    assert stream.count == 20


def test_a_worker_that_was_purged_is_forgotten(stream):
    stream.begins(40, heard=False)
    stream.beats()
    stream.beats()

    stream.state.forget_worker(NAME)

    assert stream.missing.counts == {}
