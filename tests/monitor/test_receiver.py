"""The receiver's connection: what the app may choose, and how its death is noticed."""

import contextlib
import signal
import threading
import time

import pytest
from celery import Celery

from flower_ng.monitor.ingest.receiver import (
    Receiver,
    connect,
    heartbeat_s,
    keeps_messages,
    queue_ttl,
)
from flower_ng.monitor.remote.connections import limit_waits
from tests.monitor.yard import refused_broker, silent_broker


def celery_app(url="redis://127.0.0.1:1/0", **settings):
    app = Celery("receiving", broker=url, set_as_current=False)
    app.conf.update(settings)
    return app


@pytest.mark.parametrize(
    ("settings", "ttl_s"),
    [({}, 60), ({"event_queue_ttl": 30}, 30), ({"event_queue_ttl": 600}, 600)],
)
def test_the_queue_keeps_events_for_a_minute_unless_the_app_chose_a_time(settings, ttl_s):
    assert queue_ttl(celery_app(**settings)) == ttl_s


@pytest.mark.parametrize(
    ("settings", "period_s"),
    [({}, 12), ({"broker_heartbeat": 30}, 30), ({"broker_heartbeat": 0}, 0)],
)
def test_the_heartbeat_is_quick_unless_the_app_chose_another(settings, period_s):
    assert heartbeat_s(celery_app(**settings)) == period_s


@pytest.mark.parametrize(
    ("url", "keeps"),
    [
        ("redis://", False),
        ("rediss://", False),
        ("sentinel://", False),
        ("amqp://", True),
        ("filesystem://", True),
    ],
)
def test_only_redis_forgets_what_is_not_fetched(url, keeps):
    assert keeps_messages(celery_app(url).connection_for_read()) is keeps


def test_a_refused_connection_fails_at_once():
    began = time.monotonic()

    with refused_broker() as url, pytest.raises(Exception, match="refused"):
        connect(celery_app(url))

    assert time.monotonic() - began < 1


def test_each_host_of_a_failover_list_is_tried(redis_url):
    with refused_broker() as dead:
        hosts = f"{dead};{dead};{redis_url}"
        with connect(celery_app(hosts)) as connection:
            assert connection.connected


def test_a_broker_that_says_nothing_is_given_up():
    with silent_broker() as url, pytest.raises(Exception, match=r"(?i)timeout|timed out"):
        connect(celery_app(url), silence_s=0.2)


def test_what_the_app_sets_for_its_transport_stays(redis_url):
    app = celery_app(redis_url, broker_transport_options={"health_check_interval": 77})

    with connect(app) as connection:
        assert connection.transport_options["health_check_interval"] == 77
        assert "health_check_interval" in app.conf.broker_transport_options


def test_what_celery_connects_by_itself_has_deadlines_unless_the_app_chose_them():
    app = celery_app("amqp://", broker_transport_options={"read_timeout": 77})

    limit_waits(app)

    connection = app.connection_for_write()
    assert connection.connect_timeout == 2.5
    assert connection.transport_options == {"read_timeout": 77, "write_timeout": 2.0}


def listening(url, silence_s):
    """A receiver in a thread; returns it, and the list that its end is put into."""
    app = celery_app(url)
    ready, ends = threading.Event(), []

    def listen():
        with connect(app, silence_s) as connection:
            receiver = Receiver(
                connection,
                app=app,
                on_message=lambda _: None,
                on_ready=ready.set,
                on_sign=lambda _: None,
                wake=lambda: None,
                silence_s=silence_s,
            )
            receivers.append(receiver)
            try:
                receiver.receive()
                ends.append(None)
            except Exception as error:  # noqa: BLE001 - what the test is about
                ends.append(error)

    receivers = []
    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert ready.wait(10)
    return receivers[0], thread, ends


def test_a_redis_that_falls_silent_is_noticed(own_redis):
    _, thread, ends = listening(own_redis.url, silence_s=1)
    began = time.monotonic()

    own_redis.signal(signal.SIGSTOP)
    with contextlib.ExitStack() as stack:
        stack.callback(own_redis.signal, signal.SIGCONT)
        while not ends and time.monotonic() - began < 10:
            time.sleep(0.05)
    thread.join(5)

    assert "ping unanswered for 1 s" in str(ends[0])


def test_a_quiet_redis_that_answers_is_kept(own_redis):
    receiver, thread, ends = listening(own_redis.url, silence_s=1)
    time.sleep(4)
    assert not ends

    receiver.should_stop = True
    thread.join(3)
    assert ends == [None]
