"""A real beat, RedBeat's keys and django-celery-beat's database are told as they are."""

import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from celery import Celery
from celery.schedules import crontab, schedule
from redbeat import RedBeatSchedulerEntry
from redis import Redis as Client

from tests.services import Answer, Dashboard, Process, Redis, Worker, python, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live-redis")]

TICK = {"task": "tests.shop.echo", "schedule": 1, "args": ["tick"]}
YEARLY = {"task": "tests.shop.echo", "schedule": 31_536_000, "args": ["yearly"]}
FILL = """
import tests.django_beat
from datetime import UTC, datetime, timedelta
from django.core.management import call_command
from django_celery_beat.models import *
call_command("migrate", verbosity=0)
berlin = CrontabSchedule.objects.create(minute="0", hour="0", timezone="Europe/Berlin")
often = IntervalSchedule.objects.create(every=10, period="minutes")
sun = SolarSchedule.objects.create(event="sunset", latitude=52.5, longitude=13.4)
later = ClockedSchedule.objects.create(clocked_time=datetime(2099, 7, 1, 10, tzinfo=UTC))
for name, fields in {
    "stored nightly": {"crontab": berlin, "args": '["night"]', "queue": "reports"},
    "stored often": {"interval": often},
    "stored sun": {"solar": sun},
    "stored once": {"clocked": later, "one_off": True},
    "stored over": {"interval": often, "expires": datetime.now(UTC) - timedelta(days=1)},
    "broken": {"interval": often, "args": "[1"},
}.items():
    PeriodicTask.objects.create(name=name, task="tests.shop.echo", **fields)
"""


class Planned:
    """A cluster with beat and two stores."""

    def __init__(self, folder: Path, url: str) -> None:
        conf = {
            "beat_schedule": {"tick": TICK, "yearly": YEARLY},
            "redbeat_redis_url": url,
            "redbeat_redis_options": {},
            "timezone": "Europe/Berlin",
        }
        self.url, self.folder = url, folder
        self.env = {"SHOP_CONF": json.dumps(conf), "SHOP_DJANGO": str(folder / "django.sqlite3")}
        self.worker = Worker(folder, url, url, "planned", ("-P", "threads", "-c", "4"), self.env)
        self.board = Dashboard(folder, url, url, ("--problem_schedule_overdue=3",), self.env)
        self.beat = Process(folder / "beat.log")
        self.app = Celery(broker=url, set_as_current=False)
        self.app.conf.update(
            redbeat_redis_url=url, redbeat_redis_options={}, timezone="Europe/Berlin"
        )

    def run(self, script: str) -> str:
        command = [sys.executable, "-c", script]
        environment = {**os.environ, **self.env}
        return subprocess.run(
            command, env=environment, check=True, capture_output=True, text=True, timeout=60
        ).stdout

    def start(self) -> None:
        RedBeatSchedulerEntry(
            "red nightly", "tests.shop.echo", crontab(0, 0), args=["red"], app=self.app
        ).save()
        RedBeatSchedulerEntry("red often", "tests.shop.echo", schedule(600), app=self.app).save()
        self.worker.launch()
        self.run(FILL)
        self.board.start()
        self.start_beat()
        self.worker.wait()

    def start_beat(self) -> None:
        command = [*python(None), "celery", "-A", "tests.shop", "beat"]
        command += ["-s", str(self.folder / "entries"), "-l", "INFO"]
        self.beat.spawn(command, {"SHOP_BROKER": self.url, **self.env})

    def stop(self) -> None:
        for process in (self.beat, self.board, self.worker):
            process.kill()

    def entry(self, name: str) -> dict[str, Any]:
        found = self.board.get("/api/schedule", limit=500)["entries"]
        return next(one for one in found if one["name"] == name)

    def has(self, name: str, **wanted: Any) -> dict[str, Any]:
        """Wait until an entry is so; return it."""
        told: dict[str, Any] = {}

        def is_so() -> bool:
            told.update(self.entry(name))
            return all(told[key] == value for key, value in wanted.items())

        wait_until(is_so, 20, f"{name} is {wanted}")
        return told

    def stored(self) -> tuple[bool, str]:
        """Whether Django has the entry enabled, and when its beat was last told of a change."""
        with closing(sqlite3.connect(self.env["SHOP_DJANGO"])) as database:
            (row,) = database.execute(
                "SELECT enabled, last_update FROM django_celery_beat_periodictask,"
                " django_celery_beat_periodictasks WHERE name = 'stored often'"
            )
        return bool(row[0]), row[1]

    def does(self, action: str, name: str) -> Answer:
        return self.board.post(f"/api/schedule/{action}/{quote(name)}")


@pytest.fixture(scope="module")
def planned(redis_server: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planned]:
    url = redis_server.url.removesuffix("0") + "12"
    with Client.from_url(url) as client:
        client.flushdb()
    it = Planned(tmp_path_factory.mktemp("schedule"), url)
    try:
        it.start()
        yield it
    finally:
        it.stop()


