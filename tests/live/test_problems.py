"""Real conditions of workers, tasks and queues are found as problems, and cleared when over.

Thresholds are lowered by the rules' own options: what they are usually is for the pure tests and
test_defaults.py. The windows of some rules are no options: there the dashboard's clock leaps.
"""

import json
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery

from tests.leap import set_ahead
from tests.live.watching import NAPS, Watched
from tests.services import Dashboard, Redis, Worker, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live-redis")]

OPTIONS = (
    "--problems_interval=0.3",
    "--problems_hold=0.6",
    "--problems_quiet_start=0",
    "--inspect_interval=0",
)
LOWERED = (
    *OPTIONS,
    "--problem_worker_silent=3",
    "--problem_workers_twins=2",
    "--problem_worker_unanswering=0.5",
    "--problem_worker_eventless=0.5",
    "--problem_worker_stalled=0.5",
    "--problem_worker_full=0.5",
    "--problem_worker_hoards=0.5",
    "--problem_workers_differ=0.5",
    "--problem_worker_churn=1",
    "--problem_task_long=1",
    "--problem_task_near_limit=0.1",
    "--problem_task_unclaimed=1",
    "--problem_task_retrying=2",
    "--problem_task_new_exception=0.1",
    "--problem_queue_deserted=0.5",
    "--problem_queue_old=1",
    "--problem_queue_long=100",
    "--problem_queue_growing=0.02",
    "--problem_broker_redelivers=0.1",
)
#: The dashboard takes the broker for one that gives a message out again after this time.
VISIBILITY_S = 10
HISTORY_S = 7200
#: `spare` has a time limit, a queue of its own and a heartbeat each second.
SPARE = ("-c", "1", "-Q", "spare", "--heartbeat-interval=1", "--time-limit=30")
Begin = Callable[..., Worker]


@pytest.fixture(scope="module")
def url(redis_server: Redis) -> str:
    return redis_server.url.replace("/0", "/7")


class Leaping(Watched):
    """A watched dashboard whose clock leaps; the workers `hand` and `spare` are there all along."""

    def __init__(self, dashboard: Dashboard, clock: Path, hand: Worker, spare: Worker) -> None:
        super().__init__(dashboard)
        self.hand, self.spare = hand, spare
        self._clock, self._ahead = clock, 0.0

    def leap(self, seconds: float) -> None:
        self._ahead += seconds
        set_ahead(self._clock, self._ahead)

    def inspect(self, *workers: Worker) -> None:
        """Have workers asked until they have answered."""
        for one in workers:
            before = self.record(one).get("timestamp", 0.0)
            wait_until(lambda w=one, at=before: self.ask(w).get("timestamp", 0.0) > at, 30)

    def has_looked(self) -> None:
        """Wait until what was answered has been judged."""
        seen = {self.dashboard.get("/api/problems")["looked_at"]}

        def twice() -> bool:
            seen.add(self.dashboard.get("/api/problems")["looked_at"])
            return len(seen) > 2

        wait_until(twice, 45, "problems were looked for")

    def finds_by_asking(self, rule: str, worker: Worker) -> dict[str, Any]:
        """Ask a worker until a rule holds for it: a busy one may leave out what is looked for."""
        return wait_until(lambda: self.ask(worker) and self.told(rule, worker.hostname), 45, rule)

    def clears_by_asking(self, rule: str, worker: Worker, subject: str = "") -> None:
        """Ask a worker until a rule does not hold any more, for it or another subject."""
        of = subject or worker.hostname
        wait_until(lambda: self.ask(worker) and not self.told(rule, of), 45, rule)
        self.clears(rule, of)

    def is_calm(self, rule: str, subject: str) -> None:
        """Wait until nothing is told that an earlier test left behind."""
        wait_until(lambda: not self.told(rule, subject), 45, f"{rule} of {subject} is over")

    def ask(self, worker: Worker) -> dict[str, Any]:
        """Ask a worker; who does not answer has no new record."""
        self.dashboard.get("/api/workers", refresh=1, workername=worker.hostname)
        return self.record(worker)

    def consumes(self, worker: Worker, queue: str, command: str = "add-consumer") -> None:
        """Send a worker the command until it has answered: a busy one may miss it."""
        path = f"/api/worker/queue/{command}/{worker.hostname}"
        wait_until(
            lambda: self.dashboard.post(path, queue=queue).status == 200, 45, f"{command} {queue}"
        )

    def record(self, worker: Worker) -> dict[str, Any]:
        return self.dashboard.get("/api/workers").get(worker.hostname, {})


