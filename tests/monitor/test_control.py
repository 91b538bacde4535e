import gc
import signal
import time
import warnings

import pytest
from redis import Redis

from flower_ng import control as door
from flower_ng.errors import BadRequest, Refused, Unavailable
from flower_ng.monitor.broadcast import Broadcasts
from flower_ng.monitor.control import Control, signal_name
from tests.monitor.yard import eventually, refused_broker, shop, silent_broker
from tests.services import wait_until

pytestmark = pytest.mark.xdist_group("yard")

TIMEOUT_S = 1.0
SLOTS = 2  # of the prefork worker, before and after each test


@pytest.fixture
async def start(pool):
    """Make Controls: `start(app, timeout_s)`; all are stopped."""
    made = []

    def start(app, timeout_s=TIMEOUT_S):
        made.append(Control(app, pool, timeout_s))
        return made[-1]

    yield start
    for control in made:
        control.stop()


@pytest.fixture
async def control(start, app):
    return start(app)


@pytest.fixture
def ask(app):
    """Ask a worker itself, past everything that is tested here."""

    def ask(host, method, **arguments):
        return app.control.inspect([host]).__getattribute__(method)(**arguments)[host]

    return ask


def slots(ask, host):
    return len(ask(host, "stats")["pool"]["processes"])


async def test_the_pool_grows_and_shrinks(control, yard, ask):
    await eventually(lambda: slots(ask, yard.prefork) == SLOTS, 30)

    grown = await control.worker_pool_grow(yard.prefork, 2)
    assert grown == f"Growing '{yard.prefork}' worker's pool by 2"
    await eventually(lambda: slots(ask, yard.prefork) == SLOTS + 2, 30)

    shrunk = await control.worker_pool_shrink(yard.prefork, 2)
    assert shrunk == f"Shrinking '{yard.prefork}' worker's pool by 2"
    await eventually(lambda: slots(ask, yard.prefork) == SLOTS, 30)


async def test_the_pool_restarts(control, yard, ask):
    before = ask(yard.prefork, "stats")["pool"]["processes"]

    message = await control.worker_pool_restart(yard.prefork)

    assert message == f"Restarting '{yard.prefork}' worker's pool"
    # Celery replaces the processes that are idle; which ones these are is up to it.
    await eventually(lambda: ask(yard.prefork, "stats")["pool"]["processes"] != before, 30)


async def test_a_consumer_is_added_and_cancelled(control, yard, ask):
    def queues():
        return {queue["name"] for queue in ask(yard.prefork, "active_queues")}

    added = await control.worker_queue_add_consumer(yard.prefork, "extra & more")
    assert added == "add consumer extra & more"
    await eventually(lambda: queues() == {"celery", "extra & more"})

    left = await control.worker_queue_cancel_consumer(yard.prefork, "extra & more")
    assert left == "no longer consuming from extra & more"
    await eventually(lambda: queues() == {"celery"})


async def test_a_rate_limit_is_set_and_taken_back(control, yard, ask):
    message = await control.task_rate_limit("tests.shop.echo", yard.prefork, "7/m")

    assert message == "new rate limit set successfully"
    assert "tests.shop.echo [rate_limit=7/m]" in ask(yard.prefork, "registered")
    await control.task_rate_limit("tests.shop.echo", yard.prefork, "0")
    assert "tests.shop.echo [rate_limit=0]" in ask(yard.prefork, "registered")


async def test_time_limits_are_set(control, yard):
    message = await control.task_time_limit("tests.shop.fail", yard.prefork, 5.0, None)

    assert message == "time limits set successfully"


async def test_a_running_task_is_terminated(control, app, yard):
    sent = app.send_task("tests.shop.sleep", (30,), queue="terminating")
    await control.worker_queue_add_consumer(yard.prefork, "terminating")
    await eventually(lambda: app.backend.get_state(sent.id) == "STARTED")

    message = await control.task_revoke(sent.id, True, "KILL")

    assert message == f"Revoked '{sent.id}'"
    await eventually(lambda: app.backend.get_state(sent.id) == "REVOKED")
    await control.worker_queue_cancel_consumer(yard.prefork, "terminating")


async def test_revoking_does_not_check_the_id(control):
    assert await control.task_revoke("no such task") == "Revoked 'no such task'"


async def test_an_unknown_signal_is_named(control):
    with pytest.raises(BadRequest, match=r"^Unknown signal 'SIGBOGUS'$"):
        await control.task_revoke("7", True, "SIGBOGUS")


async def test_a_signal_is_not_looked_at_without_terminate(control):
    assert await control.task_revoke("7", False, "SIGBOGUS") == "Revoked '7'"


@pytest.mark.parametrize("name", ["SIGTERM", "TERM", "sigterm", "term", "15"])
def test_signals_are_known_by_any_of_their_names(name):
    assert signal_name(name) == "SIGTERM"


@pytest.mark.parametrize("name", ["", "SIG", "0", "-15", "15.0", "9999", "SIG_DFL", "²"])
def test_what_is_no_signal_is_refused(name):
    with pytest.raises(BadRequest, match="Unknown signal"):
        signal_name(name)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda control, host: control.worker_pool_autoscale(host, 1, 3),
            "Failed to autoscale '{host}' worker: ValueError('Autoscale not enabled')",
        ),
        (
            lambda control, host: control.task_rate_limit("no.such", host, "5/m"),
            "Failed to set rate limit: 'unknown task'",
        ),
        (
            lambda control, host: control.task_time_limit("no.such", host, 1.0, 2.0),
            "Failed to set timeouts: 'unknown task'",
        ),
    ],
)
async def test_a_refusal_carries_the_workers_words(control, yard, call, text):
    with pytest.raises(Refused) as refusal:
        await call(control, yard.prefork)

    assert refusal.value.message == text.format(host=yard.prefork)


