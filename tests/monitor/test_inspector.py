import asyncio
import gc
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from weakref import WeakKeyDictionary

import pytest
from redis import Redis as RedisClient
from tornado.ioloop import IOLoop

from flower_ng.monitor.remote.broadcast import Broadcasts, CollectedReplies
from flower_ng.monitor.remote.connections import REST_S
from flower_ng.monitor.remote.inspector import FEW_METHODS, SLICE, WorkerInspector
from tests.monitor.yard import eventually, refused_broker, shop, silent_broker

pytestmark = pytest.mark.xdist_group("yard")

TIMEOUT_S = 1.0


class Recorder:
    """Stands before the real broadcasts and notes whom they asked what."""

    def __init__(self, broadcasts):
        self.asked = []
        self.slack_s = self.reply_slack_s = 0.0
        self._broadcasts = broadcasts

    def ask(self, commands, destination, timeout_s, awaited):
        self.asked.append((destination, tuple(commands)))
        return self._broadcasts.ask(commands, destination, timeout_s, awaited)

    def close(self):
        self._broadcasts.close()


class Answering:
    """Stands for broadcasts: calls a function instead of asking anybody."""

    slack_s = reply_slack_s = 0.0

    def __init__(self, ask):
        self.ask = ask

    def close(self):
        pass


RECORDERS = WeakKeyDictionary()


class Tally:
    def __init__(self):
        self.noted, self.answered_s = [], []

    def done(self, method, duration_s, *, failed=False, answered_s=None):
        self.noted.append((method, round(duration_s, 1), failed))
        self.answered_s.append(answered_s)


@pytest.fixture
async def start(pool):
    """Make inspectors: `start(app, **options)`; all are stopped."""
    made = []

    def start(app, **options):
        options = {"pool": pool, "uniform": lambda low, _: low / 5, **options}
        recorder = Recorder(options.pop("broadcasts", None) or Broadcasts(app))
        inspector = WorkerInspector(
            IOLoop.current(), app, TIMEOUT_S, broadcasts=recorder, **options
        )
        RECORDERS[inspector] = recorder
        made.append(inspector)
        return inspector

    yield start
    for inspector in made:
        inspector.stop()


@pytest.fixture
async def inspector(start, app, yard):
    return start(app, expected=lambda: yard.hosts)


def asked(inspector):
    return RECORDERS[inspector].asked


async def timed(awaitable):
    began = time.monotonic()
    answer = await awaitable
    return answer, time.monotonic() - began


async def test_all_workers_are_asked_few_methods(inspector, yard):
    records = await inspector.inspect()

    assert set(records) == yard.hosts
    for record in records.values():
        assert set(record) == {*FEW_METHODS, "timestamp"}


async def test_one_worker_is_asked_all_eight(inspector, yard):
    records = await inspector.inspect(yard.prefork)

    assert set(records) == {yard.prefork}
    assert set(records[yard.prefork]) == {*WorkerInspector.methods, "timestamp"}
    assert len(WorkerInspector.methods) == 8


async def test_a_method_that_does_not_exist_is_an_error(inspector):
    with pytest.raises(ValueError, match="no inspect method: ping"):
        inspector.inspect(methods=["stats", "ping"])


async def test_the_replies_are_celerys_own(inspector, yard):
    record = (await inspector.inspect(yard.prefork))[yard.prefork]

    assert "alternates" not in record["stats"]["broker"]
    assert record["stats"]["pool"]["implementation"] == "celery.concurrency.prefork:TaskPool"
    assert [queue["name"] for queue in record["active_queues"]] == ["celery"]
    assert "tests.shop.add" in record["registered"]
    assert record["conf"]["worker_pool_restarts"] is True
    assert record["scheduled"] == []
    assert abs(record["timestamp"] - time.time()) < 5


async def test_running_tasks_come_in_their_safe_form(inspector, app):
    sent = app.send_task("tests.shop.sleep", (1.5,))

    await eventually(lambda: app.backend.get_state(sent.id) == "STARTED")
    records = await inspector.inspect(methods=["active"])

    tasks = [task for record in records.values() for task in record["active"]]
    assert [(task["id"], task["args"]) for task in tasks] == [(sent.id, "(1.5,)")]


async def test_one_worker_is_not_waited_for_longer_than_it_takes(inspector, yard):
    await inspector.inspect(yard.prefork)

    _, took_s = await timed(inspector.inspect(yard.prefork))

    assert took_s < TIMEOUT_S / 2


async def test_all_last_the_whole_timeout_when_nobody_is_known(start, app, yard):
    records, took_s = await timed(start(app).inspect())

    assert set(records) == yard.hosts
    assert TIMEOUT_S <= took_s < TIMEOUT_S + 1


