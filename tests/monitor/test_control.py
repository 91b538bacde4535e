import contextlib
import json
import os
import re
import signal
import threading
import time

import pytest
from redis import Redis

from flower_ng import control as door
from flower_ng.errors import BadRequest, NoAnswer, NoSuchWorker, Refused, Unavailable, Unreadable
from flower_ng.monitor.remote import commands
from flower_ng.monitor.remote.broadcast import Broadcasts
from flower_ng.monitor.remote.control import Control, answered, signal_name
from flower_ng.monitor.remote.queue_names import active_queue_names
from flower_ng.monitor.remote.worker_answer import WorkerAnswer
from tests.monitor.yard import eventually, refused_broker, shop, silent_broker
from tests.services import PATIENCE, wait_until

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
        return app.control.inspect([host], timeout=10).__getattribute__(method)(**arguments)[host]

    return ask


def slots(ask, host):
    return len(ask(host, "stats")["pool"]["processes"])


async def test_the_pool_grows_and_shrinks(control, yard, ask):
    await eventually(lambda: slots(ask, yard.prefork) == SLOTS, 30)

    grown = await control.command(yard.prefork, commands.pool_grow(2))
    assert grown == f"Growing '{yard.prefork}' worker's pool by 2"
    await eventually(lambda: slots(ask, yard.prefork) == SLOTS + 2, 30)

    for more in (1, 0):  # until one has ended, the worker takes it for one that it can end again
        shrunk = await control.command(yard.prefork, commands.pool_shrink(1))
        assert shrunk == f"Shrinking '{yard.prefork}' worker's pool by 1"
        await eventually(lambda more=more: slots(ask, yard.prefork) == SLOTS + more, 30)


async def test_the_pool_restarts(control, yard, ask):
    before = ask(yard.prefork, "stats")["pool"]["processes"]

    message = await control.command(yard.prefork, commands.pool_restart())

    assert message == f"Restarting '{yard.prefork}' worker's pool"
    # Celery replaces the processes that are idle; which ones these are is up to it.
    await eventually(lambda: ask(yard.prefork, "stats")["pool"]["processes"] != before, 30)


async def test_a_consumer_is_added_and_cancelled(control, yard, ask):
    def queues():
        return {queue["name"] for queue in ask(yard.prefork, "active_queues")}

    added = await control.command(yard.prefork, commands.add_consumer("extra & more"))
    assert added == "add consumer extra & more"
    await eventually(lambda: queues() == {"celery", "extra & more"})

    left = await control.command(yard.prefork, commands.cancel_consumer("extra & more"))
    assert left == "no longer consuming from extra & more"
    await eventually(lambda: queues() == {"celery"})


async def test_a_rate_limit_is_set_and_taken_back(control, yard, ask):
    message = await control.command(yard.prefork, commands.rate_limit("tests.shop.echo", "7/m"))

    assert message == "new rate limit set successfully"
    assert "tests.shop.echo [rate_limit=7/m]" in ask(yard.prefork, "registered")
    await control.command(yard.prefork, commands.rate_limit("tests.shop.echo", "0"))
    assert "tests.shop.echo [rate_limit=0]" in ask(yard.prefork, "registered")


async def test_time_limits_are_set(control, yard):
    async def limited(soft, hard):
        return await control.command(
            yard.prefork, commands.time_limit("tests.shop.fail", soft, hard)
        )

    gone, then = "limit (removed if one was set)", f". {commands.APPLIED}"
    said = "time limits set successfully"
    assert await limited(5.0, 9.5) == f"{said}: soft 5 s, hard 9.5 s{then}"
    assert await limited(5.0, None) == f"{said}: soft 5 s, no hard {gone}{then}"
    assert await limited(None, None) == f"{said}: no soft {gone}, no hard {gone}{then}"


async def test_a_running_task_is_terminated(control, app, yard):
    sent = app.send_task("tests.shop.sleep", (30,), queue="terminating")
    await control.command(yard.prefork, commands.add_consumer("terminating"))
    await eventually(lambda: app.backend.get_state(sent.id) == "STARTED")

    message = await control.task_revoke(sent.id, True, "KILL")

    assert message == f"Revoked '{sent.id}'"
    await eventually(lambda: app.backend.get_state(sent.id) == "REVOKED")
    await control.command(yard.prefork, commands.cancel_consumer("terminating"))


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
    ("order", "text"),
    [
        (
            commands.autoscale(1, 3),
            "Failed to autoscale '{host}' worker: ValueError('Autoscale not enabled')",
        ),
        (
            commands.rate_limit("tests.shop.fail", "x"),
            (
                "Failed to set rate limit:"
                " 'ratelimit 'x' is not a number, or a number per s, m or h, such as 200/m'"
            ),
        ),
        (commands.rate_limit("no.such", "5/m"), "Failed to set rate limit: 'unknown task'"),
        (commands.time_limit("no.such", 1.0, 2.0), "Failed to set timeouts: 'unknown task'"),
    ],
)
async def test_a_refusal_carries_the_workers_words(control, yard, order, text):
    with pytest.raises(Refused) as refusal:
        await control.command(yard.prefork, order)

    assert refusal.value.message == text.format(host=yard.prefork)


