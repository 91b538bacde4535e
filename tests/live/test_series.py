"""Numbers over time, of real tasks on real brokers, and of a time without events."""

import time

import pytest

from tests.services import Redis, wait_until

pytestmark = pytest.mark.live


def whole(dashboard, **arguments):
    (one,) = dashboard.get("/api/series", start="-10m", **arguments)["series"]
    return one["whole"]


def test_real_tasks_are_counted_and_measured(cluster):
    sent = [cluster.app.send_task("tests.shop.add", (1, number)) for number in range(3)]
    sent.append(cluster.app.send_task("tests.shop.fail", ("empty shelf",)))
    for one in sent[:3]:
        cluster.seen(one.id, "SUCCESS")
    cluster.seen(sent[3].id, "FAILURE")

    added = wait_until(
        lambda: (
            (found := whole(cluster.dashboard, kind="task", name="tests.shop.add"))["sent"] > 2
            and found
        )
    )
    failed = whole(cluster.dashboard, kind="task", name="tests.shop.fail")

    assert [added[key] for key in ("received", "started", "succeeded", "failed")] == [3, 3, 3, 0]
    assert added["run"]["count"] == added["wait"]["count"] == 3
    assert 0 <= added["run"]["p50_s"] <= added["run"]["p99_s"] < 5
    assert (failed["failed"], failed["succeeded"], failed["run"]) == (1, 0, None)


def test_a_real_worker_tells_its_load(cluster):
    name = cluster.worker.hostname

    found = wait_until(lambda: whole(cluster.dashboard, kind="worker", name=name), 20)

    assert found["active"]["least"] >= 0
    assert found["load"]["last"] >= 0


def test_a_time_without_the_broker_is_a_gap(tmp_path, start_dashboard):
    broker = Redis(tmp_path)
    broker.start()
    try:
        dashboard = start_dashboard(broker.url, broker.url)
        wait_until(lambda: dashboard.get("/api/connection")["connected"], 20, "connected")
        broker.kill()
        wait_until(lambda: not dashboard.get("/api/connection")["connected"], 20, "disconnected")
        time.sleep(2)
        observed = dashboard.get("/api/series", kind="task", start="-1m")["buckets"]
        time.sleep(2)
        later = dashboard.get("/api/series", kind="task", start="-1m")["buckets"]
    finally:
        broker.stop()

    assert {one["gap"] for one in later if one["observed_s"]} == {"part"}
    seconds = [sum(one["observed_s"] for one in buckets) for buckets in (observed, later)]
    assert seconds[0] == seconds[1]