async def test_all_end_early_when_everyone_has_answered(inspector):
    await inspector.inspect()

    _, took_s = await timed(inspector.inspect())

    assert took_s < TIMEOUT_S / 2


async def test_all_last_the_whole_timeout_when_someone_is_missing(start, app, yard):
    inspector = start(app, expected=lambda: [*yard.hosts, "dead@box"])

    records, took_s = await timed(inspector.inspect())

    assert set(records) == yard.hosts
    assert took_s >= TIMEOUT_S
    assert {failure.why for failure in inspector.failures("dead@box").values()} == {
        "no reply within 1 s"
    }
    assert inspector.failures(yard.prefork) == {}


async def test_a_missing_worker_is_named_for_each_method(inspector):
    assert await inspector.inspect("nobody@box") == {}

    failures = inspector.failures("nobody@box")
    assert set(failures) == set(WorkerInspector.methods)
    assert {failure.why for failure in failures.values()} == {"no reply within 1 s"}


async def test_thousands_that_do_not_answer_do_not_hold_the_loop(start, app):
    names = frozenset(f"w{number}@box" for number in range(5000))
    silence = Answering(lambda *_: CollectedReplies({method: {} for method in FEW_METHODS}))
    inspector = start(app, broadcasts=silence, expected=lambda: names)

    noted, inspecting = [0], inspector.inspect()
    while not inspecting.done():
        await asyncio.sleep(0)
        noted.append(len(inspector.failing))

    assert noted[-1] == len(names)
    assert max(after - before for before, after in pairwise(noted)) <= SLICE


async def test_requests_at_the_same_time_share_one_broadcast(inspector):
    await asyncio.gather(*(inspector.inspect() for _ in range(50)))

    assert asked(inspector) == [(None, FEW_METHODS)]


async def test_an_answer_never_began_before_the_request(inspector, yard):
    first = inspector.inspect()
    await eventually(lambda: asked(inspector))
    wanted_at = time.time()

    second = await inspector.inspect()

    assert len(asked(inspector)) == 2
    assert second[yard.prefork]["timestamp"] >= wanted_at
    await first


async def test_the_age_of_each_answer_is_told(start, app, yard):
    now = [1000.0]
    inspector = start(app, clock=lambda: now[0])
    await inspector.inspect(yard.prefork, ["stats"])
    now[0] = 1007.0
    await inspector.inspect(yard.prefork, ["conf"])

    assert inspector.ages(yard.prefork) == {"stats": 7.0, "conf": 0.0}
    assert inspector.ages("nobody@box") == {}


async def test_durations_and_failures_are_tallied(start, app, yard):
    tally = Tally()
    inspector = start(app, inspections=tally)

    await inspector.inspect(yard.prefork, ["stats"])
    await inspector.inspect("nobody@box", ["conf"])

    assert [(method, failed) for method, _, failed in tally.noted] == [
        ("stats", False),
        ("conf", True),
    ]
    assert tally.noted[1][1] == pytest.approx(TIMEOUT_S, abs=0.5)
    assert tally.answered_s[0] is not None
    assert tally.answered_s[1] is None


async def test_waiting_in_vain_for_more_workers_is_no_slow_answer(start, app, yard):  # noqa: ARG001 - it answers
    tally = Tally()
    inspector = start(app, inspections=tally)

    for _ in range(10):  # on a busy machine workers may be as late as nobody is
        await inspector.inspect(None, ["stats"])
        if tally.answered_s[-1] < TIMEOUT_S - 0.1:
            break

    assert tally.noted[-1][1] >= TIMEOUT_S
    assert tally.answered_s[-1] < TIMEOUT_S - 0.1


async def test_a_purged_worker_is_back_when_it_answers(inspector, yard):
    await inspector.inspect()
    inspector.purge_worker(yard.prefork)
    assert set(inspector.workers) == {yard.threads}

    await inspector.inspect(yard.prefork)

    assert set(inspector.workers) == yard.hosts


async def test_a_worker_that_comes_is_inspected(inspector, yard):
    inspector.heard_of(yard.prefork)

    await eventually(lambda: yard.prefork in inspector.workers)

    assert asked(inspector) == [((yard.prefork,), FEW_METHODS)]


async def test_workers_that_come_together_are_inspected_together(inspector, yard):
    for host in (*yard.hosts, *yard.hosts):
        inspector.heard_of(host)

    await eventually(lambda: set(inspector.workers) == yard.hosts)

    assert asked(inspector) == [(tuple(sorted(yard.hosts)), FEW_METHODS)]


async def test_very_many_that_come_together_cost_one_inspection_of_all(inspector, yard):
    for number in range(500):
        inspector.heard_of(f"w{number}@box")

    await eventually(lambda: set(inspector.workers) == yard.hosts)

    assert asked(inspector)[0] == (None, FEW_METHODS)
    assert len(asked(inspector)) == 1


