"""Entries of a real app's schedule are overdue when their time has passed unseen."""

import time

import pytest
from celery import Celery
from celery.beat import BeatLazyFunc
from celery.schedules import crontab

from flower_ng.health.timetable import Timetable

PAY = "shop.pay"
SIGN = (PAY, "()", "{}")


def table(entry, seen=None, since=None) -> Timetable:
    app = Celery("shop", broker="memory://", set_as_current=False)
    app.conf.beat_schedule = {"nightly": {"task": PAY, **entry}}
    return Timetable(app, seen or {}, lambda: since, 30.0)


async def overdue_s(it: Timetable) -> float:
    await it.look()
    assert it.entries is not None
    return it.entries[0].overdue_s


@pytest.mark.parametrize("schedule", [60, 60.0, crontab()])
async def test_an_entry_is_overdue_when_its_time_has_passed_unseen(schedule):
    now = time.time()

    late_s = await overdue_s(table({"schedule": schedule}, {SIGN: now - 600}, now - 900))

    assert late_s == pytest.approx(540, abs=65)


async def test_an_entry_that_was_seen_is_not():
    now = time.time()

    assert await overdue_s(table({"schedule": 60}, {SIGN: now - 1}, now - 900)) == 0


async def test_what_could_not_be_heard_is_not_overdue():
    now = time.time()

    assert await overdue_s(table({"schedule": 60}, {SIGN: now - 9000}, now - 1)) == 0


async def test_without_a_connection_nobody_knows():
    it = table({"schedule": 60}, since=None)
    await it.look()

    assert it.entries is None


async def test_an_app_without_a_schedule_has_no_entries():
    it = Timetable(Celery(broker="memory://", set_as_current=False), {}, lambda: 1.0, 30.0)
    await it.look()

    assert it.entries is None
    assert it.signs() == frozenset()


def test_an_entry_is_told_from_other_senders_by_its_arguments():
    def signs(entry):
        return set(table({"schedule": 60, **entry}).signs())

    assert signs({}) == {SIGN}
    assert signs({"args": (1, 2), "kwargs": {"to": "x"}}) == {(PAY, "[1, 2]", "{'to': 'x'}")}
    assert signs({"args": [1], "options": {"argsrepr": "(secret)"}}) == {(PAY, "(secret)", "{}")}
    assert signs({"args": [BeatLazyFunc(time.time)]}) == {(PAY, None, None)}


async def test_a_task_with_other_arguments_is_not_the_entrys():
    now = time.time()
    seen = {(PAY, "(7,)", "{}"): now - 1}

    assert await overdue_s(table({"schedule": 60}, seen, now - 900)) > 800
