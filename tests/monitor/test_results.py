import asyncio
import math
import time

import pytest

from flower_ng.errors import Unavailable
from flower_ng.monitor.remote.results import Results, answer, plain
from tests.monitor.yard import Readings, eventually, refused_broker, shop, silent_broker

pytestmark = [
    pytest.mark.xdist_group("yard"),
    pytest.mark.filterwarnings("ignore:Call to deprecated setex"),  # by Celery's Redis backend
]


@pytest.fixture
async def start(pool):
    """Make Results: `start(app)`; all are stopped."""
    made = []

    def start(app):
        made.append(Results(app, pool))
        return made[-1]

    yield start
    for results in made:
        results.stop()


@pytest.fixture
async def results(start, app):
    return start(app)


async def test_a_result_is_read(results, app):
    sent = app.send_task("tests.shop.add", (1, 2))
    await eventually(lambda: app.backend.get_state(sent.id) == "SUCCESS")

    assert answer(sent.id, await results.read(sent.id)) == {
        "task-id": sent.id,
        "state": "SUCCESS",
        "result": 3,
    }


async def test_an_unknown_id_is_pending(results):
    assert answer("no such", await results.read("no such")) == {
        "task-id": "no such",
        "state": "PENDING",
    }


async def test_a_failure_has_its_exception_and_traceback(results, app):
    sent = app.send_task("tests.shop.fail", ("empty shelf",))

    told = answer(sent.id, await results.wait(sent.id))

    assert told["state"] == "FAILURE"
    assert told["result"] == "ValueError('empty shelf')"
    assert told["traceback"].startswith("Traceback")


async def test_a_revoked_task_has_no_traceback(results, app):
    app.backend.mark_as_revoked("7", "revoked")

    assert answer("7", await results.read("7")) == {
        "task-id": "7",
        "state": "REVOKED",
        "result": "TaskRevokedError('revoked')",
    }


@pytest.mark.parametrize("value", [None, True, "ü", 1.5, [1, {"a": None}], {"1": 2}])
def test_what_json_can_hold_is_returned_itself(value):
    assert plain(value) is value


@pytest.mark.parametrize("value", [math.nan, math.inf, {1, 2}, b"x", 1j, {(1, 2): 3}])
def test_what_json_cannot_hold_is_shown_as_python_shows_it(value):
    assert plain(value) == repr(value)


async def test_a_wait_ends_when_the_task_ends(results, app):
    sent = app.send_task("tests.shop.sleep", (0.3,))
    began = time.monotonic()

    meta = await results.wait(sent.id, 10.0)

    assert meta["result"] == 0.3
    assert time.monotonic() - began < 3


async def test_a_wait_ends_after_its_timeout_with_the_state_of_then(results):
    began = time.monotonic()

    meta = await results.wait("never", 0.2)

    assert meta["status"] == "PENDING"
    assert 0.2 <= time.monotonic() - began < 2


async def test_a_thousand_waits_hold_no_thread(results, pool):
    waits = [asyncio.ensure_future(results.wait(f"never{n}")) for n in range(1000)]
    await asyncio.sleep(0.3)

    began = time.monotonic()
    await asyncio.gather(*(asyncio.wrap_future(pool.submit(int)) for _ in range(8)))

    assert time.monotonic() - began < 1
    assert not any(wait.done() for wait in waits)
    for wait in waits:
        wait.cancel()


async def test_the_looking_ends_when_the_last_caller_leaves(results, app, monkeypatch):
    readings = Readings(app, monkeypatch)
    first, second = (asyncio.ensure_future(results.wait("never")) for _ in range(2))
    await eventually(lambda: readings)

    first.cancel()
    await readings.go_on()
    second.cancel()

    await readings.end()


async def test_two_who_wait_for_one_task_both_get_it(results, app):
    sent = app.send_task("tests.shop.sleep", (0.1,))

    metas = await asyncio.gather(results.wait(sent.id), results.wait(sent.id))

    assert [meta["result"] for meta in metas] == [0.1, 0.1]


async def test_a_result_that_cannot_be_decoded_harms_no_other(results, app):
    app.backend.client.set(app.backend.get_key_for_task("bad"), b"\xff not json")
    app.backend.store_result("good", 5, "SUCCESS")

    bad, good = await asyncio.gather(
        results.wait("bad"), results.wait("good"), return_exceptions=True
    )

    assert isinstance(bad, Unavailable)
    assert good["result"] == 5


async def test_aborting_writes_the_state(results, app):
    await results.abort("7")

    assert app.backend.get_state("7") == "ABORTED"


async def test_without_a_backend_nothing_can_be_read(start, yard):
    with shop(yard.redis.url) as app:
        results = start(app)

        assert await results.backend_refusal() == "No result backend is configured"
        with pytest.raises(Unavailable, match="No result backend is configured"):
            await results.read("7")
        with pytest.raises(Unavailable, match="No result backend is configured"):
            await results.abort("7")


async def test_a_backend_that_cannot_be_loaded_says_why(start, yard):
    with shop(yard.redis.url, "nosuch://") as app:
        results = start(app)

        assert "nosuch" in await results.backend_refusal()
        with pytest.raises(Unavailable, match=r"The result backend cannot be used: .*nosuch"):
            await results.read("7")


@pytest.mark.parametrize("backend", [refused_broker, silent_broker])
@pytest.mark.parametrize("call", ["read", "abort", "wait"])
async def test_a_backend_that_is_away_is_unavailable_soon(start, yard, backend, call):
    with backend() as url, shop(yard.redis.url, url) as app:
        results = start(app)
        began = time.monotonic()

        with pytest.raises(Unavailable, match="Broker or result backend unavailable"):
            await getattr(results, call)("7")

        assert time.monotonic() - began < 5


async def test_how_several_tasks_ended_is_read_at_once_and_never_what_they_returned(results, app):
    done, failed = (
        app.send_task("tests.shop.echo", ("secret",)),
        app.send_task("tests.shop.fail", ("no",)),
    )
    for sent in (done, failed):
        await results.wait(sent.id)

    found = await results.outcomes([done.id, failed.id, "no such"])

    assert [found[uuid].state for uuid in (done.id, failed.id, "no such")] == [
        "SUCCESS",
        "FAILURE",
        "PENDING",
    ]
    assert "secret" not in repr(found[done.id])
    assert found[failed.id].exception == "ValueError('no')"
    assert abs(found[done.id].ended_at - time.time()) < 60


async def test_a_backend_that_is_away_is_no_outcome_and_takes_no_long_time(start):
    with refused_broker() as url, shop("memory://", url) as app:
        began = time.monotonic()
        found = await start(app).outcomes(["a", "b", "c"])

        assert time.monotonic() - began < 4
        assert all(isinstance(one, Unavailable) for one in found.values())


@pytest.mark.parametrize(
    ("backend", "words"), [(None, "No result backend is configured"), ("rpc://", "rpc://")]
)
async def test_what_cannot_be_asked_says_why(start, backend, words):
    with shop("memory://", backend) as app:
        assert words in await start(app).refusal()


async def test_a_backend_that_can_be_asked_refuses_nothing(results):
    assert await results.refusal() == ""