async def test_a_pool_that_cannot_grow_says_so(control, yard):
    with pytest.raises(Refused, match=r"Failed to grow .* object has no attribute 'grow'"):
        await control.worker_pool_grow(yard.threads)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        ("worker_pool_restart", "Failed to restart the 'gone@box' pool"),
        ("worker_pool_grow", "Failed to grow 'gone@box' worker's pool"),
        ("worker_pool_shrink", "Failed to shrink 'gone@box' worker's pool"),
        ("worker_pool_autoscale", "Failed to autoscale 'gone@box' worker"),
        ("worker_queue_add_consumer", "Failed to add 'q' consumer to 'gone@box' worker"),
        ("worker_queue_cancel_consumer", "Failed to cancel 'q' consumer from 'gone@box' worker"),
    ],
)
async def test_a_worker_that_does_not_reply_refuses_for_an_unknown_reason(control, call, text):
    arguments = {"worker_pool_autoscale": (1, 2)}.get(call, ("q",) if "queue" in call else ())
    began = time.monotonic()

    with pytest.raises(Refused) as refusal:
        await getattr(control, call)("gone@box", *arguments)

    assert refusal.value.message == f"{text}: Unknown reason"
    assert time.monotonic() - began < TIMEOUT_S + 2


async def test_a_worker_is_shut_down(control, yard, start_worker):
    worker = start_worker(yard.redis.url, name="leaving", options=("-P", "solo"))

    assert await control.worker_shutdown(worker.hostname) == "Shutting down!"

    await eventually(lambda: not worker.running)
    assert "Got shutdown from remote" in worker.output()


@pytest.mark.parametrize("broker", [refused_broker, silent_broker])
@pytest.mark.parametrize("call", ["worker_shutdown", "worker_pool_grow", "task_revoke"])
async def test_a_broker_that_is_away_is_unavailable_in_time(start, broker, call):
    with broker() as url, shop(url) as app:
        control = start(app, 0.1)
        began = time.monotonic()

        with pytest.raises(Unavailable) as error:
            await getattr(control, call)("w1@box")

        assert error.value.message == "Broker or result backend unavailable"
        assert time.monotonic() - began < 2.1


async def test_commands_go_through_again_after_the_brokers_return(start, own_redis):
    with shop(own_redis.url) as app:
        control = start(app)
        await control.task_revoke("1")
        own_redis.kill()
        with pytest.raises(Unavailable):
            await control.task_revoke("2")
        own_redis.start()

        assert await control.task_revoke("3") == "Revoked '3'"


@pytest.mark.xdist_group("rabbit")
async def test_on_rabbitmq_a_paused_broker_is_unavailable_in_time(start, rabbit):
    with shop(rabbit.url) as app:
        control = start(app, 0.5)
        await control.task_revoke("1")
        rabbit.signal(signal.SIGSTOP)
        began = time.monotonic()
        try:
            with pytest.raises(Unavailable):
                await control.task_revoke("2")
            assert time.monotonic() - began < 2.5
        finally:
            rabbit.signal(signal.SIGCONT)

        assert await control.task_revoke("3") == "Revoked '3'"
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()  # py-amqp leaves it the socket of a handshake that was not answered


def test_late_replies_of_an_earlier_call_are_not_mixed_up(app, yard):
    broadcasts = Broadcasts(app)
    broadcasts.ask({"stats": {}}, [yard.prefork], timeout_s=0.0)  # its reply comes too late

    replies = broadcasts.ask({"conf": {}}, [yard.prefork], timeout_s=5.0)

    assert list(replies) == ["conf"]
    assert "worker_pool_restarts" in replies["conf"][yard.prefork]
    broadcasts.close()


def test_the_door_offers_plain_functions(app, yard, ask):
    wait_until(lambda: slots(ask, yard.prefork) == SLOTS, 30)

    assert (
        door.worker_pool_grow(app, yard.prefork) == f"Growing '{yard.prefork}' worker's pool by 1"
    )
    wait_until(lambda: slots(ask, yard.prefork) == SLOTS + 1, 30)
    door.worker_pool_shrink(app, yard.prefork, 1)
    wait_until(lambda: slots(ask, yard.prefork) == SLOTS, 30)
    assert door.worker_queue_add_consumer(app, yard.prefork, "door") == "add consumer door"
    door.worker_queue_cancel_consumer(app, yard.prefork, "door")
    with pytest.raises(Refused, match="Autoscale not enabled"):
        door.worker_pool_autoscale(app, yard.prefork, 1, 2)


def test_the_door_keeps_no_connection(app, yard):
    with Redis.from_url(yard.redis.url) as client:
        before = len(client.client_list())

        for _ in range(5):
            door.worker_shutdown(app, "gone@box")

        wait_until(lambda: len(client.client_list()) <= before, what="the connections are closed")


def test_active_queues_are_those_of_all_inspected_workers(app):
    workers = {
        "w1": {"active_queues": [{"name": "mail"}, {"name": "celery"}]},
        "w2": {"active_queues": [{"name": "mail"}]},
        "w3": {"stats": {}},
    }

    assert door.get_active_queue_names(app, workers) == ["celery", "mail"]


def test_without_inspected_workers_the_queues_are_the_apps():
    with shop("memory://") as app:
        app.conf.task_default_queue = "orders"
        assert door.get_active_queue_names(app) == ["orders"]

        app.conf.task_queues = {"mail": {}, "stock": {}}
        assert door.get_active_queue_names(app) == ["mail", "orders", "stock"]
