"""A broker without fanout carries neither events nor commands: told, and nothing is left on it."""

import sqlite3
from contextlib import closing

import pytest
from celery import Celery
from tornado.ioloop import IOLoop

from flower_ng.errors import Unavailable
from flower_ng.monitor.fanout import lack_of_fanout
from flower_ng.monitor.ingest.events import EventsThread
from flower_ng.monitor.ingest.inbox import Inbox
from flower_ng.monitor.remote.broadcast import Broadcasts
from flower_ng.monitor.state.state import ClusterState
from tests.services import wait_until

URLS = ("redis://localhost/0", "sentinel://localhost", "amqp://", "memory://", "filesystem://")


@pytest.fixture
def database(tmp_path):
    return tmp_path / "broker.sqlite3"


@pytest.fixture
def capp(database):
    with Celery(broker=f"sqla+sqlite:///{database}", set_as_current=False) as app:
        yield app


def app_of(url):
    return Celery(broker=url, set_as_current=False)


@pytest.mark.parametrize("url", URLS)
def test_what_can_send_one_message_to_many_lacks_nothing(url):
    assert lack_of_fanout(app_of(url)) == ""


def test_a_database_as_a_broker_lacks_it(capp):
    assert "(sqlalchemy) carries neither events nor commands" in lack_of_fanout(capp)


def test_a_transport_that_cannot_be_loaded_is_for_others_to_tell():
    assert lack_of_fanout(app_of("nonsense://")) == ""


def test_nobody_listens_or_asks_there_and_no_queue_is_left_behind(capp, database):
    events = EventsThread(
        capp, IOLoop(make_current=False), state=ClusterState(), inbox=Inbox(10, 10)
    )
    events.start()
    try:
        wait_until(lambda: not events.connection.is_possible, 10, "it is known")
        with pytest.raises(Unavailable, match="neither events nor commands"):
            Broadcasts(capp).ask({"ping": {}}, None, 0.1)
        with pytest.raises(Unavailable, match="neither events nor commands"):
            Broadcasts(capp).tell("enable_events", {})
    finally:
        events.stop()

    assert queues(database) == []


def queues(database):
    """Return the names of the queues that somebody made on a database as a broker."""
    if not database.exists():
        return []
    with closing(sqlite3.connect(database)) as session:
        tables = session.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return session.execute("SELECT name FROM kombu_queue").fetchall() if tables else []
