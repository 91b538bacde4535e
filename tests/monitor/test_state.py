"""ClusterState against Celery's own State, and what it does beyond it."""

import threading
from collections import Counter
from types import SimpleNamespace

import pytest
from celery.events.snapshot import Polaroid
from celery.events.state import State
from hypothesis import given, settings
from hypothesis import strategies as st

from flower_ng.life.runs import is_running
from flower_ng.monitor.state.event_repair import Malformed
from flower_ng.monitor.state.state import ClusterState
from tests.life.lives import interleaved, lives, on_the_wire

NOW = 1_700_000_000.0
KINDS = ("sent", "received", "started", "succeeded", "failed", "retried", "revoked", "rejected")
COMPARED = (
    "name", "state", "received", "sent", "started", "rejected", "succeeded", "failed", "retried",
    "revoked", "args", "kwargs", "eta", "retries", "result", "exception", "runtime", "traceback",
    "client", "root_id", "parent_id",
)  # fmt: skip


#: What a pool of greenlets says of a task that is terminated.
KILLED = [
    {"type": f"task-{kind}", "uuid": "u", "hostname": "a@box", "timestamp": NOW + place, **fields}
    for place, (kind, fields) in enumerate((
        ("received", {"name": "shop.x", "retries": 0}),
        ("started", {}),
        ("revoked", {"terminated": True, "signum": 15, "expired": False}),
        ("succeeded", {"result": None, "runtime": None}),
    ), 1)
]  # fmt: skip


class Clock:
    def __init__(self):
        self.now = NOW

    def __call__(self):
        return self.now


class Notes:
    """An observer that writes down what it is told."""

    def __init__(self):
        self.changes, self.evicted_ids, self.gone, self.learned_ids = [], [], [], []

    def observe(self, change):
        self.changes.append(change)

    def evicted(self, task):
        self.evicted_ids.append(task.uuid)

    def learned(self, task):
        self.learned_ids.append(task.uuid)

    def forgotten(self, hostname):
        self.gone.append(hostname)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def notes():
    return Notes()


@pytest.fixture
def state(clock, notes):
    return ClusterState(observers=(notes,), clock=clock)


def task_event(kind, uuid="u1", at=NOW, host="w1@box", **fields):
    event = {"type": f"task-{kind}", "uuid": uuid, "hostname": host, "timestamp": at, "clock": 1}
    if kind in ("received", "sent"):
        event |= {"name": "shop.add", "args": "(1,)", "kwargs": "{}", "retries": 0}
    if kind == "succeeded":
        event |= {"result": "3", "runtime": 0.25}
    if kind in ("failed", "retried"):
        event |= {"exception": f"E({at})", "traceback": "T"}
    return event | fields


def worker_event(kind="heartbeat", host="w1@box", at=NOW, **fields):
    return {"type": f"worker-{kind}", "hostname": host, "timestamp": at, "freq": 2.0, **fields}


@st.composite
def runs_in_order(draw):
    """The events of a task that is run once, some of them unheard, in their order."""
    kinds = draw(st.lists(st.sampled_from(["sent", "received", "started"]), unique=True))
    ends = draw(
        st.lists(st.sampled_from(["succeeded", "failed", "retried", "revoked"]), max_size=1)
    )
    custom = ["progress"] * draw(st.integers(0, 2)) if "revoked" not in ends else []
    return [*sorted(kinds, key=KINDS.index), *custom, *ends]


@settings(max_examples=200)
@given(runs_in_order())
def test_a_task_that_is_run_once_is_told_as_by_celerys_state(kinds):
    ours, celerys = ClusterState(), State()
    for at, kind in enumerate(kinds):
        event = task_event(kind, "u", NOW + at)
        ours.event(dict(event))
        celerys.event({**event, "local_received": NOW})

    for uuid, expected in celerys.tasks.items():
        task = ours.tasks[uuid]
        for name in COMPARED:
            assert getattr(task, name) == getattr(expected, name), name
        assert (task.worker and task.worker.hostname) == (
            expected.worker and expected.worker.hostname
        )


@settings(max_examples=150)
@given(st.data())
def test_a_task_is_as_it_was_in_whatever_order_its_events_come(data):
    life = data.draw(lives())
    state = ClusterState()
    for event in data.draw(interleaved(life)):
        state.event(on_the_wire(event))

    task, newest = state.tasks["u"], life.runs[-1]
    assert task.state == life.state
    is_told = newest.received is not None and newest.retries == life.retries
    if is_told or not newest.name:  # of what was replaced only receipts tell it
        assert task.retries == life.retries
    assert state.tallies.states == Counter([task.state])
    if task.state == "SUCCESS" != newest.outcome:
        return  # it was delivered again after it had ended: the run that ended counts
    assert task.worker.hostname == newest.worker
    if newest.received is not None:
        assert task.name == f"shop.x{newest.name}"
    if newest.outcome == "FAILURE":
        assert (task.exception, task.traceback) == (newest.exception, f"T{newest.exception}")
    if newest.outcome == "SUCCESS":
        assert task.result == f"'{newest.ended}'"


