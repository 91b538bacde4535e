"""Numbers over time, of real tasks on real brokers, and of a time without events."""

import signal
import time

import pytest
from celery import Celery

from tests.services import Redis, wait_until

pytestmark = pytest.mark.live
STALL_S = 35


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


def test_a_deploy_is_told_and_the_minute_of_it_can_be_looked_back_at(cluster):
    dashboard, name = cluster.dashboard, cluster.worker.hostname
    wait_until(lambda: whole(dashboard, kind="worker", name=name), 20)
    told = dashboard.post("/api/deploys", {"name": "shop", "version": "2.4.1"}).json()

    (listed,) = [one for one in dashboard.get("/api/deploys")["deploys"] if one["is_told"]]
    changes = dashboard.get("/api/deploys/changes")
    minute = dashboard.ask("/workers?at=now").headers["Location"]
    then = wait_until(lambda: name in (page := dashboard.ask(minute).text) and page, 20)

    assert (listed["id"], listed["version"]) == (told["id"], "2.4.1")
    assert changes["deploy"]["id"] == told["id"]
    assert "shop 2.4.1 deployed" in dashboard.ask("/overview").text
    assert "Heard" in then


def observed_s(dashboard, start="-2m"):
    """For how long the last minutes were observed, and the gaps of those that were in part."""
    buckets = dashboard.get("/api/series", kind="task", start=start)["buckets"]
    seen = [one for one in buckets if one["observed_s"]]
    return sum(one["observed_s"] for one in seen), {one["gap"] for one in seen}


def test_a_stall_is_observed_once_its_events_have_come(redis_url, start_dashboard, start_worker):
    """Longer than flower_ng takes for granted, as a host that is suspended for a moment."""
    dashboard = start_dashboard(redis_url, redis_url)
    start_worker(redis_url, redis_url)
    app = Celery(broker=redis_url)
    began = time.time()
    wait_until(lambda: observed_s(dashboard)[0] > 3, 20, "some of it is observed")
    dashboard.signal(signal.SIGSTOP)
    try:
        for _ in range(5):
            app.send_task("tests.shop.add", (1, 2))
            time.sleep(STALL_S / 5)
    finally:
        dashboard.signal(signal.SIGCONT)

    def caught_up():
        missing = time.time() - began - observed_s(dashboard, began)[0]
        return (
            missing < 10 and whole(dashboard, kind="task", name="tests.shop.add")["received"] == 5
        )

    wait_until(caught_up, 20, "the stall is observed")


def test_a_time_without_the_broker_is_a_gap(tmp_path, start_dashboard):
    broker = Redis(tmp_path)
    broker.start()
    try:
        dashboard = start_dashboard(broker.url, broker.url)
        wait_until(lambda: observed_s(dashboard)[0] > 3, 20, "some of it is observed")
        broker.kill()
        wait_until(lambda: not dashboard.get("/api/connection")["connected"], 20, "disconnected")
        before = observed_s(dashboard)
        time.sleep(3)
        after = observed_s(dashboard)
    finally:
        broker.stop()

    assert before[0] == after[0] > 1
    assert after[1] == {"part"}
