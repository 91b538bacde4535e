"""Entries of a real app's schedule are overdue when their time has passed unseen."""

import time

import pytest
from celery import Celery
from celery.beat import BeatLazyFunc
from celery.schedules import crontab

from flower_ng.health.facts.beat_schedule import BeatSchedule

PAY = "shop.pay"
SIGN = (PAY, "()", "{}")


def table(entry, seen=None, since=None) -> BeatSchedule:
    app = Celery("shop", broker="memory://", set_as_current=False)
    app.conf.beat_schedule = {"nightly": {"task": PAY, **entry}}
    return BeatSchedule(app, seen or {}, lambda: since, 30.0)


async def overdue_s(it: BeatSchedule) -> float:
    await it.look()
    assert it.entries is not None
    return it.entries[0].overdue_s


async def overdue_s_of(entry, sends, since) -> float:
    return await overdue_s(table(entry, {SIGN: sends}, since))


@pytest.mark.parametrize("schedule", [60, 60.0, crontab()])
async def test_an_entry_is_overdue_when_its_time_has_passed_unseen(schedule):
    now = time.time()

    late_s = await overdue_s(table({"schedule": schedule}, {SIGN: {"": [now - 600]}}, now - 900))

    assert late_s == pytest.approx(540, abs=65)


async def test_an_entry_that_was_seen_is_not():
    now = time.time()

    assert await overdue_s(table({"schedule": 60}, {SIGN: {"": [now - 1]}}, now - 900)) == 0


async def test_what_could_not_be_heard_is_not_overdue():
    now = time.time()

    assert await overdue_s(table({"schedule": 60}, {SIGN: {"": [now - 9000]}}, now - 1)) == 0


async def test_without_a_connection_nobody_knows():
    it = table({"schedule": 60}, since=None)
    await it.look()

    assert it.entries is None


async def test_an_app_without_a_schedule_has_no_entries():
    it = BeatSchedule(Celery(broker="memory://", set_as_current=False), {}, lambda: 1.0, 30.0)
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
    seen = {(PAY, "(7,)", "{}"): {"": [now - 1]}}

    assert await overdue_s(table({"schedule": 60}, seen, now - 900)) > 800


BEAT, WEB, ANEW = "gen1@beat", "gen2@web", "gen9@beat"


@pytest.mark.parametrize(
    ("ago", "overdue_s"),
    [
        pytest.param({BEAT: [660, 600, 540], WEB: [90, 60, 20, 1]}, 480, id="hidden-by-many"),
        pytest.param({BEAT: [660, 600, 540], WEB: [900, 620, 1]}, 480, id="hidden-by-few"),
        pytest.param({BEAT: [660, 600, 540], "": [1]}, 480, id="hidden-by-who-does-not-tell"),
        pytest.param({WEB: [90, 60, 20, 1]}, 840, id="never-seen"),
        pytest.param({BEAT: [121, 61, 1], WEB: [90, 60, 20, 1]}, 0, id="alive"),
        pytest.param({BEAT: [130, 65, 5], WEB: [90, 60, 20, 1]}, 0, id="alive-and-late"),
        pytest.param({BEAT: [660, 600, 540], ANEW: [1]}, 0, id="started-anew"),
        pytest.param({BEAT: [200, 140, 80, 79, 19]}, 0, id="once-by-hand"),
        pytest.param({BEAT: [1]}, 0, id="just-begun"),
        pytest.param({"": [90, 60, 20, 1]}, 0, id="nobody-tells-who-sends"),
    ],
)
async def test_who_sends_the_same_out_of_rhythm_is_not_taken_for_beat(ago, overdue_s):
    now = time.time()
    sends = {name: [now - one for one in times] for name, times in ago.items()}

    late_s = await overdue_s_of({"schedule": 60}, sends, now - 900)

    assert late_s == pytest.approx(overdue_s, abs=5)


async def test_a_crontab_has_its_rhythm_too():
    minute = time.time() // 60 * 60
    sends = {BEAT: [minute - 600 + 60 * n + 0.2 for n in range(4)], WEB: [minute - 700, minute - 9]}

    late_s = await overdue_s_of({"schedule": crontab()}, sends, minute - 900)

    assert late_s > 300


async def test_entries_that_send_the_same_share_every_sight():
    now, app = time.time(), Celery("shop", broker="memory://", set_as_current=False)
    app.conf.beat_schedule = {
        name: {"task": PAY, "schedule": every} for name, every in (("a", 60), ("b", 45))
    }
    seen = {SIGN: {BEAT: [now - one for one in (135, 120, 90, 60, 45, 1)]}}
    it = BeatSchedule(app, seen, lambda: now - 900, 30.0)

    await it.look()

    assert it.entries is not None
    assert [entry.overdue_s for entry in it.entries] == [0, 0]