TOLD = st.tuples(st.sampled_from([*KINDS, "progress"]), st.sampled_from("abc"), st.integers(1, 50))


@settings(deadline=None)
@given(st.lists(TOLD, max_size=30))
def test_the_tallies_are_the_counts_of_the_states(life):
    state = ClusterState(max_tasks_in_memory=2)
    for kind, uuid, at in life:
        state.event(task_event(kind, uuid, NOW + at))

    assert state.tallies.states == Counter(task.state for task in state.tasks.values())
    assert len(state.tasks) <= 2


def test_a_late_event_moves_no_task_back_and_blanks_nothing(state):
    state.event(task_event("succeeded", at=NOW + 2))
    state.event(task_event("started", at=NOW + 1))
    state.event(task_event("received", at=NOW, args=None))

    task = state.tasks["u1"]
    assert (task.state, task.result, task.name) == ("SUCCESS", "3", "shop.add")
    assert (task.received, task.started, task.timestamp) == (NOW, NOW + 1, NOW + 2)


def test_who_wants_to_know_is_told_of_workers_that_come_and_come_back(state):
    met = []
    state.on_newcomer(met.append)
    state.event(worker_event("online"))
    state.event(worker_event())
    state.event(worker_event("offline"))
    state.event(worker_event("online"))
    state.event(task_event("received", host="w2@box"))
    state.event(worker_event("online", host="w3@box"))

    assert met == ["w1@box", "w1@box", "w2@box", "w3@box"]


def test_finished_tasks_leave_memory_first_and_the_oldest_of_them_first(clock, notes):
    state = ClusterState(max_tasks_in_memory=3, observers=(notes,), clock=clock)
    state.event(task_event("started", "running"))
    for uuid in ("old", "new"):
        state.event(task_event("succeeded", uuid))

    state.event(task_event("received", "next"))
    state.event(task_event("received", "after"))

    assert notes.evicted_ids == ["old", "new"]
    assert list(state.tasks) == ["running", "next", "after"]


def test_the_oldest_unfinished_task_goes_only_when_none_is_finished(notes):
    state = ClusterState(max_tasks_in_memory=2, observers=(notes,))
    for uuid in ("a", "b", "c"):
        state.event(task_event("started", uuid))

    assert notes.evicted_ids == ["a"]


def test_a_look_at_a_task_does_not_keep_it_in_memory(notes):
    state = ClusterState(max_tasks_in_memory=2, observers=(notes,))
    state.event(task_event("succeeded", "a"))
    state.event(task_event("succeeded", "b"))
    assert state.tasks.get("a")

    state.event(task_event("received", "c"))

    assert notes.evicted_ids == ["a"]


def test_tasks_are_ordered_by_time_not_by_the_logical_clock(state):
    state.event(task_event("received", "before restart", NOW, clock=10_000))
    state.event(task_event("received", "after restart", NOW + 1, clock=1))

    assert [uuid for uuid, _ in state.tasks_by_time()] == ["after restart", "before restart"]


def test_heartbeats_are_the_last_four_in_the_order_of_their_times(state):
    ours = [NOW + late for late in (1, 2, 3, 4, 5, 3.5, 0)]
    celerys = State()
    for at in ours:
        state.event(worker_event(at=at))
        celerys.event({**worker_event(at=at), "local_received": at})

    assert list(state.workers["w1@box"].heartbeats) == celerys.workers["w1@box"].heartbeats


def test_tasks_are_tallied_by_the_worker_that_has_them_now(state):
    state.event(task_event("sent", "waiting", host="gen7@web"))
    state.event(task_event("started", "moved", host="w1@box"))
    state.event(task_event("retried", "moved", host="w1@box"))
    state.event(task_event("received", "moved", host="w2@box"))

    assert state.tallies.workers == {None: {"PENDING": 1}, "w2@box": {"RECEIVED": 1}}


def test_a_custom_event_makes_a_state_of_its_name(state):
    state.event(task_event("progress"))

    assert state.tasks["u1"].state == "PROGRESS"


def test_a_task_that_is_retried_stays_in_memory_longer(notes):
    state = ClusterState(max_tasks_in_memory=2, observers=(notes,))
    for kind, uuid in (("retried", "again"), ("succeeded", "done")):
        state.event(task_event(kind, uuid))

    state.event(task_event("received", "next"))

    assert notes.evicted_ids == ["done"]