@pytest.fixture(scope="module")
def watched(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Leaping]:
    """A dashboard with a history of two hours ago, when all was as usual."""
    folder = tmp_path_factory.mktemp("problems")
    clock, workers_clock = folder / "clock", folder / "workers-clock"
    for one in (clock, workers_clock):
        set_ahead(one, -HISTORY_S)
    conf = json.dumps({"broker_transport_options": {"visibility_timeout": VISIBILITY_S}})
    options = (*LOWERED, "--persistent", f"--db={folder / 'history'}")
    hand = Worker(folder, url, url, "hand", clock=workers_clock)
    spare = Worker(folder, url, url, "spare", SPARE)
    dashboard = Dashboard(folder, url, url, options, {"SHOP_CONF": conf}, clock)
    hand.launch()
    try:
        before = Watched(dashboard.start())
        hand.wait()
        spare.launch()
        as_usual(before)
        dashboard.stop()
        for one in (clock, workers_clock):
            set_ahead(one, 0)
        leaping = Leaping(dashboard.start(), clock, hand, spare)
        spare.wait()
        for worker in (hand, spare):
            leaping.online(worker.hostname)
        yield leaping
    finally:
        dashboard.stop()
        hand.kill()
        spare.kill()


def as_usual(watched: Watched) -> None:
    """Have tasks succeed, and naps end at once: so many that those of the tests stay unusual."""
    for _ in range(50):
        watched.send("add", 1, 1)
    for _ in range(250):
        watched.nap(0)
    last = [watched.send("echo") for _ in range(20)][-1]
    watched.reaches(last, "SUCCESS")


@pytest.fixture
def begin(url: str, tmp_path: Path) -> Iterator[Begin]:
    """Begin to start a worker: who needs it waits for it. All are killed at the end."""
    started: list[Worker] = []

    def launch(name: str, *options: str, **env: str) -> Worker:
        started.append(Worker(tmp_path, url, url, name, options, env))
        started[-1].launch()
        return started[-1]

    yield launch
    for one in started:
        one.kill()


def test_a_worker_that_is_stopped_is_silent_and_one_that_goes_on_is_not(watched):
    spare = watched.spare

    spare.signal(signal.SIGSTOP)
    try:
        problem = watched.sees("worker-silent", spare.hostname)
        page = watched.dashboard.ask("/problems").text
        metrics = watched.dashboard.ask("/metrics").text
    finally:
        spare.signal(signal.SIGCONT)

    assert problem["severity"] == "error"
    assert problem["evidence"]["silent_s"] > 3
    assert spare.hostname in page
    assert f'flower_ng_problem{{rule="worker-silent",subject="{spare.hostname}"}} 1.0' in metrics
    assert watched.clears("worker-silent", spare.hostname)["cleared"] >= problem["raised"]


def test_tasks_of_a_killed_worker_have_no_known_end_and_unclaimed_when_it_is_back(watched):
    spare = watched.spare
    watched.starts(task_id := watched.nap(60, queue="spare"))

    spare.kill()
    gone = watched.sees("worker-gone", spare.hostname)
    spare.launch()
    watched.clears("worker-gone", spare.hostname)
    watched.inspect(spare)
    watched.leap(61)  # each worker is asked once a minute
    unclaimed = watched.sees("task-unclaimed", NAPS)

    assert gone["evidence"]["tasks without a known end"] == 1
    assert unclaimed["evidence"]["oldest_task"] == task_id
    assert "Check what each has done" in unclaimed["advice"]
    watched.dashboard.post(f"/api/task/forget/{task_id}")
    watched.clears("task-unclaimed", NAPS)


def test_a_task_that_runs_for_long_near_its_limit_is_told_until_it_ends(watched):
    watched.is_calm("task-long", NAPS)
    watched.starts(task_id := watched.nap(6, queue="spare"))

    assert watched.sees("task-long", NAPS)["evidence"]["oldest_task"] == task_id
    assert watched.sees("task-near-limit", NAPS)["evidence"]["limit_s"] == 30
    watched.clears("task-long", NAPS)
    watched.clears("task-near-limit", NAPS)


