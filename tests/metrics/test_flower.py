"""Flower's six families follow the events, and no gauge is negative, stuck or invented."""

import math
from typing import Any

import pytest

from flower_ng.changes import Change
from flower_ng.event_record import Event

PAIR = {"worker": "w1@box", "task": "shop.pay"}
PREFETCHED = "flower_worker_prefetched_tasks"
PREFETCH_TIME = "flower_task_prefetch_time_seconds"
ONLINE = "flower_worker_online"
EXECUTING = "flower_worker_number_of_currently_executing_tasks"


def events(feed: Any, kind: str, worker: str = "w1@box", task: str = "shop.pay") -> float | None:
    return feed.value("flower_events_total", worker=worker, type=kind, task=task)


def test_every_task_event_is_counted_by_worker_type_and_task(feed):
    feed.run("u1")
    feed.run("u2")

    assert events(feed, "task-received") == 2
    assert events(feed, "task-started") == 2
    assert events(feed, "task-succeeded") == 2


def test_a_task_name_comes_from_the_event_else_from_the_known_task_else_it_is_empty(feed):
    feed.task("started", "u1")

    feed.task("received", "u2", name="shop.pay")
    feed.task("started", "u2")

    assert events(feed, "task-started", task="") == 1
    assert events(feed, "task-started") == 1


def test_names_that_are_longer_than_labels_count_as_others_do(feed):
    worker, name = "w" * 400, "t" * 300
    labels = {"worker": worker[:200], "task": name[:200]}
    feed.run("u1", worker, name)
    feed.run("u2", worker, name)
    feed.task("received", "u3", worker, name=name)
    feed.task("sent", "u4", "gen1@" + "x" * 400, name=name)

    assert feed.value("flower_events_total", **labels, type="task-succeeded") == 2
    assert feed.value("flower_task_runtime_seconds_count", **labels) == 2
    assert feed.value("flower_task_prefetch_time_seconds", **labels) == 0
    assert feed.value("flower_worker_prefetched_tasks", **labels) == 1
    assert feed.metrics.known_workers() == {worker}
    feed.worker("heartbeat", worker, active=3, freq=2.0)
    feed.worker("offline", worker)
    assert feed.value("flower_worker_prefetched_tasks", **labels) == 0
    executing = "flower_worker_number_of_currently_executing_tasks"
    assert feed.value(executing, worker=worker[:200]) == 0
    feed.metrics.forgotten(worker)
    assert feed.metrics.known_workers() == set()


def test_custom_task_events_are_counted(feed):
    feed.task("progress", name="shop.pay")

    assert events(feed, "task-progress") == 1


def test_task_sent_is_counted_for_its_publisher(feed):
    feed.task("sent", worker="gen7@web", name="shop.pay")

    assert events(feed, "task-sent", worker="gen7@web") == 1


def test_worker_events_are_not_counted(feed):
    feed.worker("heartbeat")

    assert not feed.metrics.events.table


def test_runtime_goes_into_the_histogram(feed):
    feed.run()

    assert feed.value("flower_task_runtime_seconds_count", **PAIR) == 1
    assert feed.value("flower_task_runtime_seconds_sum", **PAIR) == 0.3
    assert feed.value("flower_task_runtime_seconds_bucket", **PAIR, le="0.25") == 0
    assert feed.value("flower_task_runtime_seconds_bucket", **PAIR, le="0.5") == 1


@pytest.mark.parametrize("runtime", [0.0, -1.0, math.nan, math.inf, None])
def test_a_runtime_that_is_none_is_not_observed(feed, runtime):
    feed.task("succeeded", name="shop.pay", runtime=runtime)

    assert feed.value("flower_task_runtime_seconds_count", **PAIR) is None


def test_a_received_task_is_prefetched_until_it_starts(feed):
    feed.task("received", name="shop.pay")
    assert feed.value(PREFETCHED, **PAIR) == 1

    feed.now += 1.5
    feed.task("started")

    assert feed.value(PREFETCHED, **PAIR) == 0
    assert feed.value(PREFETCH_TIME, **PAIR) == 1.5


