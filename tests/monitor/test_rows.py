from collections import Counter

from flower_ng.monitor.ingest.ingest_stats import ConnectionState
from flower_ng.monitor.state.presence import Presence
from flower_ng.monitor.state.rows import worker_rows
from flower_ng.monitor.state.state import ClusterState
from flower_ng.records import Worker


class Table:
    """Stands in for ClusterState: rows need two members of it, and tests need them exact."""

    def __init__(self, *workers: Worker) -> None:
        self.workers = {worker.hostname: worker for worker in workers}
        self.counter = {worker.hostname: Counter() for worker in workers}


def rows_of(state, now: float, purge_after_s: float | None = None):
    connection = ConnectionState(connected=True, since=0.0, began=0.0)
    return worker_rows(state, Presence(state, lambda: connection, purge_after_s, lambda: now))


def hostnames(rows):
    return [row.worker.hostname for row in rows]


def test_a_row_gives_the_counts_first_then_the_fields_then_the_status():
    state = Table(Worker("w1@box", pid=7, heartbeats=(1.0, 2.0), beat_at=2.0, heard_at=2.0))
    state.counter["w1@box"].update({"worker-heartbeat": 2, "task-received": 5})

    (row,) = rows_of(state, now=3.0)

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

    assert hostnames(rows_of(state, now=0.0)) == ["b@box", "a@box"]


def test_a_publisher_has_counts_but_no_row():
    state = Table(Worker("w1@box"))
    state.counter["gen1@box"] = Counter({"task-sent": 3})

    assert hostnames(rows_of(state, now=0.0)) == ["w1@box"]


def test_a_worker_offline_for_the_purge_time_is_hidden():
    state = Table(
        *(
            Worker(name, freq=2.0, heartbeats=(at,), beat_at=at, heard_at=at)
            for name, at in (("old@box", 100.0), ("new@box", 101.0))
        )
    )

    assert hostnames(rows_of(state, 110.0, 10)) == ["new@box"]


def test_a_worker_without_a_heartbeat_is_hidden_by_its_newest_event():
    state = Table(Worker("quiet@box", heard_at=105.0))

    assert hostnames(rows_of(state, 114.9, 10)) == ["quiet@box"]
    assert rows_of(state, 115.0, 10) == []


def test_a_worker_that_is_alive_is_never_hidden():
    state = Table(Worker("w1@box", freq=500.0, heartbeats=(1.0,), beat_at=1.0, heard_at=1.0))

    assert hostnames(rows_of(state, 900.0, 10)) == ["w1@box"]


def test_rows_are_made_of_the_state_that_events_build():
    state = ClusterState(clock=lambda: 10.0)
    heartbeat = {"type": "worker-heartbeat", "hostname": "w1@box", "timestamp": 9.0, "clock": 1}
    sent = {"type": "task-sent", "hostname": "gen1@box", "timestamp": 9.0, "clock": 2, "uuid": "7"}

    for event in (heartbeat, heartbeat, sent):
        state.event(event)

    (row,) = rows_of(state, 10.0)
    assert (row.worker.hostname, row.is_online) == ("w1@box", True)
    assert row.counts == {"worker-heartbeat": 2}