def test_a_refused_shrinking_may_have_removed_some_processes():
    busy = {"error": 'ValueError("Can\'t shrink pool. All processes busy!")'}

    with pytest.raises(Refused, match=r"busy.*; idle processes may have been removed before"):
        answered(busy, "w1@box", commands.pool_shrink(9))


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (commands.pool_grow(), "the threads pool has a fixed size: it can't grow or shrink"),
        (commands.pool_shrink(), "the threads pool has a fixed size: it can't grow or shrink"),
        (
            commands.pool_restart(),
            "the threads pool has no processes to restart: restart the worker itself",
        ),
        (
            commands.time_limit("tests.shop.fail", 5.0, None),
            "the threads pool doesn't enforce soft time limits",
        ),
        (
            commands.time_limit("tests.shop.fail", None, 5.0),
            "the threads pool doesn't enforce hard time limits",
        ),
    ],
)
async def test_what_a_threads_pool_cannot_do_is_said_in_one_sentence(control, yard, order, words):
    with pytest.raises(Refused) as refusal:
        await control.command(yard.threads, order)

    assert refusal.value.message == order.refusal(yard.threads, words)


ORDERS = [
    commands.shutdown(),
    commands.pool_restart(),
    commands.pool_grow(),
    commands.pool_shrink(),
    commands.autoscale(1, 2),
    commands.add_consumer("q"),
    commands.cancel_consumer("q"),
    commands.time_limit("tests.shop.fail", 1.0, 2.0),
    commands.rate_limit("tests.shop.fail", "1/m"),
]


@pytest.mark.parametrize("order", ORDERS)
async def test_nothing_is_sent_to_a_worker_that_does_not_answer(control, order):
    began = time.monotonic()

    with pytest.raises(NoAnswer) as silence:
        await control.command("gone@box", order)

    assert re.match(r"No answer from 'gone@box' within 1(\.\d)? s", silence.value.message)
    assert "The command was not sent" in silence.value.message
    assert time.monotonic() - began < TIMEOUT_S + 2 * PATIENCE