@pytest.mark.parametrize("end", ["succeeded", "failed", "retried", "revoked", "rejected"])
def test_prefetch_time_returns_to_zero_when_the_run_ends(feed, end):
    feed.task("received", name="shop.pay")
    feed.now += 1.5
    feed.task("started")

    feed.task(end)

    assert feed.value(PREFETCH_TIME, **PAIR) == 0


def test_prefetch_time_returns_to_zero_when_a_retry_is_received_before_its_run_ends(feed):
    feed.task("received", name="shop.pay")
    feed.now += 1.5
    feed.task("started")

    feed.task("received", name="shop.pay", retries=1, eta="2026-11-20T10:30:00+00:00")
    feed.task("retried")

    assert feed.value(PREFETCH_TIME, **PAIR) == 0


def test_prefetch_time_is_that_of_the_newest_task_while_it_runs(feed):
    for uuid, wait_s in (("a", 1.5), ("b", 4.0)):
        feed.task("received", uuid=uuid, name="shop.pay")
        feed.now += wait_s
        feed.task("started", uuid=uuid)

    feed.task("succeeded", uuid="a")
    assert feed.value(PREFETCH_TIME, **PAIR) == 4.0

    feed.task("succeeded", uuid="b")
    assert feed.value(PREFETCH_TIME, **PAIR) == 0


@pytest.mark.parametrize("end", ["succeeded", "failed", "retried", "revoked", "rejected"])
def test_a_task_that_ends_unstarted_is_prefetched_no_more(feed, end):
    feed.task("received", name="shop.pay")

    feed.task(end)

    assert feed.value(PREFETCHED, **PAIR) == 0


def test_tasks_with_an_eta_touch_neither_prefetch_gauge(feed):
    feed.task("received", name="shop.pay", eta="2026-01-01T00:00:00")
    feed.now += 60
    feed.task("started")

    assert feed.value(PREFETCHED, **PAIR) is None
    assert feed.value(PREFETCH_TIME, **PAIR) is None


def test_a_start_whose_receipt_was_missed_makes_nothing_negative(feed):
    feed.task("started", name="shop.pay")

    assert feed.value(PREFETCHED, **PAIR) is None
    assert feed.value(PREFETCH_TIME, **PAIR) is None


def test_a_start_after_a_restart_makes_nothing_negative(feed, make_feed):
    feed.task("received", name="shop.pay")
    restarted = make_feed()
    restarted.tasks = feed.tasks

    restarted.task("started")

    assert restarted.value(PREFETCHED, **PAIR) is None


def test_a_receipt_told_twice_counts_once(feed):
    feed.task("received", name="shop.pay")
    feed.task("received", name="shop.pay")

    assert feed.value(PREFETCHED, **PAIR) == 1


def test_a_redelivered_task_moves_to_its_new_worker(feed):
    feed.task("received", name="shop.pay")
    feed.task("received", worker="w2@box", name="shop.pay")

    assert feed.value(PREFETCHED, **PAIR) == 0
    assert feed.value(PREFETCHED, worker="w2@box", task="shop.pay") == 1


def test_an_evicted_task_is_prefetched_no_more(feed):
    feed.task("received", name="shop.pay")

    feed.metrics.evicted(feed.tasks["u1"])

    assert feed.value(PREFETCHED, **PAIR) == 0
    assert feed.metrics.tasks_evicted == 1


def test_a_clock_that_ran_backwards_gives_no_negative_prefetch_time(feed):
    feed.task("received", name="shop.pay")
    feed.now -= 5

    feed.task("started")

    assert feed.value(PREFETCH_TIME, **PAIR) == 0


@pytest.mark.parametrize("kind", ["offline", "online"])
def test_a_worker_that_stops_or_starts_anew_has_nothing_prefetched(feed, kind):
    feed.task("received", name="shop.pay")

    feed.worker(kind)

    assert feed.value(PREFETCHED, **PAIR) == 0


def test_online_follows_the_workers_events(feed):
    feed.worker("online")
    assert feed.value(ONLINE, worker="w1@box") == 1

    feed.worker("offline")
    assert feed.value(ONLINE, worker="w1@box") == 0

    feed.worker("heartbeat")
    assert feed.value(ONLINE, worker="w1@box") == 1


