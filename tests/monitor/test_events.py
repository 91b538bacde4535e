"""Events on real brokers: what is received, lost, cut off, and how it starts and ends."""

import asyncio
import base64
import contextlib
import http.client
import itertools
import json
import logging
import threading
import time
import urllib.parse

import pytest
import redis
from celery import Celery
from kombu import Exchange
from tornado.ioloop import IOLoop

from flower_ng.monitor.ingest.events import EventsThread
from flower_ng.monitor.ingest.inbox import Inbox
from flower_ng.monitor.state.restore import Returning
from flower_ng.monitor.state.state import ClusterState
from flower_ng.records import Task
from tests.monitor.corpus import GOOD, bodies, encoded
from tests.monitor.yard import eventually, refused_broker, silent_broker

FANOUT = "fanout"  # what Celery's topic exchange of events is on Redis


def celery_app(url, **settings):
    app = Celery("listening", broker=url, set_as_current=False)
    app.conf.update(settings)
    return app


class Ears:
    """Starts Events on an app, and publishes what it is to hear."""

    def __init__(self):
        self.started = []

    def listen(self, url, *, kind=EventsThread, settings=None, **options):
        parts = {"state": ClusterState(), "inbox": Inbox(), "jitter": lambda: 0.0, **options}
        events = kind(celery_app(url, **settings or {}), IOLoop.current(), **parts)
        self.started.append(events)
        events.start()
        return events

    async def hear(self, url, **options):
        """Listen, and wait until connected."""
        events = self.listen(url, **options)
        await eventually(lambda: events.connection.connected)
        return events

    def stop(self):
        for events in self.started:
            events.stop()
            assert not events.is_alive()


@pytest.fixture
async def ears():
    ears = Ears()
    yield ears
    ears.stop()


def publish(url, *messages, kind=FANOUT, exchange="celeryev", **properties):
    """Send bodies to the exchange of events just as they are."""
    with celery_app(url).connection_for_write() as connection:
        producer = connection.Producer(exchange=Exchange(exchange, kind))
        for message in messages:
            producer.publish(
                encoded(message),
                routing_key="task.multi",
                **{
                    "content_type": "application/json",
                    "content_encoding": "utf-8",
                    **properties,
                },
            )


async def test_events_arrive_alone_and_in_lists(ears, redis_url):
    events = await ears.hear(redis_url)

    publish(redis_url, GOOD, [{**GOOD, "uuid": "u-2"}, {**GOOD, "uuid": "u-3"}])

    await eventually(lambda: len(events.tasks) == 3)
    assert (events.stats.messages, events.stats.received) == (2, 3)
    assert set(events.workers) == {"w1@box"}


async def test_whatever_is_sent_a_good_event_after_it_is_seen_at_once(ears, redis_url):
    events = await ears.hear(redis_url)
    since = events.connection.since

    publish(redis_url, *bodies())
    publish(redis_url, GOOD, content_type="application/x-python-serialize")
    publish(redis_url, GOOD, content_type="application/x-unknown")
    sent_at = time.monotonic()
    publish(redis_url, {**GOOD, "uuid": "good"})

    await eventually(lambda: "good" in events.tasks)
    assert time.monotonic() - sent_at < 1
    assert events.connection.since == since
    assert set(events.stats.malformed) == {
        "not an object", "not decodable", "no type", "bad type", "bad hostname", "bad uuid",
        "content type",
    }  # fmt: skip


async def test_what_cannot_even_be_unpacked_is_counted(ears, redis_url):
    events = await ears.hear(redis_url)

    publish(redis_url, b"not zlib", headers={"compression": "application/x-gzip"})
    publish(redis_url, GOOD)

    await eventually(lambda: events.tasks)
    assert events.stats.malformed == {"not decodable": 1}


