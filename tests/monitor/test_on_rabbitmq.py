"""Steering and publishing through a real RabbitMQ."""

import asyncio
import gc
import json
import signal
import time
import warnings

import pytest

from flower_ng.errors import BadRequest, NoAnswer, Unavailable
from flower_ng.monitor.remote import commands
from flower_ng.monitor.remote.control import Control
from flower_ng.monitor.remote.publish import Publisher
from tests.monitor.yard import eventually, shop
from tests.services import Worker, running

pytestmark = pytest.mark.xdist_group("rabbit")

ADD = "tests.shop.add"


@pytest.fixture
async def start(pool):
    """Make Controls: `start(app, timeout_s)`; all are stopped."""
    made = []

    def start(app, timeout_s=1.0):
        made.append(Control(app, pool, timeout_s))
        return made[-1]

    yield start
    for control in made:
        control.stop()


@pytest.fixture
async def publisher(pool, rabbit):
    """Replies come to the thread that published: `rpc://`."""
    with shop(rabbit.url, "rpc://") as app:
        publisher = Publisher(app, pool)
        yield publisher
        publisher.stop()


async def test_a_paused_broker_is_unavailable_in_time(start, rabbit):
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


async def test_a_command_is_carried_out_at_once_or_not_at_all(start, rabbit, start_worker):
    worker = start_worker(rabbit.url, name="hare", options=("-P", "prefork", "-c", "1"))
    with shop(rabbit.url) as app:
        control = start(app)
        added = await control.command(worker.hostname, commands.add_consumer("first"))
        worker.signal(signal.SIGSTOP)
        try:
            with pytest.raises(NoAnswer, match="The command was not sent"):
                await control.command(worker.hostname, commands.add_consumer("late"))
        finally:
            worker.signal(signal.SIGCONT)
        then = await control.command(worker.hostname, commands.add_consumer("last"))
        await eventually(lambda: "last" in consumed(app, worker.hostname))
        queues = consumed(app, worker.hostname)

    assert (added, then) == ("add consumer first", "add consumer last")
    assert queues == {"celery", "first", "last"}


async def test_every_message_to_workers_expires(start, rabbit, start_worker):
    worker = start_worker(rabbit.url, name="spied", options=("-P", "solo"))
    with shop(rabbit.url) as app, app.connection_for_read() as connection:
        control, channel = start(app), connection.channel()
        mailbox = channel.queue_declare(exclusive=True).queue  # as workers have one each
        channel.queue_bind(mailbox, app.control.mailbox.exchange.name)
        await control.command(worker.hostname, commands.add_consumer("spied"))
        await control.task_revoke("1", terminate=True)
        await control.command(worker.hostname, commands.shutdown())
        lives_ms = {}
        while (message := channel.basic_get(mailbox, no_ack=True)) is not None:
            lives_ms[json.loads(message.body)["method"]] = message.properties.get("expiration")

    assert {"ping", "stats", "add_consumer", "revoke", "shutdown"} <= set(lives_ms)
    assert {name for name, lives in lives_ms.items() if not 0 < int(lives or 0) <= 10_000} == set()


def consumed(app, host):
    queues = app.control.inspect([host], timeout=10).active_queues()
    return {queue["name"] for queue in queues[host]}


async def test_apply_returns_the_result_of_rpc(publisher, rabbit, tmp_path):
    with running(Worker(tmp_path, rabbit.url, "rpc://", "rpc", ("-P", "solo"))):
        told = await asyncio.gather(
            *(publisher.apply(ADD, [number, 1], {}, {}) for number in range(5))
        )

    assert [one["result"] for one in told] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "options",
    [
        {"exchange": "nosuch", "routing_key": "x"},
        {"queue": "q" * 300},
        {"priority": 1000},
        {"headers": {"huge": 10**400}},
        {"delivery_mode": 99},
        {"immediate": True},
    ],
)
async def test_what_the_broker_refuses_is_the_callers_fault(publisher, options):
    with pytest.raises(BadRequest, match=r"Cannot publish 'tests.shop.add': \S+"):
        await publisher.send_task(ADD, [1, 2], {}, options)

    assert await publisher.send_task(ADD, [1, 2], {}, {"queue": "after"})