def test_executing_is_the_active_count_of_the_heartbeat(feed):
    feed.worker("heartbeat")
    assert feed.value(EXECUTING, worker="w1@box") is None

    feed.worker("heartbeat", active=3)
    assert feed.value(EXECUTING, worker="w1@box") == 3


def test_a_worker_that_is_offline_executes_nothing(feed):
    feed.worker("heartbeat", active=3)

    feed.worker("offline")

    assert feed.value(EXECUTING, worker="w1@box") == 0


def test_a_worker_that_died_silently_shows_zeros(feed):
    feed.worker("heartbeat", active=3)
    feed.task("received", name="shop.pay")

    feed.dead.add("w1@box")
    feed.now += 10

    assert feed.value(ONLINE, worker="w1@box") == 0
    assert feed.value(EXECUTING, worker="w1@box") == 0
    assert feed.value(PREFETCHED, **PAIR) == 0


def test_a_worker_without_heartbeats_that_sends_events_keeps_its_prefetched_tasks(feed):
    feed.task("received", name="shop.pay")

    feed.dead.add("w1@box")

    assert feed.value(PREFETCHED, **PAIR) == 1


def test_a_worker_heard_again_shows_again_what_waits_there(feed):
    feed.task("received", "u1", name="shop.pay")
    feed.task("received", "u2", name="shop.pay")
    feed.dead.add("w1@box")
    feed.now += 10
    assert feed.value(PREFETCHED, **PAIR) == 0

    feed.dead.clear()
    feed.task("started", "u1")

    assert feed.value(PREFETCHED, **PAIR) == 1


def test_removing_a_worker_removes_all_its_series_and_no_others(feed):
    for worker in ("w1@box", "w2@box"):
        feed.worker("heartbeat", worker, active=1)
        feed.run(f"u-{worker}", worker)

    feed.metrics.remove_worker_metrics("w1@box")

    assert feed.metrics.known_workers() == {"w2@box"}
    assert all(set(family.table) == {"w2@box"} for family in feed.metrics.families)


def test_a_forgotten_worker_that_returns_starts_at_nothing(feed):
    feed.task("received", name="shop.pay")
    feed.metrics.forgotten("w1@box")

    feed.task("started")

    assert feed.value(PREFETCHED, **PAIR) is None
    assert events(feed, "task-started") == 1


def test_a_thousand_workers_that_come_and_go_leave_nothing(feed):
    for number in range(1000):
        name = f"w{number}@box"
        feed.worker("online", name)
        feed.run(f"u{number}", name)
        feed.metrics.forgotten(name)

    assert feed.metrics.known_workers() == frozenset()
    assert feed.metrics.pairs.count == 0
    assert feed.metrics.hosts_forgotten == 1000


def test_buckets_are_as_given_with_infinity_added(make_feed):
    feed = make_feed(buckets=[0.1, 60.0])

    feed.run()

    assert feed.value("flower_task_runtime_seconds_bucket", **PAIR, le="0.1") == 0
    assert feed.value("flower_task_runtime_seconds_bucket", **PAIR, le="60.0") == 1
    assert feed.value("flower_task_runtime_seconds_bucket", **PAIR, le="+Inf") == 1


@pytest.mark.parametrize("buckets", [[2.0, 1.0], [1.0, 1.0], [math.nan]])
def test_buckets_that_do_not_ascend_are_refused(make_feed, buckets):
    with pytest.raises(ValueError, match="ascending"):
        make_feed(buckets=buckets)


def test_created_series_can_be_switched_off(make_feed):
    feed = make_feed(with_created=False)

    feed.run()

    names = {sample.name for family in feed.metrics.collect() for sample in family.samples}
    assert not [name for name in names if name.endswith("_created")]


def test_lag_is_the_time_from_the_timestamp_and_never_negative(feed):
    for timestamp in (feed.now - 3, feed.now + 3):
        feed.metrics.observe(Change(Event("worker-heartbeat", "w1@box", timestamp)))

    assert sum(feed.metrics.ingest_lag.counts) == 2
    assert feed.metrics.ingest_lag.sum == 3.0
