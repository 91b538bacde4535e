from collections import Counter

from flower_ng.monitor.records import Worker
from flower_ng.monitor.rows import worker_rows
from flower_ng.monitor.state import EventsState


class Table:
    """Stands in for EventsState: rows need three members of it, and tests need them exact."""

    def __init__(self, *workers: Worker, alive: tuple[str, ...] = ()) -> None:
        self.workers = {worker.hostname: worker for worker in workers}
        self.counter = {worker.hostname: Counter() for worker in workers}
        self.alive = alive

    def is_alive(self, worker: Worker) -> bool:
        return worker.hostname in self.alive


def hostnames(rows):
    return [row.worker.hostname for row in rows]


def test_a_row_gives_the_counts_first_then_the_fields_then_the_status():
    state = Table(Worker("w1@box", pid=7, heartbeats=(1.0, 2.0)), alive=("w1@box",))
    state.counter["w1@box"].update({"worker-heartbeat": 2, "task-received": 5})

    (row,) = worker_rows(state, now=3.0)

    assert row.record() == {
        "worker-heartbeat": 2,
        "task-received": 5,
        "hostname": "w1@box",
        "pid": 7,
        "freq": 60.0,
        "heartbeats": (1.0, 2.0),
        "clock": 0,
        "active": None,
        "processed": None,
        "loadavg": None,
        "sw_ident": None,
        "sw_ver": None,
        "sw_sys": None,
        "status": True,
    }
    assert list(row.record())[-1] == "status"


def test_rows_stand_in_the_order_in_which_hosts_were_first_seen():
    state = Table(Worker("b@box"), Worker("a@box"))

    state.workers["b@box"] = state.workers.pop("b@box")

    assert hostnames(worker_rows(state, now=0.0)) == ["b@box", "a@box"]


def test_a_publisher_has_counts_but_no_row():
    state = Table(Worker("w1@box"))
    state.counter["gen1@box"] = Counter({"task-sent": 3})

    assert hostnames(worker_rows(state, now=0.0)) == ["w1@box"]


def test_a_worker_offline_for_the_purge_time_is_hidden():
    state = Table(
        Worker("old@box", beat_at=100.0, heard_at=150.0), Worker("new@box", beat_at=101.0)
    )

    assert hostnames(worker_rows(state, now=110.0, hide_after_s=10)) == ["new@box"]


def test_a_worker_without_a_heartbeat_is_hidden_by_its_newest_event():
    state = Table(Worker("quiet@box", heard_at=105.0))

    assert hostnames(worker_rows(state, now=114.9, hide_after_s=10)) == ["quiet@box"]
    assert worker_rows(state, now=115.0, hide_after_s=10) == []


def test_a_worker_that_is_alive_is_never_hidden():
    state = Table(Worker("w1@box", beat_at=1.0), alive=("w1@box",))

    assert hostnames(worker_rows(state, now=900.0, hide_after_s=10)) == ["w1@box"]


def test_rows_are_made_of_the_state_that_events_build():
    state = EventsState(clock=lambda: 10.0)
    heartbeat = {"type": "worker-heartbeat", "hostname": "w1@box", "timestamp": 9.0, "clock": 1}
    sent = {"type": "task-sent", "hostname": "gen1@box", "timestamp": 9.0, "clock": 2, "uuid": "7"}

    for event in (heartbeat, heartbeat, sent):
        state.event(event)

    (row,) = worker_rows(state, now=10.0)
    assert (row.worker.hostname, row.is_online) == ("w1@box", True)
    assert row.counts == {"worker-heartbeat": 2}