async def test_a_worker_that_does_not_answer_yet_is_asked_again(start, app):
    inspector = start(app, uniform=lambda *_: 0.01)
    inspector.heard_of("early@box")

    await eventually(lambda: len(asked(inspector)) == 3)

    assert asked(inspector) == [(("early@box",), FEW_METHODS)] * 3


async def test_all_are_refreshed_again_and_again(inspector):
    inspector.start_refreshing(0.1)

    await eventually(lambda: len(asked(inspector)) >= 3)

    assert set(asked(inspector)) == {(None, FEW_METHODS)}


async def test_an_interval_of_zero_inspects_only_at_the_start(inspector):
    inspector.start_refreshing(0)

    await eventually(lambda: inspector.workers)
    await asyncio.sleep(0.2)  # with an interval of that length it would have asked again

    assert asked(inspector) == [(None, FEW_METHODS)]


@pytest.mark.parametrize("broker", [refused_broker, silent_broker])
async def test_no_inspection_outlasts_the_timeout_by_two_seconds(start, broker):
    with broker() as url, shop(url) as app:
        inspector = start(app, expected=lambda: ["w1@box"])

        requests = asyncio.gather(inspector.inspect(), inspector.inspect("w1@box"))
        answers, took_s = await timed(requests)

        assert answers == [{}, {}]
        assert took_s < TIMEOUT_S + 2
        assert all(failure.why for failure in inspector.failures("w1@box").values())
        assert set(inspector.failures("w1@box")) == set(WorkerInspector.methods)


async def test_who_comes_while_a_dead_broker_is_asked_waits_no_longer(start):
    with silent_broker() as url, shop(url) as app:
        inspector = start(app)
        first = inspector.inspect()
        await eventually(lambda: asked(inspector))

        _, took_s = await timed(inspector.inspect())

        assert took_s < TIMEOUT_S + 2
        await first


async def test_the_old_answers_stay_when_the_broker_goes(start, own_redis, start_worker):
    worker = start_worker(own_redis.url)
    with shop(own_redis.url) as app:
        inspector = start(app, expected=lambda: [worker.hostname])
        before = await inspector.inspect()
        own_redis.kill()

        during = await inspector.inspect()

        assert during == before
        assert "refused" in inspector.failures(worker.hostname)["stats"].why


async def test_the_first_inspection_after_the_brokers_return_succeeds(start, own_redis):
    with shop(own_redis.url) as app:
        inspector = start(app)
        await inspector.inspect("w1@box")
        own_redis.kill()
        await asyncio.sleep(REST_S)
        own_redis.start()

        await inspector.inspect("w1@box")

        assert inspector.failures("w1@box")["stats"].why == "no reply within 1 s"


async def test_threads_that_hang_do_not_hold_a_request(start, app):
    end = threading.Event()
    hanging = Answering(lambda *_: end.wait())  # stands for a name server that is dead
    inspector = start(app, broadcasts=hanging)
    requests = [inspector.inspect(f"w{number}@box") for number in range(20)]

    _, took_s = await timed(asyncio.gather(*requests))

    assert took_s < TIMEOUT_S + 2
    assert "nothing came back" in inspector.failures("w19@box")["stats"].why
    end.set()


async def test_an_error_in_a_library_is_a_failure_and_refreshing_goes_on(start, app, caplog):
    calls = []

    def ask(*_):  # stands for a defect of kombu, which cannot be ordered
        calls.append(1)
        raise ZeroDivisionError("division by zero")

    inspector = start(app, broadcasts=Answering(ask), expected=lambda: ["w1@box"])
    inspector.start_refreshing(0.1)

    await eventually(lambda: len(calls) >= 2)
    assert inspector.failures("w1@box")["stats"].why == "division by zero"
    assert "The inspection of all workers failed" in caplog.text


async def test_inspect_without_a_pool_brings_its_own(app, yard):
    inspector = WorkerInspector(IOLoop.current(), app, TIMEOUT_S)

    assert yard.prefork in await inspector.inspect(yard.prefork)
    inspector.stop()


async def test_connections_and_files_stay_constant_over_a_thousand_requests(start, app, yard):
    with ThreadPoolExecutor(16) as pool, RedisClient.from_url(yard.redis.url) as client:
        inspector = start(app, pool=pool, expected=lambda: yard.hosts)

        async def load(rounds):
            for _ in range(rounds):
                everyone = [inspector.inspect() for _ in range(30)]
                single = [inspector.inspect(host) for host in yard.hosts for _ in range(10)]
                await asyncio.gather(*everyone, *single)

        await load(4)
        gc.collect()  # what earlier tests left open
        before = len(client.client_list()), open_files()
        await load(20)
        gc.collect()

        assert (len(client.client_list()), open_files()) == before
        assert len(asked(inspector)) == 24 * 3


def open_files():
    return len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))
