"""What flower_ng itself may fail at is told as a problem, and cleared when it does well again.

What it counts over five minutes is over after as much: there its clock leaps.
"""

import resource
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from threading import Timer
from uuid import uuid4

import pytest
from celery import Celery
from celery.events import EventDispatcher
from redis import Redis as Client

from tests.leap import set_ahead
from tests.live.test_problems import OPTIONS, Leaping
from tests.services import Dashboard, Redis, Worker, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live-redis")]

LOWERED = (
    *OPTIONS,
    "--inbox_max_messages=20",
    "--inspect_timeout=10000",
    "--problem_inspect_slow=0.5",
    "--problem_store_failing=0.5",
)
#: For how long a worker that answers late does nothing.
LATE_S = 1.0
#: Tasks in a message. A hundred thousand changes are held for a disk that is full.
BATCH = 2000


@pytest.fixture(scope="module")
def watched(redis_server: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Leaping]:
    folder, url = tmp_path_factory.mktemp("ours"), redis_server.url.replace("/0", "/6")
    clock = folder / "clock"
    set_ahead(clock, 0)
    options = (*LOWERED, "--persistent", f"--db={folder / 'history'}")
    worker = Worker(folder, url, url, options=("-c", "1"))
    dashboard = Dashboard(folder, url, url, options, clock=clock)
    worker.launch()
    try:
        leaping = Leaping(dashboard.start(), clock, worker, worker)
        leaping.online(worker.hostname)
        yield leaping
    finally:
        dashboard.kill()
        worker.kill()


@pytest.fixture
def dispatcher(redis_server: Redis) -> Iterator[EventDispatcher]:
    """Send events as a worker does, those of tasks in batches."""
    url = redis_server.url.replace("/0", "/6")
    with Celery(broker=url, set_as_current=False) as app, app.connection() as connection:
        in_batches = {"buffer_group": {"task"}, "buffer_limit": BATCH}
        dispatcher = app.events.Dispatcher(connection, hostname="w@elsewhere", **in_batches)
        yield dispatcher
        dispatcher.disable()


@contextmanager
def full_disk(dashboard: Dashboard) -> Iterator[None]:
    """Let no file of the dashboard's grow beyond what it has."""
    limit = partial(resource.prlimit, dashboard.pid, resource.RLIMIT_FSIZE)
    soft, hard = limit()
    limit((20_000, hard))
    try:
        yield
    finally:
        limit((soft, hard))


def dropped(watched: Leaping) -> int:
    return sum(watched.dashboard.get("/api/connection")["events"]["dropped"].values())


def told_of_all(watched: Leaping, before: int) -> bool:
    """Say whether the problem tells of all that were dropped, and no more are."""
    problem, lost = watched.told("events-dropped"), dropped(watched) - before
    return problem is not None and problem["evidence"]["dropped"] >= lost


def ended(dispatcher: EventDispatcher) -> None:
    """Tell the ends of so many tasks."""
    for _ in range(5 * BATCH):
        dispatcher.send("task-succeeded", uuid=str(uuid4()))


def test_events_that_find_no_room_are_told_for_five_minutes(watched, dispatcher):
    before = dropped(watched)
    for _ in range(3000):
        dispatcher.send("worker-heartbeat", freq=60)
    wait_until(lambda: dropped(watched) > before, 30, "some are dropped")
    wait_until(lambda: told_of_all(watched, before), 30, "all that were dropped are told of")
    while_told = watched.dashboard.ask("/workers").text
    watched.leap(301)
    watched.clears("events-dropped")

    assert "events were dropped because the inbox was full" in while_told
    assert "events were dropped" not in watched.dashboard.ask("/workers").text


def test_a_connection_that_redis_closed_for_slow_reading_is_told_as_a_loss_of_unknown_size(
    watched, dispatcher, redis_server
):
    """Without Redis's own counter, which those of most systems lack."""
    limit = "client-output-buffer-limit"
    with Client.from_url(redis_server.url) as client:
        client.config_set(limit, "pubsub 1mb 0 0")
        watched.dashboard.signal(signal.SIGSTOP)
        try:
            for _ in range(200):
                dispatcher.send("worker-heartbeat", freq=60, note="x" * 200_000)
        finally:
            watched.dashboard.signal(signal.SIGCONT)
            client.config_set(limit, "pubsub 32mb 8mb 60")

    assert watched.sees("broker-cut-off")["evidence"] == {"event connection closed": 1}
    while_told = watched.dashboard.ask("/workers").text
    assert "Events are missing, how many is unknown" in while_told
    assert "\nflower_ng_event_connection_cuts_total 1.0" in watched.dashboard.ask("/metrics").text
    assert "no connection to the broker" in watched.dashboard.ask("/history").text.lower()
    watched.leap(301)
    watched.clears("broker-cut-off")
    assert "Events are missing" not in watched.dashboard.ask("/workers").text


def test_a_full_disk_is_told_until_it_has_room_and_what_was_lost_for_five_minutes(
    watched, dispatcher
):
    with full_disk(watched.dashboard):
        reason = watched.sees("store-failing")["evidence"]["reason"]
        wait_until(lambda: ended(dispatcher) or watched.told("store-lost"), 90, "changes are lost")
    watched.clears("store-failing")
    time.sleep(1)  # what was lost last is looked at before the clock leaps
    lost = watched.told("store-lost")
    watched.leap(301)

    assert reason
    assert lost["evidence"]["changes lost"] > 0
    watched.clears("store-lost")


def test_workers_that_answer_late_are_told_until_they_answer_soon(watched):
    watched.leap(301)
    for _ in range(2):
        watched.hand.signal(signal.SIGSTOP)
        going_on = Timer(LATE_S, watched.hand.signal, [signal.SIGCONT])
        going_on.start()
        watched.ask(watched.hand)
        going_on.join()
    assert watched.sees("inspect-slow")["evidence"]["inspection_s"] > 0.5
    watched.inspect(watched.hand)  # it has to catch up
    watched.leap(301)
    for _ in range(3):
        watched.inspect(watched.hand)
    watched.clears("inspect-slow")