def test_each_place_tells_its_entries(planned):
    told = planned.board.get("/api/schedule", limit=500)

    places = {one["source"]: one for one in told["places"]}
    assert {name: one["entries"] for name, one in places.items()} == {
        "beat_schedule": 2,
        "django-celery-beat": 6,
        "RedBeat": 2,
    }
    assert [one["problem"] for one in places.values()] == ["", "", ""]
    assert places["RedBeat"]["has_beat"] is False
    entries = {one["name"]: one for one in told["entries"]}
    words = {name: (one["schedule"], one["zone"]) for name, one in entries.items()}
    assert words["tick"] == ("every second", None)
    assert words["stored nightly"] == words["red nightly"] == ("at 00:00", "Europe/Berlin")
    assert words["stored often"] == ("every 10 minutes", None)
    assert words["stored once"] == ("once, on 2099-07-01 at 12:00:00", "Europe/Berlin")
    assert (entries["stored nightly"]["args"], entries["stored nightly"]["queue"]) == (
        "['night']",
        "reports",
    )
    assert entries["stored over"]["state"] == "resting"
    assert entries["stored over"]["due"] is None
    assert entries["broken"]["why"].startswith("Its arguments are no JSON: ")
    midnight = entries["red nightly"]["due"]
    assert entries["stored nightly"]["due"] == pytest.approx(midnight, abs=1)
    assert (entries["stored often"]["due"], entries["stored often"]["last"]) == (None, None)


def test_beat_is_seen_to_send_and_nothing_else_is_taken_for_it(planned):
    tick = planned.has("tick", state="on time")
    tick = wait_until(lambda: len((one := planned.entry("tick"))["history"]) > 2 and one, 20)

    assert tick["queue"] == "celery"
    assert tick["last"] == pytest.approx(time.time(), abs=15)
    states = {one["state"] for one in tick["history"]}
    assert "SUCCESS" in states
    assert "FAILURE" not in states
    yearly = planned.entry("yearly")
    assert (yearly["last"], yearly["history"], yearly["is_latest"]) == (None, [], True)


def test_what_is_run_now_is_a_task_of_the_entry(planned):
    done = planned.does("run", "stored nightly").json()

    assert "was sent as" in done["message"]
    planned.has("stored nightly", last_id=done["task-id"])
    entry = planned.entry("stored nightly")
    assert planned.board.get("/api/task/info/" + done["task-id"])["args"] == "['night']"
    found = planned.board.get("/api/tasks/page", search=entry["search"])
    assert [one["uuid"] for one in found["tasks"]] == [done["task-id"]]


def test_an_entry_of_django_is_switched_so_that_its_beat_notices(planned):
    _, before = planned.stored()
    assert planned.does("disable", "stored often").json()["enabled"] is False

    assert planned.entry("stored often")["state"] == "disabled"
    is_enabled, after = planned.stored()
    assert (is_enabled, after > before) == (False, True)
    assert planned.does("disable", "stored often").status == 409
    assert planned.does("enable", "stored often").json()["enabled"] is True
    assert planned.stored()[0]


def test_an_entry_of_redbeat_is_switched_as_redbeat_reads_it(planned):
    key = "redbeat:red often"
    assert planned.does("disable", "red often").status == 200

    assert not RedBeatSchedulerEntry.from_key(key, app=planned.app).enabled
    assert planned.entry("red often")["state"] == "disabled"
    assert planned.does("enable", "red often").status == 200
    assert RedBeatSchedulerEntry.from_key(key, app=planned.app).enabled


def test_both_are_recorded_with_who_did_it(planned):
    planned.does("disable", "stored sun")
    entries = planned.board.get("/api/audit")["entries"]

    assert any(
        one["action"] == "schedule/disable" and one["target"] == "stored sun" for one in entries
    ), entries[:3]


def test_the_day_ahead_has_what_the_stores_say(planned):
    ahead = planned.board.get("/api/schedule/forecast")

    due = {one["name"]: one["due"] for one in ahead["entries"]}
    assert (due["stored nightly"], due["red nightly"], due["yearly"]) == (1, 1, 0)
    assert due["tick"] == pytest.approx(86_400, abs=900)
    peaks = [set(one["parts"]) for one in ahead["peaks"]]
    assert any({"stored nightly", "red nightly"} <= one for one in peaks), peaks
    assert ahead["steady"] == 2  # tick and what comes each ten minutes


def test_tasks_with_a_countdown_wait_at_their_worker_until_they_are_revoked(planned):
    sent = planned.app.send_task("tests.shop.echo", ["later"], countdown=600).id

    def waiting() -> Any:
        tasks = planned.board.get("/api/schedule/waiting")["tasks"]
        return next((one for one in tasks if one["id"] == sent), None)

    one = wait_until(waiting, 15, "it waits")
    assert one["left_s"] == pytest.approx(600, abs=30)
    assert (one["worker"], one["args"]) == (planned.worker.hostname, "['later']")
    assert wait_until(lambda: (waiting() or {}).get("is_listed"), 15)
    planned.board.post(f"/api/task/revoke/{sent}")
    assert waiting()["is_revoked"]


def test_without_beat_its_entries_are_overdue_and_a_problem(planned):
    planned.has("tick", state="on time")
    planned.beat.kill()
    try:
        tick = planned.has("tick", state="overdue")
        assert tick["overdue_s"] > 10
        found = planned.board.get("/api/problems", pending=1)
        told = [*found["problems"], *found.get("pending", [])]
        assert "tick" in {one["subject"] for one in told if one["rule"] == "schedule-overdue"}
    finally:
        planned.start_beat()
    planned.has("tick", state="on time")