async def test_what_was_told_as_no_answer_does_not_happen_when_the_worker_wakes_up(
    control, yard, ask
):
    await eventually(lambda: slots(ask, yard.prefork) == SLOTS, 30)
    pid = ask(yard.prefork, "stats")["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        for order in (commands.pool_grow(), commands.add_consumer("late"), commands.shutdown()):
            with pytest.raises(NoAnswer):
                await control.command(yard.prefork, order)
    finally:
        os.kill(pid, signal.SIGCONT)

    grown = await control.command(yard.prefork, commands.pool_grow(2))  # after all that was sent
    assert grown == f"Growing '{yard.prefork}' worker's pool by 2"
    await eventually(lambda: slots(ask, yard.prefork) == SLOTS + 2, 30)
    assert [queue["name"] for queue in ask(yard.prefork, "active_queues")] == ["celery"]
    await control.command(yard.prefork, commands.pool_shrink(2))
    await eventually(lambda: slots(ask, yard.prefork) == SLOTS, 30)


async def test_only_what_changes_a_worker_has_it_looked_at_again(app, pool, yard):
    steered = []
    control = Control(app, pool, TIMEOUT_S, steered=steered.append)
    try:
        revoked = await control.command_many([yard.prefork], commands.revoke(["nobody"]))
        assert (revoked[yard.prefork].word, steered) == ("done", [])

        await control.command_many([yard.prefork], commands.cancel_consumer("nobody.reads"))
        assert steered == [yard.prefork]
    finally:
        control.stop()


@contextlib.contextmanager
def node_that_answers_once(app, hostname):
    """Kombu's own mailbox, as workers have it, that stops reading after its first answer."""
    answered, listening = threading.Event(), threading.Event()

    def ping(_state):
        return {"ok": "pong"}

    def stats(_state):
        answered.set()
        return {}

    def pool_grow(_state, **_arguments):  # read at once with the question, where that was slow
        has_ended.wait(30)

    def listen():
        handlers = {"ping": ping, "stats": stats, "pool_grow": pool_grow}
        with app.connection_for_read() as connection:
            node = app.control.mailbox.Node(hostname, None, connection.channel(), handlers)
            with node.listen():
                listening.set()
                while not answered.is_set():
                    with contextlib.suppress(TimeoutError):
                        connection.drain_events(timeout=0.1)
                wait_until(has_ended.is_set, 30)

    has_ended = threading.Event()
    thread = threading.Thread(target=listen)
    thread.start()
    try:
        assert listening.wait(10)
        yield
    finally:
        answered.set()
        has_ended.set()
        thread.join()


async def test_of_what_was_sent_it_is_said_until_when_it_may_happen(start, app):
    """Only timing makes it: the worker stops between the question and the command."""
    with node_that_answers_once(app, "once@box"), pytest.raises(NoAnswer) as silence:
        await start(app, 3.0).command("once@box", commands.pool_grow())

    assert re.search(
        r"^No answer from 'once@box' within [0-9.]+ s; it may still be carried out until"
        r" \d\d:\d\d:\d\d UTC, and later by a worker that has already taken the message in",
        silence.value.message,
    )


async def test_an_answer_that_cannot_be_read_names_its_form_and_the_setting(
    control, yard, start_worker
):
    pickles = {"task_serializer": "pickle", "accept_content": ["json", "pickle"]}
    worker = start_worker(
        yard.redis.url, name="pickles", env={"SHOP_CONF": json.dumps(pickles), "C_FORCE_ROOT": "1"}
    )

    with pytest.raises(Unreadable) as answer:
        await control.command(worker.hostname, commands.add_consumer("more"))

    assert answer.value.message == (
        f"'{worker.hostname}' answered in application/x-python-serialize, which this app may not"
        " read: add 'pickle' to its accept_content, or set task_serializer = 'json' for the worker."
        " Whether it did as told is not known: look before you repeat it."
    )


async def test_a_worker_that_cannot_tell_its_pool_is_steered_all_the_same(
    control, yard, start_worker
):
    """With YAML it answers `ping`, and has no way to encode its `stats`.

    Celery 5.4 connects anew after that, and may do as told only then.
    """
    conf = json.dumps({"task_serializer": "yaml", "accept_content": ["json", "yaml"]})
    worker = start_worker(yard.redis.url, name="yaml", env={"SHOP_CONF": conf})

    with pytest.raises((Unreadable, NoAnswer)) as answer:
        await control.command(worker.hostname, commands.pool_grow())

    assert re.search("in application/x-yaml|may still be carried out", answer.value.message)


async def test_a_worker_is_shut_down(control, yard, start_worker):
    worker = start_worker(yard.redis.url, name="leaving", options=("-P", "solo"))

    assert await control.command(worker.hostname, commands.shutdown()) == "Shutting down!"

    await eventually(lambda: not worker.running)
    assert "Got shutdown from remote" in worker.output()


@pytest.mark.parametrize("broker", [refused_broker, silent_broker])
@pytest.mark.parametrize(
    "call",
    [
        lambda control: control.command("w1@box", commands.shutdown()),
        lambda control: control.command("w1@box", commands.pool_grow()),
        lambda control: control.task_revoke("w1@box"),
    ],
)
async def test_a_broker_that_is_away_is_unavailable_in_time(start, broker, call):
    with broker() as url, shop(url) as app:
        control = start(app, 0.1)
        began = time.monotonic()

        with pytest.raises(Unavailable) as error:
            await call(control)

        assert error.value.message.startswith("Broker or result backend unavailable")
        assert error.value.message.endswith("Nothing was sent")
        assert time.monotonic() - began < 2.1


async def test_sentinels_without_a_masters_name_are_unavailable(start):
    with shop("sentinel://127.0.0.1:1") as app, pytest.raises(Unavailable):
        await start(app).task_revoke("1")


async def test_commands_go_through_again_after_the_brokers_return(start, own_redis):
    with shop(own_redis.url) as app:
        control = start(app)
        await control.task_revoke("1")
        own_redis.kill()
        with pytest.raises(Unavailable):
            await control.task_revoke("2")
        own_redis.start()

        assert await control.task_revoke("3") == "Revoked '3'"


def test_late_replies_of_an_earlier_call_are_not_mixed_up(app, yard):
    broadcasts = Broadcasts(app)
    broadcasts.ask({"stats": {}}, [yard.prefork], timeout_s=0.0)  # its reply comes too late

    replies = broadcasts.ask({"conf": {}}, [yard.prefork], timeout_s=5.0).replies

    assert list(replies) == ["conf"]
    assert "worker_pool_restarts" in replies["conf"][yard.prefork]
    broadcasts.close()


async def test_the_door_keeps_no_connection(app, yard):
    with Redis.from_url(yard.redis.url) as client:
        before = len(client.client_list())

        for _ in range(2):
            with pytest.raises(NoSuchWorker):
                await door.worker_shutdown("gone@box", capp=app, timeout=0.1)

        await eventually(lambda: len(client.client_list()) <= before)


def test_active_queues_are_those_of_all_inspected_workers(app):
    told = {
        "w1": WorkerAnswer(queues=("mail", "celery")),
        "w2": WorkerAnswer(queues=("mail",)),
        "w3": WorkerAnswer(),
    }

    assert active_queue_names(app, told) == ["celery", "mail"]


def test_without_inspected_workers_the_queues_are_the_apps():
    with shop("memory://") as app:
        app.conf.task_default_queue = "orders"
        assert active_queue_names(app, {}) == ["orders"]

        app.conf.task_queues = {"mail": {}, "stock": {}}
        assert active_queue_names(app, {}) == ["mail", "orders", "stock"]
