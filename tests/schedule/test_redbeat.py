"""RedBeat's own keys are read as it writes them, and changed as it reads them."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from celery import Celery
from celery.schedules import crontab, schedule
from redbeat import RedBeatSchedulerEntry
from redbeat.schedules import rrule
from redis import Redis as Client

from flower_ng.errors import NotFound, Unavailable
from flower_ng.redaction import NO_REDACTION
from flower_ng.schedule.entry import Kind
from flower_ng.schedule.redbeat_source import UNNAMED, RedBeatSource
from flower_ng.schedule.timetable import Timetable
from tests.brokers.places import Sentinel
from tests.services import Redis, free_port, running

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live-redis")]


@pytest.fixture
def url(redis_server: Redis):
    url = redis_server.url.removesuffix("0") + "11"
    with Client.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()


@pytest.fixture
def app(url):
    app = Celery("shop", broker=url, set_as_current=False)
    app.conf.redbeat_redis_url, app.conf.redbeat_redis_options = url, {}
    app.conf.timezone = "Europe/Berlin"
    return app


@pytest.fixture(scope="module")
def pool():
    with ThreadPoolExecutor(4) as threads:
        yield threads


def entries(app, pool):
    return {one.name: one for one in RedBeatSource(app, pool).look().entries}


def test_entries_are_read_as_redbeat_wrote_them(app, pool):
    RedBeatSchedulerEntry(
        "nightly", "shop.pay", crontab(0, 3), args=[7], options={"queue": "bills"}, app=app
    ).save()
    RedBeatSchedulerEntry("fast", "shop.pay", schedule(60), kwargs={"a": 1}, app=app).save()
    RedBeatSchedulerEntry("rule", "shop.pay", rrule("DAILY", byhour=5), app=app).save()
    next(RedBeatSchedulerEntry.from_key("redbeat:fast", app=app))

    found = entries(app, pool)

    nightly, fast, rule = found["nightly"], found["fast"], found["rule"]
    assert (nightly.words, nightly.zone) == ("at 03:00", "Europe/Berlin")
    assert (nightly.args, nightly.queue, nightly.kind) == ((7,), "bills", Kind.REDBEAT)
    assert (nightly.last_run_at, nightly.runs) == (None, None)
    assert (fast.words, fast.kwargs, fast.runs) == ("every minute", {"a": 1}, 1)
    assert fast.last_run_at == pytest.approx(time.time(), abs=30)
    assert fast.due_at == pytest.approx(fast.last_run_at + 60, abs=2)
    assert (rule.words, rule.problem) == ("by a recurrence rule (rrule)", "")


def test_an_entry_is_disabled_and_enabled_as_redbeat_reads_it(app, pool):
    RedBeatSchedulerEntry("fast", "shop.pay", schedule(60), app=app).save()
    source = RedBeatSource(app, pool)

    source.set_enabled("fast", wanted=False)
    assert not entries(app, pool)["fast"].is_enabled
    assert RedBeatSchedulerEntry.from_key("redbeat:fast", app=app).is_due() == (False, 5.0)

    source.set_enabled("fast", wanted=True)
    assert RedBeatSchedulerEntry.from_key("redbeat:fast", app=app).enabled
    with pytest.raises(NotFound):
        source.set_enabled("gone", wanted=True)


def test_what_nobody_can_read_says_so_beside_the_others(app, pool, url):
    RedBeatSchedulerEntry("fast", "shop.pay", schedule(60), app=app).save()
    with Client.from_url(url) as client:
        client.zadd("redbeat::schedule", {"redbeat:bad": 1, "redbeat:odd": 2, "redbeat:none": 3})
        client.hset("redbeat:bad", "definition", "{")
        client.hset("redbeat:odd", "definition", json.dumps({"schedule": {"__type__": "moon"}}))

    found = entries(app, pool)

    assert found.keys() == {"bad", "odd", "fast"}
    assert found["bad"].problem.startswith("It can't be read: ")
    assert found["odd"].problem == "Its schedule can't be read: a schedule of type 'moon'"


def test_keys_of_a_redbeat_that_nobody_uses_any_more_are_overdue_for_nobody(app, pool, url):
    RedBeatSchedulerEntry("fast", "shop.pay", schedule(60), app=app).save()
    other = Celery("other", broker=url, set_as_current=False)

    assert entries(other, pool)["fast"].rests == UNNAMED
    with Client.from_url(url) as client:
        client.set("redbeat::lock", "somebody")
    assert entries(other, pool)["fast"].rests == ""
    assert RedBeatSource(other, pool).look().has_lock


async def test_a_redis_that_is_away_is_told_and_what_was_known_stays(app, pool):
    RedBeatSchedulerEntry("fast", "shop.pay", schedule(60), app=app).save()
    timetable = Timetable(app, pool, NO_REDACTION, time.time)
    await timetable.look()
    app.conf.redbeat_redis_url = f"redis://127.0.0.1:{free_port()}/0"

    await timetable.look()

    place = timetable.places[Kind.REDBEAT]
    assert [one.name for one in place.entries] == ["fast"]
    assert place.problem.startswith("Redis does not answer: ")
    assert place.has_beat is None
    with pytest.raises(Unavailable):
        await timetable.set_enabled(timetable.entries[0], wanted=False)


def test_entries_behind_a_sentinel_are_read_by_the_options_of_redbeat(
    app, pool, url, redis_server, tmp_path
):
    RedBeatSchedulerEntry("nightly", "shop.pay", crontab(0, 3), app=app).save()
    with running(Sentinel(tmp_path, redis_server)) as sentinel:
        behind = Celery("shop", broker=url, set_as_current=False)
        behind.conf.redbeat_redis_url = "redis-sentinel://whatever"
        behind.conf.redbeat_redis_options = {
            "sentinels": [("127.0.0.1", sentinel.port)],
            "service_name": "flowers",
            "db": 11,
        }

        assert RedBeatSource(behind, pool).is_reachable()
        assert [*entries(behind, pool)] == ["nightly"]
        RedBeatSource(behind, pool).set_enabled("nightly", wanted=False)
        assert not RedBeatSchedulerEntry.from_key("redbeat:nightly", app=behind).enabled


def test_a_sentinel_that_the_options_do_not_name_is_not_asked(app, pool):
    app.conf.redbeat_redis_url = "redis-sentinel://whatever"

    assert not RedBeatSource(app, pool).is_reachable()
