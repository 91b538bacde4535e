"""Events that are applied in batches tell the same as one by one; and cost much less."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flower_ng.event_record import Event
from flower_ng.metrics.flower import PrometheusMetrics
from flower_ng.monitor.state.backend_outcome import Outcome
from flower_ng.monitor.state.event_repair import clean
from flower_ng.monitor.state.state import ClusterState
from flower_ng.store.rollups.minutes import Minutes
from tests.life.lives import interleaved, lives, on_the_wire
from tests.monitor.test_state import NOW, Notes

OURS = ("cluster_state", "life", "worker")


class Batches(Notes):
    """An observer that writes down how tasks are when it is told of their changes."""

    def __init__(self):
        super().__init__()
        self.told, self.sizes = [], []

    def observe(self, change):
        self.observe_all([change])

    def observe_all(self, changes):
        self.sizes.append(len(changes))
        self.told += [(change.event.type, change.before, seen(change.task)) for change in changes]


def seen(task):
    """Return what is known of a task now."""
    if task is None:
        return None
    fields = msgspec.structs.asdict(task)
    return {name: fields[name] for name in fields if name not in OURS}, task.worker


def metrics_at(now):
    return PrometheusMetrics(clock=lambda: now)


class Watched:
    """A state with those that observe it."""

    def __init__(self):
        self.batches, self.metrics = Batches(), metrics_at(NOW + 60)
        self.minutes = Minutes(lambda: NOW + 60)
        observers = (self.batches, self.metrics, self.minutes)
        self.state = ClusterState(observers=observers, clock=lambda: NOW, max_tasks_in_memory=3)

    @property
    def all_that_is_known(self):
        tallies = {
            start: [(kind, name, msgspec.json.encode(tally)) for kind, name, tally in one.rows()]
            for start, one in self.minutes.take().items()
        }
        series = [
            (family.name, sorted((key, msgspec.to_builtins(cell)) for key, cell in family.cells()))
            for family in self.metrics.families
        ]
        workers = {name: msgspec.structs.asdict(one) for name, one in self.state.workers.items()}
        lag = self.metrics.ingest_lag
        return {
            "told": self.batches.told,
            "gone": (self.batches.evicted_ids, self.batches.gone),
            "workers": workers,
            "counter": self.state.counter,
            "tallies": self.state.tallies.states,
            "minutes": tallies,
            "series": series,
            "lag": (lag.counts, pytest.approx(lag.sum)),
        }


@st.composite
def histories(draw):
    """Return the events of some tasks, and heartbeats and farewells between them."""
    streams = []
    for uuid in "abcde"[: draw(st.integers(1, 5))]:
        told = draw(interleaved(draw(lives())))
        streams.append([{**on_the_wire(event), "uuid": uuid} for event in told])
    of_workers = st.sampled_from(["worker-heartbeat", "worker-online", "worker-offline", "custom"])
    hosts = st.sampled_from(["a@box", "b@box", "c@box"])
    streams.append(
        [
            {"type": kind, "hostname": host, "timestamp": NOW + at, "freq": 2.0, "active": 1}
            for at, (kind, host) in enumerate(draw(st.lists(st.tuples(of_workers, hosts))))
        ]
    )
    events = []
    while streams := [stream for stream in streams if stream]:
        own = draw(st.sampled_from(streams))
        some = draw(st.integers(1, len(own)))
        events += own[:some]
        del own[:some]
    return events


@settings(max_examples=60, deadline=None)
@given(histories(), st.integers(2, 40))
def test_batches_tell_the_same_as_one_by_one(history, size):
    single, batched = Watched(), Watched()
    for event in history:
        single.state.apply(clean(event, NOW))

    for start in range(0, len(history), size):
        batched.state.apply_all([clean(event, NOW) for event in history[start : start + size]])

    assert batched.all_that_is_known == single.all_that_is_known


def started(uuid, at=NOW):
    return Event("task-started", "w1@box", at, uuid=uuid)


def test_changes_of_several_tasks_are_told_together_and_those_of_one_apart():
    batches = Batches()
    state = ClusterState(observers=[batches])

    state.apply_all([started("a"), started("b"), started("c"), started("a", NOW + 1), started("d")])

    assert batches.sizes == [3, 2]


def test_an_observer_of_a_script_is_told_of_each_event_when_it_is_applied():
    notes, batches = Notes(), Batches()
    state = ClusterState(observers=[batches, notes])

    state.apply_all([started("a"), started("b")])

    assert batches.sizes == [1, 1]
    assert [change.task.uuid for change in notes.changes] == ["a", "b"]


class Broken(Batches):
    """An observer that fails at all that it is told."""

    def observe_all(self, _):
        raise RuntimeError("no")

    def learned(self, _):
        raise RuntimeError("no")

    def evicted(self, _):
        raise RuntimeError("no")

    def forgotten(self, _):
        raise RuntimeError("no")


def heartbeat(hostname):
    return Event("worker-heartbeat", hostname, NOW)


def faults_in(caplog):
    return [record.getMessage() for record in caplog.records if record.exc_info]


def test_what_an_observer_raises_keeps_nothing_from_the_others(caplog):
    batches = Batches()
    state = ClusterState(observers=[Broken(), batches])

    state.apply_all([started("a"), started("b"), started("a", NOW + 1), started("c")])

    assert batches.sizes == [2, 2]
    assert set(state.tasks) == {"a", "b", "c"}
    assert faults_in(caplog)[0] == (
        "The observer Broken failed in observe_all at 2 changes, the first 'task-started' of 'a':"
        " fault 1 of this kind"
    )


def test_a_fault_while_a_task_leaves_memory_keeps_nothing_from_the_others(caplog):
    batches = Batches()
    state = ClusterState(observers=[Broken(), batches], max_tasks_in_memory=1)

    state.apply_all([started("a"), started("b"), started("c")])

    assert [(told[0], told[2][0]["uuid"]) for told in batches.told] == [
        ("task-started", uuid) for uuid in "abc"
    ]
    assert batches.evicted_ids == ["a", "b"]
    assert set(state.tasks) == {"c"}
    assert len(faults_in(caplog)) == 4  # of each kind the first and the second, of five


def test_a_fault_while_a_worker_is_forgotten_keeps_nothing_from_the_others(caplog):
    batches = Batches()
    state = ClusterState(observers=[Broken(), batches], max_workers_in_memory=1)

    state.apply_all([heartbeat("a@box"), heartbeat("b@box")])

    assert [told[0] for told in batches.told] == ["worker-heartbeat"] * 2
    assert batches.gone == ["a@box"]
    assert list(state.workers) == ["b@box"]
    assert "RuntimeError: no" in caplog.text


def test_an_observer_of_each_event_keeps_nothing_from_the_others(caplog):
    notes = Notes()
    state = ClusterState(observers=[Broken(), notes])

    state.apply(started("a"))
    state.learn("a", Outcome("SUCCESS"))

    assert len(notes.changes) == 1
    assert notes.learned_ids == ["a"]
    assert len(faults_in(caplog)) == 2