def test_a_root_that_is_retried_is_not_its_own_parent(state):
    state.event(task_event("received"))
    state.event(task_event("received", at=NOW + 1, retries=1, parent_id="u1", root_id="u1"))

    assert (state.tasks["u1"].parent_id, state.tasks["u1"].root_id) == (None, "u1")


@pytest.mark.parametrize("parent", [None, "u0"])
def test_a_task_that_a_chain_replaces_keeps_its_parent(state, parent):
    first = {"root_id": parent or "u1", "parent_id": parent}
    state.event(task_event("received", **first))
    state.event(task_event("received", at=NOW + 2, name="shop.last", **{**first, "parent_id": "c"}))

    assert state.tasks["u1"].parent_id == parent


def test_a_task_that_is_replaced_keeps_its_first_name(state):
    state.event(task_event("received"))
    state.event(task_event("started", at=NOW + 1))
    state.event(task_event("received", at=NOW + 2, name="shop.sell"))

    task = state.tasks["u1"]
    assert (task.name, task.original_name) == ("shop.sell", "shop.add")


def test_a_killed_child_is_told_by_what_was_raised(state):
    traceback = 'T:\n  File "x", line 1\nbilliard.exceptions.WorkerLostError: signal 9\n'
    event = task_event("failed", exception="ExceptionWithTraceback()", traceback=traceback)
    state.event(event)

    assert state.tasks["u1"].exception == "WorkerLostError('signal 9')"


def test_a_failure_that_is_told_twice_is_news_once(state, notes):
    for at, kind in enumerate(("received", "started", "failed", "failed")):
        state.event(task_event(kind, at=NOW + at, exception="E" if kind == "failed" else None))

    assert [change.is_repeated for change in notes.changes] == [False, False, False, True]


def test_a_greenlet_that_was_killed_has_not_succeeded(state, notes):
    for event in KILLED:
        state.event(event)

    assert (state.tasks["u"].state, state.tasks["u"].succeeded) == ("REVOKED", None)
    assert [change.is_repeated for change in notes.changes] == [False, False, False, True]


def test_a_task_that_was_cancelled_does_not_run_until_it_is_delivered_again(state):
    received, started, _, succeeded = KILLED
    cancelled = started | {"type": "task-cancelled", "timestamp": NOW + 3}
    for event in (received, started, cancelled, succeeded):
        state.event(event)
    task = state.tasks["u"]
    assert (task.state, is_running(task.state), task.succeeded) == ("CANCELLED", False, None)

    for later, event in enumerate((received, started), 6):
        state.event(event | {"timestamp": NOW + later, "hostname": "b@box"})

    assert (task.state, task.worker.hostname) == ("STARTED", "b@box")


def test_a_task_is_told_as_by_celery_but_for_its_children(state):
    celerys = State()
    state.event(task_event("received", parent_id="u0", root_id="u0"))
    celerys.event({**task_event("received", parent_id="u0", root_id="u0"), "local_received": NOW})
    ours, theirs = state.tasks["u1"], celerys.tasks["u1"]

    expected = {**theirs.as_dict(), "worker": state.workers["w1@box"], "queue": None}
    assert ours.as_dict() == {k: v for k, v in expected.items() if k != "children"}
    assert ours.info() == theirs.info()
    assert (ours.id, ours.ready, ours.origin) == (theirs.id, theirs.ready, theirs.origin)


def test_the_publisher_of_task_sent_is_a_client_and_no_worker(state):
    state.event(task_event("sent", host="gen7@web"))

    assert state.tasks["u1"].client == "gen7@web"
    assert state.tasks["u1"].worker is None
    assert not state.workers
    assert state.counter["gen7@web"] == {"task-sent": 1}


def test_publishers_are_kept_up_to_a_bound_the_silent_ones_go(notes):
    state = ClusterState(max_publishers=2, observers=(notes,))
    for host in ("a", "b", "a", "c"):
        state.event(task_event("sent", host=host))

    assert set(state.counter) == {"a", "c"}
    assert notes.gone == ["b"]


def test_hosts_that_are_no_workers_are_bounded_whatever_they_send():
    state = ClusterState(max_publishers=3)
    for number in range(10):
        state.event({"type": "my-event", "hostname": f"a{number}", "timestamp": NOW})
        state.event(worker_event("offline", host=f"b{number}"))

    assert len(state.counter) == 3


def test_a_worker_that_published_before_is_kept_as_a_worker():
    state = ClusterState(max_publishers=1)
    state.event(task_event("sent", host="both@box"))
    state.event(worker_event(host="both@box"))
    state.event(task_event("sent", host="gen1@web"))

    assert set(state.counter) == {"both@box", "gen1@web"}


def test_a_worker_is_alive_for_two_heartbeats_by_our_own_clock(state, clock):
    state.event(worker_event(at=NOW + 3600))
    worker = state.workers["w1@box"]
    assert state.is_alive(worker)

    clock.now += 3.9
    assert state.is_alive(worker)
    clock.now += 0.2
    assert not state.is_alive(worker)


