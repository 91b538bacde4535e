"""Entries of a real app's schedule are overdue when their time has passed unseen."""

import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import pytest
from celery import Celery
from celery.beat import BeatLazyFunc
from celery.schedules import crontab

from flower_ng.health.facts.beat_schedule import BeatSchedule
from flower_ng.health.facts.task_observer import TaskObserver
from flower_ng.redaction import NO_REDACTION
from flower_ng.schedule.entry import Sign
from flower_ng.schedule.timetable import Timetable

PAY = "shop.pay"
SIGN = (PAY, "()", "{}")


@pytest.fixture(scope="module")
def pool():
    with ThreadPoolExecutor(4) as threads:
        yield threads


@pytest.fixture
def table(pool):
    """Make the judge of a schedule of one entry, or of several."""

    def made(entry=None, seen=None, since=None, **entries) -> BeatSchedule:
        app = Celery("shop", broker="memory://", set_as_current=False)
        many = entries or ({} if entry is None else {"nightly": entry})
        app.conf.beat_schedule = {name: {"task": PAY, **one} for name, one in many.items()}
        sightings = TaskObserver(lambda *_: None, time.time)
        for sign, sends in (seen or {}).items():
            sightings.seen[sign] = {name: deque(times) for name, times in sends.items()}
        timetable = Timetable(app, pool, NO_REDACTION, time.time)
        return BeatSchedule(timetable, sightings, lambda: since, 30.0)

    return made


@pytest.fixture
def overdue_s_of(table):
    async def reckoned(entry, sends, since) -> float:
        return await overdue_s(table(entry, {SIGN: sends}, since))

    return reckoned


async def overdue_s(it: BeatSchedule) -> float:
    await it.look()
    assert it.entries is not None
    return it.entries[0].overdue_s


async def signs(it: BeatSchedule) -> set[Sign]:
    await it.look()
    return set(map(it.timetable.sign, it.timetable.entries))


@pytest.mark.parametrize("schedule", [60, 60.0, crontab()])
async def test_an_entry_is_overdue_when_its_time_has_passed_unseen(schedule, table):
    now = time.time()

    late_s = await overdue_s(table({"schedule": schedule}, {SIGN: {"": [now - 600]}}, now - 900))

    assert late_s == pytest.approx(540, abs=65)


async def test_an_entry_that_was_seen_is_not(table):
    now = time.time()

    assert await overdue_s(table({"schedule": 60}, {SIGN: {"": [now - 1]}}, now - 900)) == 0


async def test_what_could_not_be_heard_is_not_overdue(table):
    now = time.time()

    assert await overdue_s(table({"schedule": 60}, {SIGN: {"": [now - 9000]}}, now - 1)) == 0


async def test_without_a_connection_nobody_knows(table):
    it = table({"schedule": 60}, since=None)
    await it.look()

    assert it.entries is None


async def test_an_app_without_a_schedule_has_no_entries(table):
    it = table(since=1.0)

    assert await signs(it) == set()
    assert it.entries is None


async def test_an_entry_is_told_from_other_senders_by_its_arguments(table):
    async def of(entry):
        return await signs(table({"schedule": 60, **entry}))

    assert await of({}) == {SIGN}
    assert await of({"args": (1, 2), "kwargs": {"to": "x"}}) == {(PAY, "[1, 2]", "{'to': 'x'}")}
    assert await of({"args": [1], "options": {"argsrepr": "(secret)"}}) == {(PAY, "(secret)", "{}")}
    assert await of({"args": [BeatLazyFunc(time.time)]}) == {(PAY, None, None)}


async def test_a_task_with_other_arguments_is_not_the_entrys(table):
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
async def test_who_sends_the_same_out_of_rhythm_is_not_taken_for_beat(ago, overdue_s, overdue_s_of):
    now = time.time()
    sends = {name: [now - one for one in times] for name, times in ago.items()}

    late_s = await overdue_s_of({"schedule": 60}, sends, now - 900)

    assert late_s == pytest.approx(overdue_s, abs=5)


async def test_a_crontab_has_its_rhythm_too(overdue_s_of):
    minute = time.time() // 60 * 60
    sends = {BEAT: [minute - 600 + 60 * n + 0.2 for n in range(4)], WEB: [minute - 700, minute - 9]}

    late_s = await overdue_s_of({"schedule": crontab()}, sends, minute - 900)

    assert late_s > 300


async def test_entries_that_send_the_same_share_every_sight(table):
    now = time.time()
    seen = {SIGN: {BEAT: [now - one for one in (135, 120, 90, 60, 45, 1)]}}
    it = table(None, seen, now - 900, a={"schedule": 60}, b={"schedule": 45})

    await it.look()

    assert it.entries is not None
    assert [entry.overdue_s for entry in it.entries] == [0, 0]


async def test_what_was_sent_before_events_came_says_when_it_is_due_next(table):
    now = time.time()
    it = table({"schedule": 3600}, {SIGN: {BEAT: [now - 600]}}, now - 60)

    await it.look()

    (entry,) = it.facts.values()
    assert (entry.overdue_s, entry.is_latest) == (0, False)
    assert entry.due_at == pytest.approx(now + 3000, abs=5)


async def test_of_an_interval_that_was_never_seen_only_the_latest_moment_is_known(table):
    now = time.time()
    it = table({"schedule": 3600}, {}, now - 60)

    await it.look()

    (entry,) = it.facts.values()
    assert (entry.last_at, entry.is_latest) == (None, True)
    assert entry.due_at == pytest.approx(now + 3540, abs=5)


async def test_of_an_interval_whose_runs_could_not_be_heard_only_the_latest_moment_is_known(table):
    now = time.time()
    it = table({"schedule": 60}, {SIGN: {BEAT: [now - 600]}}, now - 20)

    await it.look()

    (entry,) = it.facts.values()
    assert (entry.last_at, entry.overdue_s, entry.is_latest) == (now - 600, 0, True)
    assert entry.due_at == pytest.approx(now + 40, abs=5)


async def test_a_schedule_that_fails_is_judged_by_nobody_and_hides_no_other(table):
    class Broken(crontab):
        def remaining_estimate(self, _last_run_at):
            raise ValueError("no such day")

    it = table(None, {}, time.time() - 900, bad={"schedule": Broken()}, good={"schedule": 60})

    await it.look()

    assert [entry.name for entry in it.entries or ()] == ["good"]
