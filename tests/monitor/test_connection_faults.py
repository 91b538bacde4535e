"""A broker that fails is logged when that begins and when it ends, not with each call."""

import logging

import pytest
from celery import Celery

from flower_ng.errors import Unavailable
from flower_ng.monitor.remote.connections import ConnectionPool
from tests.services import wait_until


def test_a_broker_that_stays_away_is_logged_once_and_again_when_it_works(own_redis, caplog):
    caplog.set_level(logging.WARNING)
    with Celery(broker=own_redis.url, set_as_current=False) as app:
        pool = ConnectionPool(app)
        own_redis.kill()
        for _ in range(4):
            with pytest.raises(Unavailable), pool.line():
                pass
        away = [one.getMessage() for one in caplog.records]
        own_redis.start()
        wait_until(lambda: works(pool), 10, "it works")
        pool.close()

    assert len(away) == 1
    assert away[0].startswith("The broker failed: ")
    ends = [one.getMessage() for one in caplog.records if "works again" in one.getMessage()]
    assert len(ends) == 1


def works(pool):
    try:
        with pool.line() as line:
            line.prove()
    except Unavailable:
        return False
    return True
