"""Label sets are bounded, whatever is sent."""

import pytest
from prometheus_client.exposition import generate_latest

from flower_ng.metrics import Registry
from flower_ng.metrics.pairs import PUBLISHERS_MAX, TYPES_MAX


def test_past_the_bound_tasks_count_as_other(make_feed):
    feed = make_feed(max_pairs=2)

    for number in range(5):
        feed.run(f"u{number}", name=f"t{number}")

    assert feed.metrics.pairs.count == 2
    succeeded = {"worker": "w1@box", "type": "task-succeeded"}
    assert feed.value("flower_events_total", **succeeded, task="t1") == 1
    assert feed.value("flower_events_total", **succeeded, task="__other__") == 3
    assert feed.value("flower_task_runtime_seconds_count", worker="w1@box", task="__other__") == 3
    assert feed.value("flower_worker_prefetched_tasks", worker="w1@box", task="__other__") == 0


MAX_BYTES = 200_000


def exposition(feed):
    return generate_latest(Registry(feed.metrics))


NAMES = {
    "short": "t",
    "long": "x" * 500,
    "quotes": '"' * 200,
    "umlauts": "ü" * 300,
    "backslashes": "\N{SNOWMAN}\\" * 90,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_whatever_names_are_sent_the_answer_stays_within_its_size(make_feed, name):
    feed = make_feed(max_bytes=MAX_BYTES)
    for number in range(400):
        task = f"{number}{name}"
        feed.task("sent", f"u{number}", "w1@box", name=task)
        feed.run(f"u{number}", name=task)
        for kind in range(12):
            feed.task(f"own{kind}", f"u{number}", name=task)

    ours, others = feed.metrics.pairs, {"worker": "w1@box", "task": "__other__"}
    family = b"".join(line for line in exposition(feed).splitlines(True) if b"worker=" in line)
    assert MAX_BYTES / 2 < len(family) <= ours.bytes
    assert ours.bytes < 1.2 * MAX_BYTES
    ended = feed.value("flower_task_runtime_seconds_count", **others)
    assert ended == 400 - ours.count > 0
    own = feed.metrics.events.of_worker("w1@box").items()
    assert sum(cell.value for (kind, _), cell in own if kind.startswith(("task-own", "__"))) == 4800


def test_a_worker_that_leaves_takes_the_size_of_its_series_along(make_feed):
    feed = make_feed(max_bytes=1)
    feed.run("u1", "w1@box", "t1")
    feed.run("u2", "w1@box", "t2")
    feed.task("own", "u2", "w1@box", name="t2")
    assert feed.metrics.pairs.bytes > 1

    feed.metrics.forgotten("w1@box")

    assert (feed.metrics.pairs.count, feed.metrics.pairs.bytes) == (0, 0)


def test_a_pair_that_was_admitted_keeps_counting_past_the_bound(make_feed):
    feed = make_feed(max_pairs=1)
    feed.run("u1", name="t1")
    feed.run("u2", name="t2")

    feed.run("u3", name="t1")

    labels = {"worker": "w1@box", "type": "task-succeeded", "task": "t1"}
    assert feed.value("flower_events_total", **labels) == 2


def test_a_worker_that_leaves_makes_room(make_feed):
    feed = make_feed(max_pairs=1)
    feed.run("u1", "w1@box", "t1")

    feed.metrics.forgotten("w1@box")
    feed.run("u2", "w2@box", "t2")

    assert feed.metrics.pairs.count == 1
    assert feed.value("flower_task_runtime_seconds_count", worker="w2@box", task="t2") == 1


def test_a_worker_takes_the_room_of_the_longest_silent_publisher(make_feed):
    feed = make_feed(max_pairs=2)
    feed.task("sent", "u1", "gen1@web", name="t")
    feed.task("sent", "u2", "gen2@web", name="t")

    feed.run("u3", "w1@box", "t")

    assert set(feed.metrics.events.table) == {"gen2@web", "w1@box"}


def test_a_publisher_takes_no_room_from_others(make_feed):
    feed = make_feed(max_pairs=1)
    feed.run("u1", "w1@box", "t")

    feed.task("sent", "u2", "gen1@web", name="t")

    labels = {"worker": "gen1@web", "type": "task-sent", "task": "__other__"}
    assert feed.value("flower_events_total", **labels) == 1
    assert feed.value("flower_task_runtime_seconds_count", worker="w1@box", task="t") == 1


def test_a_publisher_silent_for_an_hour_is_forgotten(feed):
    feed.task("sent", "u1", "gen1@web", name="t")
    feed.now += 3000
    feed.task("sent", "u2", "gen2@web", name="t")

    feed.now += 1000
    feed.metrics.settle()

    assert set(feed.metrics.events.table) == {"gen2@web"}


def test_publishers_are_bounded(feed):
    for number in range(PUBLISHERS_MAX + 50):
        feed.task("sent", f"u{number}", f"gen{number}@web", name="t")

    assert len(feed.metrics.events.table) == PUBLISHERS_MAX
    assert "gen0@web" not in feed.metrics.events.table


def test_a_worker_that_also_publishes_does_not_age(feed):
    feed.task("sent", "u1", "w1@box", name="t")
    feed.worker("heartbeat")
    feed.task("sent", "u2", "w1@box", name="t")

    feed.now += 10_000
    feed.metrics.settle()

    assert feed.metrics.known_workers() == {"w1@box"}


def test_event_types_are_bounded(feed):
    for number in range(TYPES_MAX + 5):
        feed.task(f"custom{number}", name="t")

    labels = {"worker": "w1@box", "type": "__other__", "task": "t"}
    assert feed.value("flower_events_total", **labels) == 5


@pytest.mark.parametrize(("length", "most"), [(60, 6_000), (400, 16_000)])
def test_what_a_pair_takes_of_an_answer_is_bounded_however_long_its_names_are(
    make_feed, length, most
):
    def size(pairs):
        feed = make_feed()
        for number in range(pairs):
            for kind in ("received", "started", "retried", "received", "started", "failed"):
                feed.task(kind, f"u{number}", f"w{number}@{'x' * length}", name="y" * length)
            feed.task("succeeded", f"u{number}", f"w{number}@{'x' * length}", runtime=0.3)
        return len(generate_latest(Registry(feed.metrics)))

    assert (size(11) - size(1)) / 10 < most
