import asyncio
from itertools import pairwise
from types import SimpleNamespace

import pytest

from flower_ng.metrics import PrometheusMetrics
from flower_ng.monitor.ingest.ingest_stats import ConnectionState
from flower_ng.monitor.remote.answers import InspectAnswers
from flower_ng.monitor.state.presence import Presence
from flower_ng.monitor.state.purge import PUBLISHER_SILENCE_S, SLICE, Purge
from flower_ng.monitor.state.state import ClusterState

AFTER_S = 600.0


class Cluster:
    """Real state and metrics under a clock of the test's own; the inspector's answers as it keeps
    them, because an Inspector needs a broker.
    """

    def __init__(self, after_s=AFTER_S):
        self.now = 1_000_000.0
        self.metrics = PrometheusMetrics(clock=self.clock)
        self.state = ClusterState(observers=(self.metrics,), clock=self.clock)
        self.answers = InspectAnswers(most=100_000)
        self.inspector = SimpleNamespace(
            workers=self.answers.records, purge_worker=self.answers.forget
        )
        self.listening = ConnectionState(connected=True, since=0.0, began=0.0)
        self.purge = self.purging(after_s)

    def purging(self, after_s):
        self.presence = Presence(self.state, lambda: self.listening, after_s, self.clock)
        return Purge(self.state, self.inspector, self.metrics, self.presence, clock=self.clock)

    def hides(self, host):
        return self.presence.status(self.state.workers[host]) == "purged"

    def clock(self):
        return self.now

    def heard(self, host, kind="worker-heartbeat", **fields):
        self.state.event({"type": kind, "hostname": host, "timestamp": self.now, **fields})

    def worked(self, host, task_id):
        for kind in ("task-received", "task-started"):
            self.heard(host, kind, uuid=task_id, name="shop.add")
        self.heard(host, "task-succeeded", uuid=task_id, name="shop.add", runtime=0.1)

    def answered(self, host):
        self.answers.take(host, "stats", {}, self.now)

    def pass_s(self, seconds):
        self.now += seconds
        self.purge.run()

    def places(self, host):
        """Name the tables that know a host."""
        tables = {
            "workers": self.state.workers,
            "counter": self.state.counter,
            "inspector": self.inspector.workers,
            "metrics": {name for family in self.metrics.families for name in family.table},
        }
        return {name for name, table in tables.items() if host in table}


EVERYWHERE = {"workers", "counter", "inspector", "metrics"}


@pytest.fixture
def cluster():
    return Cluster()


def test_a_worker_that_is_offline_for_long_is_forgotten_everywhere(cluster):
    cluster.worked("w1@box", "1")
    cluster.heard("w1@box", freq=2.0)
    cluster.answered("w1@box")
    cluster.pass_s(AFTER_S - 1)
    assert cluster.places("w1@box") == EVERYWHERE

    cluster.pass_s(1)

    assert cluster.places("w1@box") == set()


def test_the_time_counts_from_the_last_event_after_a_clean_shutdown(cluster):
    cluster.heard("w1@box", freq=2.0)
    cluster.now += 300
    cluster.heard("w1@box", "worker-offline")

    cluster.pass_s(AFTER_S - 1)
    assert "workers" in cluster.places("w1@box")
    cluster.pass_s(1)
    assert cluster.places("w1@box") == set()


def test_a_worker_whose_clock_is_wrong_is_judged_by_ours(cluster):
    wrong = {"type": "worker-heartbeat", "hostname": "w1@box", "freq": 2.0}
    cluster.state.event({**wrong, "timestamp": cluster.now - 86_400})

    cluster.pass_s(1)

    assert "workers" in cluster.places("w1@box")


def test_a_worker_that_beats_slowly_is_not_offline(cluster):
    cluster.heard("w1@box", freq=3600.0)

    cluster.pass_s(AFTER_S * 2)

    assert "workers" in cluster.places("w1@box")
    assert not cluster.hides("w1@box")


def test_a_row_is_hidden_at_once(cluster):
    cluster.heard("w1@box", freq=2.0)
    cluster.now += AFTER_S - 1
    assert not cluster.hides("w1@box")
    cluster.now += 1
    assert cluster.hides("w1@box")


def test_a_worker_that_returns_is_simply_back(cluster):
    cluster.heard("w1@box", freq=2.0)
    cluster.pass_s(AFTER_S)

    cluster.worked("w1@box", "1")
    cluster.answered("w1@box")
    cluster.pass_s(1)

    assert cluster.places("w1@box") == EVERYWHERE
    assert cluster.state.counter["w1@box"]["worker-heartbeat"] == 0