def test_a_task_that_runs_far_longer_than_usual_is_told_until_it_ends(watched):
    watched.starts(watched.nap(5))
    watched.leap(61)

    assert watched.sees("task-slow", NAPS)["evidence"]["usual_s"] < 1
    watched.clears("task-slow", NAPS)


def test_what_fails_is_retried_or_is_not_seen_sent_is_told_until_it_is_as_usual(watched, url):
    for _ in range(10):
        watched.send("add", 1, "one")
        watched.send("flaky", 3)
    with Celery(broker=url, set_as_current=False) as silent:
        silent.conf.task_send_sent_event = False
        for _ in range(20):
            silent.send_task("tests.shop.echo")

    failing = watched.sees("task-failing", "tests.shop.add")
    assert failing["evidence"]["usual_share"] == 0
    assert (
        watched.sees("task-new-exception", "tests.shop.add: TypeError")["evidence"]["tasks"] == 10
    )
    assert watched.sees("task-retrying", "tests.shop.flaky")["evidence"]["retried"] >= 20
    assert watched.sees("events-unsent", "tests.shop.echo")["evidence"]["received"] == 20
    watched.leap(660)
    watched.clears("task-failing", "tests.shop.add")
    watched.clears("task-new-exception", "tests.shop.add: TypeError")
    watched.clears("task-retrying", "tests.shop.flaky")
    watched.clears("events-unsent", "tests.shop.echo")


def test_a_task_held_nearly_until_it_is_given_out_again_is_told_until_it_runs(watched):
    task_id = watched.nap(0, countdown=4)

    assert watched.sees("broker-redelivers", NAPS)["evidence"]["held_task"] == task_id
    watched.clears("broker-redelivers", NAPS)


def test_a_queue_that_nobody_takes_from_is_told_until_somebody_does(watched, url):
    told = ("queue-deserted", "queue-old", "queue-growing", "queue-long")
    watched.nap(0, queue="nobodys")
    wait_until(lambda: watched.looks() or watched.told("queue-deserted", "nobodys"), 45)
    with redis.Redis.from_url(url) as client:
        client.lpush("nobodys", *client.lrange("nobodys", 0, 0) * 200)
    wait_until(lambda: watched.looks() or watched.told("queue-growing", "nobodys"), 45)

    found = {rule: watched.sees(rule, "nobodys")["evidence"] for rule in told}
    watched.consumes(watched.hand, "nobodys")
    wait_until(lambda: not watched.counts("nobodys")(), 45, "the messages are taken")

    assert found["queue-deserted"]["waiting"] >= 1
    assert found["queue-old"]["oldest waits at least_s"] > 1  # of one the send was seen
    assert found["queue-long"]["waiting"] > 100
    assert found["queue-growing"]["more than before"] >= 100
    watched.clears_by_asking("queue-deserted", watched.hand, "nobodys")
    for rule in told:
        watched.clears(rule, "nobodys")


def test_two_workers_with_one_name_are_told_apart_from_a_restart(watched, begin):
    twin = begin("spare", *SPARE)

    evidence = watched.sees("workers-twins", twin.hostname)["evidence"]

    assert evidence["changes of identity in a minute"] >= 2
    twin.kill()
    watched.leap(61)
    watched.clears("workers-twins", twin.hostname)


def test_short_tasks_behind_a_long_one_and_unlike_workers_of_a_queue_are_told(watched, begin):
    hoarding = ("-c", "1", "--prefetch-multiplier=4", "-Q", "hoard")
    hoarder = begin("hoarder", *hoarding, SHOP_MORE="tests.shop.more")
    watched.starts(watched.nap(60, queue="hoard"))
    watched.reaches(watched.nap(0, queue="hoard"), "RECEIVED")
    watched.inspect(hoarder)
    full = watched.sees("worker-full", hoarder.hostname)["evidence"]
    watched.consumes(watched.hand, "hoard")
    watched.inspect(watched.hand, hoarder)

    hoards = watched.sees("worker-hoards", hoarder.hostname)["evidence"]
    watched.clears("worker-full", hoarder.hostname)
    differ = watched.sees("workers-differ", "hoard")["evidence"]
    watched.consumes(watched.hand, "hoard", "cancel-consumer")

    assert (full["slots"], full["running"], full["reserved"]) == (1, 1, 1)
    assert hoards["idle worker of the same queue"] == watched.hand.hostname
    assert differ.keys() == {hoarder.hostname, watched.hand.hostname}
    watched.clears_by_asking("workers-differ", watched.hand, "hoard")
    watched.clears("worker-hoards", hoarder.hostname)