def test_a_worker_that_says_goodbye_is_offline_at_once_and_stays_known(state):
    state.event(worker_event())
    state.event(worker_event("offline"))

    assert not state.is_alive(state.workers["w1@box"])
    assert state.workers["w1@box"].heartbeats == ()


def test_the_goodbye_of_an_unknown_worker_makes_no_worker(state):
    state.event(worker_event("offline", host="stranger"))

    assert "stranger" not in state.workers


def test_at_most_so_many_workers_are_kept_the_silent_ones_go(clock, notes):
    state = ClusterState(max_workers_in_memory=2, observers=(notes,), clock=clock)
    for host in ("a", "b", "a", "c"):
        clock.now += 1
        state.event(worker_event(host=host))

    assert set(state.workers) == {"a", "c"}
    assert notes.gone == ["b"]
    assert "b" not in state.counter


def test_a_forgotten_workers_tasks_keep_its_name(state):
    state.event(task_event("received"))

    state.forget_worker("w1@box")

    assert not state.workers
    assert state.tasks["u1"].worker.hostname == "w1@box"


def test_every_event_counts_for_its_host_custom_ones_up_to_a_bound(state):
    state.event(worker_event())
    for number in range(200):
        state.event({"type": f"my-{number}", "hostname": "w1@box", "timestamp": NOW})

    counts = state.counter["w1@box"]
    assert counts["worker-heartbeat"] == 1
    assert len(counts) <= 101
    assert sum(counts.values()) == 201


def test_a_change_tells_the_state_before_and_the_first_sight_of_a_worker(state, notes):
    state.event(task_event("received"))
    state.event(task_event("started"))

    first, second = notes.changes
    assert (first.before, first.is_new_worker) == (None, True)
    assert (second.before, second.is_new_worker) == ("RECEIVED", False)


def test_event_returns_what_celerys_returns(state):
    (task, is_new), subject = state.event(task_event("received"))

    assert (task.uuid, is_new, subject) == ("u1", True, "received")
    with pytest.raises(Malformed):
        state.event({"type": "task-received", "hostname": "w"})


def test_a_snapshot_camera_works_while_events_arrive(state):
    shots = []

    class Camera(Polaroid):
        clear_after = True

        def on_shutter(self, seen):
            shots.append((len(seen.tasks), len(seen.tasks_by_type["shop.add"])))

    camera = Camera(state, app=SimpleNamespace(set_default=lambda: None), freq=3600)
    ended = threading.Event()

    def shoot():
        while not ended.wait(0.001):  # without a pause it would hold the lock nearly always
            camera.capture()

    thread = threading.Thread(target=shoot)
    thread.start()
    for number in range(2000):
        state.event(task_event("received", f"u{number}"))
    ended.set()
    thread.join()

    assert shots
    assert all(tasks == typed for tasks, typed in shots)


def test_clearing_keeps_unfinished_tasks_unless_told_otherwise(state):
    state.event(task_event("started", "running"))
    state.event(task_event("succeeded", "done"))

    state.clear()
    assert list(state.tasks) == ["running"]
    assert state.tallies.states == {"STARTED": 1}
    state.clear(ready=False)
    assert not state.tasks


def test_what_was_kept_comes_back(state):
    state.event(task_event("received"))
    other = ClusterState()

    other.restore(state.workers.values(), state.counter, state.tasks.values())

    assert other.tallies.states == {"RECEIVED": 1}
    assert other.known_types() == ["shop.add"]
    assert other.counter["w1@box"] == {"task-received": 1}


def test_a_lower_bound_holds_for_what_comes_back_too(state, notes):
    for number in range(5):
        state.event(task_event("succeeded", f"u{number}", host=f"w{number}"))
    other = ClusterState(max_tasks_in_memory=2, max_workers_in_memory=3, observers=(notes,))

    other.restore(state.workers.values(), state.counter, state.tasks.values())

    assert list(other.tasks) == ["u3", "u4"]
    assert set(other.workers) == set(other.counter) == {"w2", "w3", "w4"}
    assert notes.gone == ["w0", "w1"]
    assert not notes.evicted_ids


def test_celerys_callback_sees_each_event_as_a_mapping():
    seen = []
    state = ClusterState(lambda _, event: seen.append(event))

    state.event(worker_event(active=2))

    assert seen == [worker_event(active=2)]


def test_a_task_holds_one_copy_of_what_many_have_in_common(state):
    for uuid in ("u1", "u2"):
        name, key = str(b"shop.add", "ascii"), str(b"celery", "ascii")  # new each time
        state.event(task_event("sent", uuid, name=name, routing_key=key))

    one, two = state.tasks.values()
    assert one.name is two.name
    assert one.routing_key is two.routing_key