async def test_the_apps_event_exchange_is_the_one_listened_to(ears, redis_url):
    events = await ears.hear(redis_url, settings={"event_exchange": "elsewhere"})

    publish(redis_url, GOOD)
    publish(redis_url, {**GOOD, "uuid": "u-2"}, exchange="elsewhere")

    await eventually(lambda: events.tasks)
    assert list(events.tasks) == ["u-2"]


async def test_on_redis_a_full_inbox_drops_counts_and_says_so(ears, redis_url, caplog):
    events = await ears.hear(
        redis_url, inbox=Inbox(max_messages=1), drain_interval_ms=60_000, slice_ms=1
    )

    with caplog.at_level(logging.WARNING):
        publish(redis_url, [GOOD, GOOD], [GOOD, {**GOOD, "type": "task-sent"}], GOOD)
        await eventually(lambda: events.stats.messages == 3)

    assert events.stats.dropped == {"task-received": 2, "task-sent": 1}
    assert "The inbox is full: dropped 2 events" in caplog.text
    assert "--inbox_max_messages" in caplog.text
    assert len(caplog.records) == 1


async def test_a_lost_broker_is_told_and_found_again(ears, own_redis, caplog):
    events = await ears.hear(own_redis.url)
    before = events.connection
    told = []
    events.add_listener(lambda: told.append(events.connection.connected))

    own_redis.kill()
    await eventually(lambda: not events.connection.connected)
    lost = events.connection
    assert lost.since > before.since
    assert lost.why
    assert lost.retry_at - lost.since <= 5
    await asyncio.sleep(1.5)  # several tries
    assert events.connection.since == lost.since

    own_redis.start()
    await eventually(lambda: events.connection.connected)
    assert events.connection.why is None
    publish(own_redis.url, GOOD)
    await eventually(lambda: events.tasks)
    assert True in told[told.index(False) :]
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert 1 <= len(errors) <= 3  # one for each reason, not for each try


async def test_a_broker_that_is_not_there_yet_is_waited_for(ears):
    with refused_broker() as url:
        events = ears.listen(url)
        await eventually(lambda: events.connection.retry_at)

        assert not events.connection.connected
        assert "refused" in events.connection.why
        assert events.is_alive()


async def test_an_outage_is_logged_once_although_the_systems_clock_leaps(ears, caplog):
    leaps = itertools.count(time.time(), 3600)
    tries = set()
    with refused_broker() as url:
        events = ears.listen(url, clock=lambda: next(leaps))
        await eventually(lambda: tries.add(events.connection.retry_at) or len(tries) > 3)

    logged = [one for one in caplog.messages if one.startswith("No events: ")]
    assert len(logged) == 1


async def test_a_broker_url_of_no_known_kind_is_an_outage_and_no_crash(ears):
    events = ears.listen("nonsense://127.0.0.1:1//")
    await eventually(lambda: events.connection.retry_at)

    assert events.is_alive()
    assert "nonsense" in events.connection.why


def test_it_starts_and_stops_although_the_loop_never_runs(redis_url):
    loop = IOLoop(make_current=False)
    events = EventsThread(celery_app(redis_url), loop, state=ClusterState(), inbox=Inbox())
    began = time.monotonic()

    starter = threading.Thread(target=events.start)
    starter.start()
    starter.join()
    while not events.connection.connected:
        assert time.monotonic() - began < 10
        time.sleep(0.01)
    publish(redis_url, GOOD)
    while not events.inbox.messages:
        assert time.monotonic() - began < 10
        time.sleep(0.01)
    events.stop()

    assert not events.is_alive()
    assert not events.tasks
    loop.close()


def test_stopping_before_and_after_is_harmless(redis_url):
    loop = IOLoop(make_current=False)
    events = EventsThread(celery_app(redis_url), loop, state=ClusterState(), inbox=Inbox())
    events.stop()
    events.start()
    events.join(5)
    events.stop()
    loop.close()

    assert not events.is_alive()


async def test_it_stops_in_time_while_a_connection_is_being_made(ears):
    with silent_broker() as url:
        events = ears.listen(url)
        await asyncio.sleep(0.2)
        began = time.monotonic()

        events.stop()

        assert time.monotonic() - began < 4
        ears.started.clear()  # its daemon thread hangs until the broker's silence times out