@pytest.mark.faults  # at times a worker beside a stopped process answers nobody for minutes
def test_a_pool_that_hangs_is_told_until_tasks_start(watched):
    spare = watched.spare
    watched.inspect(spare)
    (child,) = watched.record(spare)["stats"]["pool"]["processes"]

    os.kill(child, signal.SIGSTOP)
    try:
        watched.reaches(held := watched.nap(0, queue="spare"), "RECEIVED")
        watched.leap(61)  # each worker is asked once a minute
        hangs = watched.sees("worker-stalled", spare.hostname)
    finally:
        os.kill(child, signal.SIGCONT)
    watched.reaches(held, "SUCCESS")
    watched.clears("worker-stalled", spare.hostname)

    assert (hangs["severity"], hangs["evidence"]["slots"]) == ("error", 1)


def test_a_pool_of_no_process_is_told_until_tasks_start(watched, url):
    spare = watched.spare
    with Celery(broker=url, set_as_current=False) as other:  # the dashboard refuses to
        other.control.pool_shrink(1, destination=[spare.hostname])
    watched.reaches(held := watched.nap(0, queue="spare"), "RECEIVED")
    watched.inspect(spare)
    none = wait_until(
        lambda: (
            (one := watched.sees("worker-stalled", spare.hostname))["evidence"]["slots"] == 0
            and one
        ),
        30,
        "the pool has no slot",
    )
    assert watched.told("worker-full", spare.hostname) is None
    assert watched.dashboard.post(f"/api/worker/pool/grow/{spare.hostname}", n=1).status == 200
    watched.reaches(held, "SUCCESS")
    watched.clears("worker-stalled", spare.hostname)

    assert (none["severity"], none["evidence"]["reserved"]) == ("error", 1)


def test_workers_that_answer_nothing_or_send_nothing_are_told_until_they_do(watched, begin):
    off = json.dumps({"worker_enable_remote_control": False})
    deaf = begin("deaf", "-c", "1", "-Q", "deaf", SHOP_CONF=off)
    mute = begin("mute", "-c", "1", "-Q", "mute", "--without-heartbeat")
    for one in (deaf, mute):
        one.wait()
    watched.leap(121)
    watched.ask(deaf)
    watched.inspect(mute)

    assert watched.sees("worker-unanswering", deaf.hostname)["evidence"]["reason"]
    watched.sees("worker-eventless", mute.hostname)
    for one in (deaf, mute):
        one.kill()
        begin(one.name, "-c", "1", "-Q", one.name)
    watched.clears("worker-unanswering", deaf.hostname)
    watched.clears("worker-eventless", mute.hostname)


def test_a_worker_that_holds_more_and_more_or_loses_children_is_told_of(watched, begin):
    hand, solo = watched.hand, begin("solo", "-P", "solo", "-Q", "solo")
    watched.online(solo.hostname)
    for leap_s in (0, 601):
        watched.leap(leap_s)
        watched.inspect(solo, hand)
        watched.has_looked()
    # What the kernel tells of a process begins with the most that its parent ever had: with ours.
    most = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    held = watched.send("hold", 2 * max(most, 100_000_000), queue="solo")
    crashed = watched.send("crash")
    watched.reaches(held, "SUCCESS")
    watched.reaches(crashed, "FAILURE")

    watched.leap(3700)
    growth = watched.finds_by_asking("worker-memory", solo)["evidence"]
    churn = watched.finds_by_asking("worker-churn", hand)["evidence"]
    watched.leap(7000)

    assert growth["now_bytes"] - growth["before_bytes"] > 100_000_000
    assert churn["children replaced"] >= 1
    watched.clears_by_asking("worker-memory", solo)
    watched.clears_by_asking("worker-churn", hand)