def test_tasks_keep_the_name_of_a_purged_worker(cluster):
    cluster.worked("w1@box", "1")
    cluster.state.workers["w1@box"].freq = 2.0

    cluster.pass_s(AFTER_S)

    assert cluster.places("w1@box") == set()
    assert cluster.state.tasks["1"].worker.hostname == "w1@box"


def test_a_worker_known_from_its_answers_alone_has_its_grace(cluster):
    cluster.answered("quiet@box")
    cluster.pass_s(0)

    cluster.pass_s(AFTER_S - 1)
    assert cluster.places("quiet@box") == {"inspector"}
    cluster.pass_s(1)
    assert cluster.places("quiet@box") == set()


def test_a_worker_that_goes_on_answering_stays(cluster):
    for _ in range(10):
        cluster.answered("quiet@box")
        cluster.pass_s(AFTER_S / 2)

    assert cluster.places("quiet@box") == {"inspector"}


def test_names_that_only_the_counter_knows_go(cluster):
    cluster.state.counter["old@box"] = {"worker-heartbeat": 3}
    cluster.pass_s(0)
    cluster.pass_s(AFTER_S - 1)
    assert cluster.places("old@box") == {"counter"}

    cluster.pass_s(1)

    assert cluster.places("old@box") == set()


def test_names_that_only_the_metrics_know_go(cluster):
    cluster.metrics.worker_online.labels("left@box").set(1)
    cluster.pass_s(0)

    cluster.pass_s(AFTER_S)

    assert cluster.places("left@box") == set()


def test_a_publisher_is_not_purged_as_a_worker(cluster):
    cluster.heard("gen7@box", "task-sent", uuid="1", name="shop.add")
    cluster.pass_s(0)

    cluster.pass_s(AFTER_S * 2)

    assert cluster.places("gen7@box") == {"counter", "metrics"}


def test_a_publisher_that_is_silent_for_an_hour_goes(cluster):
    cluster.heard("gen7@box", "task-sent", uuid="1", name="shop.add")

    cluster.pass_s(PUBLISHER_SILENCE_S)

    assert cluster.places("gen7@box") == set()


def test_without_the_option_nobody_goes_and_nothing_is_hidden():
    cluster = Cluster(after_s=None)
    cluster.worked("w1@box", "1")
    cluster.heard("w1@box", freq=2.0)
    cluster.answered("w1@box")

    cluster.pass_s(10_000_000)

    assert cluster.places("w1@box") == EVERYWHERE
    assert not cluster.hides("w1@box")


async def test_the_timer_runs_by_itself(cluster, monkeypatch):
    monkeypatch.setattr("flower_ng.monitor.state.purge.LEAST_PERIOD_S", 0.01)
    purge = cluster.purging(0.01)
    cluster.heard("w1@box", freq=2.0)
    cluster.now += 100

    purge.start()
    async with asyncio.timeout(30):
        while cluster.places("w1@box"):  # noqa: ASYNC110 - a timer has no Event
            await asyncio.sleep(0.01)
    purge.stop()


async def test_a_fleet_that_ended_goes_in_steps_and_who_comes_back_between_two_stays(
    cluster, monkeypatch
):
    monkeypatch.setattr("flower_ng.monitor.state.purge.LEAST_PERIOD_S", 0.01)
    names = [f"w{number}@box" for number in range(3 * SLICE)]
    for name in names:
        cluster.heard(name, freq=2.0)
    cluster.now += AFTER_S

    purge = cluster.purging(0.01)
    purge.start()
    left = [len(names)]
    async with asyncio.timeout(30):
        while left[-1] > 1:
            await asyncio.sleep(0)
            left.append(len(cluster.state.workers))
            if left[-1] == 2 * SLICE:
                cluster.heard(names[-1], freq=1000.0)
    purge.stop()

    assert list(cluster.state.workers) == [names[-1]]
    assert max(before - after for before, after in pairwise(left)) <= SLICE


def test_ten_thousand_names_come_and_go_while_twenty_live(cluster):
    living = [f"live{number}@box" for number in range(20)]
    sizes = []
    for batch in range(100):
        for host in living:
            cluster.heard(host, freq=2.0)
            cluster.worked(host, f"{host}-{batch}")
        for number in range(100):
            host = f"pod{batch}-{number}@box"
            cluster.heard(host, freq=2.0)
            cluster.worked(host, f"{host}-{number}")
            cluster.answered(host)
        cluster.pass_s(AFTER_S)
        sizes.append(
            (
                len(cluster.state.workers),
                len(cluster.state.counter),
                len(cluster.inspector.workers),
                *(len(family.table) for family in cluster.metrics.families),
                len(cluster.purge._orphans),  # noqa: SLF001 - nothing else shows what it keeps itself
            )
        )
        for host in living:
            cluster.heard(host, freq=2.0)

    assert max(size[0] for size in sizes) <= 120
    assert sizes[1:] == sizes[:1] * 99