async def test_it_stops_in_time_under_a_stream_that_never_pauses(ears, redis_url):
    events = await ears.hear(redis_url)
    flood = threading.Event()

    def pour():
        while not flood.is_set():
            publish(redis_url, *[GOOD] * 200)

    pourer = threading.Thread(target=pour)
    pourer.start()
    try:
        await eventually(lambda: events.stats.messages > 200)
        began = time.monotonic()
        await asyncio.get_running_loop().run_in_executor(None, events.stop)
        assert time.monotonic() - began < 2
        assert not events.is_alive()
    finally:
        flood.set()
        pourer.join()


class Keeping(EventsThread):
    """Has tasks that come back when `gate` is open."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.gate = threading.Event()
        self.returning = Returning(self.state, self.kept())

    def kept(self):
        assert self.gate.wait(10)
        yield Task("u-1", name="shop.kept", state="STARTED")


async def test_events_wait_for_the_tasks_that_come_back(ears, redis_url):
    events = await ears.hear(redis_url, kind=Keeping)
    publish(redis_url, {**GOOD, "type": "task-succeeded", "name": None})
    await eventually(lambda: events.inbox.messages)
    await asyncio.sleep(0.2)
    assert (events.stats.received, events.inbox.messages) == (0, 1)

    events.gate.set()

    await eventually(lambda: events.stats.received)
    assert events.tasks["u-1"].name == "shop.kept"
    assert events.tasks["u-1"].state == "SUCCESS"


async def test_stopping_while_tasks_come_back_applies_what_has_arrived(ears, redis_url):
    events = await ears.hear(redis_url, kind=Keeping)
    publish(redis_url, GOOD)
    await eventually(lambda: events.inbox.messages)

    events.stop()
    assert events.tasks["u-1"].name == GOOD["name"]
    events.gate.set()


async def test_stopping_on_the_loop_applies_what_has_arrived(ears, redis_url):
    events = await ears.hear(redis_url, drain_interval_ms=60_000)
    publish(redis_url, GOOD)
    await eventually(lambda: events.inbox.messages)

    events.stop()

    assert set(events.tasks) == {"u-1"}


class Overridden(EventsThread):
    seen: list
    is_broken = False

    def on_event(self, event):
        self.seen.append((threading.current_thread(), event))
        if self.is_broken:
            raise RuntimeError("no")
        super().on_event(event)


async def test_an_overridden_on_event_sees_each_event_as_sent_on_the_events_thread(ears, redis_url):
    Overridden.seen = []
    events = await ears.hear(redis_url, kind=Overridden)

    publish(redis_url, [{**GOOD, "mine": [1]}, {**GOOD, "uuid": "u-2"}])

    await eventually(lambda: len(events.tasks) == 2)
    assert [event["uuid"] for _, event in events.seen] == ["u-1", "u-2"]
    assert events.seen[0][1]["mine"] == [1]
    assert {thread for thread, _ in events.seen} == {events}


async def test_an_on_event_that_fails_does_not_cut_the_connection(ears, redis_url, caplog):
    Overridden.seen = []
    events = await ears.hear(redis_url, kind=Overridden)
    events.is_broken = True

    publish(redis_url, GOOD, GOOD)
    await eventually(lambda: len(events.seen) == 2)

    assert events.connection.connected
    assert "on_event failed" in caplog.text


async def test_listeners_are_called_on_the_loop_and_a_bad_one_stops_no_other(
    ears, redis_url, caplog
):
    events = await ears.hear(redis_url)
    threads = []
    events.add_listener(lambda: 1 / 0)
    events.add_listener(lambda: threads.append(threading.current_thread()))

    publish(redis_url, GOOD)
    await eventually(lambda: threads)

    assert set(threads) == {threading.current_thread()}
    assert "A listener for events failed" in caplog.text


async def test_all_workers_are_asked_for_events_at_once_and_after_each_interval(ears, redis_url):
    with redis.Redis.from_url(redis_url) as client, client.pubsub() as heard:
        heard.psubscribe("*pidbox*")
        events = await ears.hear(redis_url, enable_interval_ms=600)
        connected_at = time.monotonic()
        first = await eventually(lambda: asking(heard))

        assert time.monotonic() - connected_at < 0.5
        assert (first["method"], first["destination"]) == ("enable_events", None)
        assert (await eventually(lambda: asking(heard)))["destination"] is None
        assert events.connection.connected


@pytest.mark.parametrize("kind", ["worker-online", "worker-heartbeat", "task-received"])
async def test_a_newcomer_is_asked_for_events_at_once_and_again_soon(ears, redis_url, kind):
    with redis.Redis.from_url(redis_url) as client, client.pubsub() as heard:
        heard.psubscribe("*pidbox*")
        await ears.hear(redis_url, enable_interval_ms=60_000)
        await eventually(lambda: asking(heard))

        publish(redis_url, {**GOOD, "type": kind, "hostname": "new@box"})
        asked_at = []
        for _ in range(3):
            asked = await eventually(lambda: asking(heard))
            assert (asked["method"], asked["destination"]) == ("enable_events", ["new@box"])
            asked_at.append(time.monotonic())

        assert asked_at[-1] - asked_at[0] > 0.1


def asking(heard):
    """The next broadcast other than the call for heartbeats that a receiver begins with."""
    message = heard.get_message(ignore_subscribe_messages=True)
    if message is None:
        return None
    envelope = json.loads(message["data"])
    body = json.loads(base64.b64decode(envelope["body"]))
    return None if body["method"] == "heartbeat" else body


async def test_without_enable_events_nobody_is_asked(ears, redis_url):
    with redis.Redis.from_url(redis_url) as client, client.pubsub() as heard:
        heard.psubscribe("*pidbox*")
        await ears.hear(redis_url, enable_events=False, enable_interval_ms=50)
        await asyncio.sleep(0.5)

        assert asking(heard) is None


def test_a_broker_that_cannot_be_asked_is_one_warning(caplog):
    with refused_broker() as url:
        app = celery_app(url, broker_transport_options={"max_retries": 0})
        events = EventsThread(app, IOLoop(make_current=False), state=ClusterState(), inbox=Inbox())
        events.on_enable_events()
        events.io_loop.close()

    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.xdist_group("rabbit")
async def test_on_rabbitmq_the_queue_keeps_events_for_a_minute(ears, rabbit):
    settings = {"event_queue_prefix": "looking"}
    await ears.hear(rabbit.url, settings=settings)

    queues = await eventually(lambda: own_queues(rabbit, "looking."), 15)

    assert queues[0]["arguments"]["x-message-ttl"] == 60_000


def own_queues(rabbit, prefix):
    """What RabbitMQ's management API tells of the queues whose names begin so."""
    where = urllib.parse.urlsplit(rabbit.management_url)
    client = http.client.HTTPConnection(where.hostname, where.port, timeout=5)
    login = base64.b64encode(f"{where.username}:{where.password}".encode()).decode()
    with contextlib.closing(client):
        client.request("GET", "/api/queues", headers={"Authorization": f"Basic {login}"})
        queues = json.load(client.getresponse())
    return [queue for queue in queues if queue["name"].startswith(prefix)]


@pytest.mark.xdist_group("rabbit")
async def test_on_rabbitmq_a_full_inbox_waits_and_loses_nothing(ears, rabbit):
    events = await ears.hear(
        rabbit.url, inbox=Inbox(max_messages=2), drain_interval_ms=2, slice_ms=1
    )

    publish(rabbit.url, *({**GOOD, "uuid": f"u-{n}"} for n in range(500)), kind="topic")

    await eventually(lambda: len(events.tasks) == 500, 20)
    assert events.stats.dropped == {}
