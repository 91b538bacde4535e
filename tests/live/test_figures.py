"""Numbers over time of real tasks on real brokers, compared with a receiver of Celery's own."""

import re
import threading
import time
from collections import Counter
from contextlib import suppress

import pytest

from tests.services import wait_until
from tests.web.recorder import OUTCOMES, Recorder, quantile

pytestmark = pytest.mark.live
EVENTS = re.compile(
    r'^flower_events_total\{task="([^"]*)",type="([^"]*)",worker="([^"]*)"\} (\S+)$', re.MULTILINE
)
ERROR = 0.0202
ADDED, FAILED, RETRIED, REVOKED = 120, 20, 8, 3


class Over(Exception):  # noqa: N818 - no error
    """Enough was heard."""


class Ear(threading.Thread):
    """Celery's own receiver, beside the dashboard, on the same broker."""

    def __init__(self, app):
        super().__init__(daemon=True)
        self.app, self.record, self.is_over = app, Recorder(), False
        self.hears = threading.Event()

    def run(self):
        with self.app.connection_for_read() as connection:
            receiver = self.app.events.Receiver(connection, handlers={"*": self.note})
            with suppress(Over):  # a capture that began again would miss events
                receiver.capture(limit=None, timeout=None, wakeup=False)

    def note(self, event):
        self.hears.set()
        if event["type"].startswith("task-"):
            self.record.note(event)
        if self.is_over:
            raise Over

    def ended(self):
        """How many tasks have ended, as far as was heard."""
        done = ("succeeded", "failed", "revoked")
        return sum(self.record.count(one, 0, time.time() + 60) for one in done)


@pytest.fixture(scope="module")
def heard(cluster):
    """Have tasks of every outcome run, and return what was heard of them, and since when."""
    ear, since = Ear(cluster.app), time.time()
    ear.start()
    assert ear.hears.wait(15), "the receiver hears heartbeats"
    for number in range(ADDED):
        cluster.app.send_task("tests.shop.add", (1, number))
    for _ in range(FAILED):
        cluster.app.send_task("tests.shop.fail", ("empty shelf",))
    for _ in range(RETRIED):
        cluster.app.send_task("tests.shop.flaky", (1,))
    for _ in range(REVOKED):
        late = cluster.app.send_task("tests.shop.add", (1, 1), countdown=5)
        cluster.seen(late.id, "RECEIVED")
        cluster.app.control.revoke(late.id)
    expected = ADDED + FAILED + RETRIED + REVOKED
    wait_until(lambda: ear.ended() == expected, 60, "all tasks have ended")
    last = cluster.app.send_task("tests.shop.echo", ())
    cluster.seen(last.id, "SUCCESS")
    wait_until(lambda: ear.ended() == expected + 1, 15, "the last one has ended")
    start, sent = int(since // 60) * 60, expected + 1 + RETRIED
    # A sender's events and a worker's come on connections of their own: one may be late.
    wait_until(lambda: ear.record.count("sent", 0, time.time() + 60) == sent, 15, "all were sent")
    wait_until(lambda: queue_of(cluster, start)["sent"] == sent, 15, "the dashboard heard that")
    ear.is_over = True
    return ear.record, start


def whole(cluster, start, **asked):
    page = cluster.dashboard.get("/api/series", start=start, **asked)
    return page["series"][0]["whole"]


def queue_of(cluster, start):
    return whole(cluster, start, kind="queue", name="celery")


@pytest.mark.parametrize("step", [60, 600, 3600])
def test_the_series_of_each_type_say_what_was_heard(cluster, heard, step):
    record, start = heard
    for name in (None, *record.types):
        told = whole(cluster, start, kind="task", name=name or "", step=step)

        end = time.time() + 60
        assert {one: told[one] for one in OUTCOMES} == {
            one: record.count(one, start, end, name) for one in OUTCOMES
        }
        if runs := record.runs(start, end, name):
            assert told["run"]["count"] == len(runs)
            assert told["run"]["total_s"] == pytest.approx(sum(runs))
            for key, share in (("p50_s", 0.5), ("p95_s", 0.95), ("p99_s", 0.99)):
                assert told["run"][key] == pytest.approx(quantile(runs, share), rel=ERROR, abs=1e-4)
        if name in {"tests.shop.add", "tests.shop.fail"}:  # whose attempts are tasks
            queued = record.queued(start, end, name)
            assert told["queued"]["count"] == len(queued)
            assert told["queued"]["total_s"] == pytest.approx(sum(queued), abs=1e-3)
            assert told["total_run_s"] == pytest.approx(
                record.total_run_s(start, end, name), abs=1e-3
            )


def test_the_queue_counts_each_sending_and_each_receipt(cluster, heard):
    record, start = heard
    told = queue_of(cluster, start)

    sent = record.count("sent", start, time.time() + 60)
    received = record.count("received", start, time.time() + 60)
    assert (told["sent"], told["received"]) == (sent, received) == (sent, sent)


def test_metrics_count_each_event(cluster, heard):
    record, _ = heard
    names = {event["uuid"]: event["name"] for event in record.events if event.get("name")}
    expected = Counter(
        (names[event["uuid"]], event["type"], event["hostname"]) for event in record.events
    )

    text = cluster.dashboard.ask("/metrics").text
    told = {tuple(labels): float(value) for *labels, value in EVENTS.findall(text)}
    assert {key: value for key, value in told.items() if value} == expected


def test_pages_show_the_same(cluster, heard):
    record, start = heard
    end = time.time() + 60
    failed = record.count("failed", start, end)
    told = cluster.dashboard.get("/api/overview")

    assert (told["failed"], told["finished"]) == (
        failed,
        failed + record.count("succeeded", start, end),
    )
    row = re.search(
        r'id="type-/types/tests.shop.add".*?data-label="Tasks">([0-9,]+)<',
        cluster.dashboard.ask("/types").text,
        re.DOTALL,
    )
    assert row is not None
    assert int(row[1]) == record.count("received", start, end, "tests.shop.add")
