"""The schedule, its forecast and what waits for its time: pages, answers and actions."""

from urllib.parse import quote

import pytest
from celery.beat import BeatLazyFunc
from celery.schedules import crontab

from flower_ng.hook import Hook
from tests.web.pages.shop import NOW
from tests.web.site import OPEN_API

PAY = {"task": "shop.pay", "schedule": 300.0, "args": [7]}
NIGHTLY = {"task": "shop.report", "schedule": crontab(minute=0, hour=0), "args": ["all"]}
DAY_S = 86_400
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def client(serve, shop):
    return serve(cluster=shop, environ=OPEN_API)


async def told(client, path="/api/schedule"):
    answer = await client.get(path)
    assert answer.status == 200, answer.text
    return answer.json


async def entry_of(client, name):
    return {one["name"]: one for one in (await told(client))["entries"]}[name]


def sent(shop, uuid, at, args="[7]", **fields):
    """Let a task be sent by beat and run."""
    shop.now = at
    shop.happen(
        "task-sent",
        "gen1@beat",
        uuid=uuid,
        name="shop.pay",
        args=args,
        kwargs="{}",
        queue="celery",
        routing_key="celery",
    )
    shop.task(uuid, args=args, kwargs="{}", **fields)
    shop.now = NOW


async def test_an_entry_has_its_schedule_in_words_and_its_own_tasks(shop, client, look):
    shop.plan(pay=PAY, other={**PAY, "args": [8]}, nightly=NIGHTLY)
    sent(shop, "one", 300.0)
    sent(shop, "two", 600.0, ends="task-failed", exception="ValueError('x')")
    sent(shop, "eight", 700.0, args="[8]")

    pay = await entry_of(client, "pay")
    html = await look("/schedule")

    assert (pay["schedule"], pay["zone"], pay["source"]) == (
        "every 5 minutes",
        None,
        "beat_schedule",
    )
    assert [(one["id"], one["state"]) for one in pay["history"]] == [
        ("one", "SUCCESS"),
        ("two", "FAILURE"),
    ]
    assert (pay["last_id"], pay["queue"]) == ("two", "celery")
    assert (await entry_of(client, "other"))["last_id"] == "eight"
    assert pay["search"] == "name:=shop.pay args:[7] kwargs:{}"
    nightly = await entry_of(client, "nightly")
    assert (nightly["schedule"], nightly["zone"]) == ("at 00:00", "UTC")
    assert (nightly["due"], nightly["last"], nightly["history"]) == (DAY_S, None, [])
    assert html.links["pay"].startswith("/tasks?search=name")
    strips = [one["aria-label"] for one in html.all(f"{SVG}svg", class_="runs")]
    assert "The last 2 runs: 1 succeeded, 1 failed" in strips


async def test_an_entry_is_on_time_only_where_a_run_was_seen(shop, client, look):
    seldom = {**PAY, "schedule": 36_000.0}
    shop.plan(pay=seldom, other={**seldom, "args": [8]}, nightly=NIGHTLY)
    await told(client)
    sent(shop, "one", NOW + 1)
    shop.now = NOW + 60

    entries = {one["name"]: one for one in (await told(client))["entries"]}
    html = await look("/schedule")

    unseen = "no run of it was seen since events arrive"
    assert {name: (one["state"], one["why"]) for name, one in entries.items()} == {
        "pay": ("on time", ""),
        "other": ("unknown", unseen),
        "nightly": ("on time", ""),
    }
    assert unseen in {one["title"] for one in html.all("span", class_="state", title=unseen)}


async def test_a_run_that_was_due_and_not_seen_stands_between_the_others(shop, client):
    shop.plan(pay=PAY)
    sent(shop, "one", 100.0)
    sent(shop, "two", 950.0)

    pay = await entry_of(client, "pay")

    assert [(one["state"], one["at"]) for one in pay["history"]] == [
        ("SUCCESS", 100.0),
        ("MISSED", 400.0),
        ("MISSED", 700.0),
        ("SUCCESS", 950.0),
    ]


async def test_without_the_times_of_sending_no_run_is_called_missed(shop, client):
    shop.plan(pay=PAY)
    for uuid, at in (("one", 100.0), ("two", 950.0)):
        shop.now = at
        shop.task(uuid, args="[7]", kwargs="{}")
    shop.now = NOW

    assert [one["state"] for one in (await entry_of(client, "pay"))["history"]] == ["SUCCESS"] * 2


async def test_secrets_and_what_format_task_hides_are_not_shown(shop, client):
    shop.plan(pay={**PAY, "args": [], "kwargs": {"password": "hunter2", "n": 1}})

    assert (await entry_of(client, "pay"))["kwargs"] == "{'password': '[redacted]', 'n': 1}"

    def hide(task):
        task.kwargs = "hidden"
        return task

    shop.format_task = Hook(hide)
    assert (await entry_of(client, "pay"))["kwargs"] == "hidden"


async def test_an_entry_that_cannot_be_read_says_why_and_hides_no_other(shop, client):
    shop.plan(broken={"task": "shop.pay"}, pay=PAY)

    assert (await entry_of(client, "broken"))["state"] == "unreadable"
    assert (await entry_of(client, "broken"))["why"] == "It has no schedule"
    assert (await entry_of(client, "pay"))["schedule"] == "every 5 minutes"


async def test_the_hour_ahead_shows_what_comes_together(shop, client, look):
    shop.now = NOW
    minutely = {"task": "shop.tick", "schedule": crontab()}
    at_20 = {"task": "shop.pay", "schedule": crontab(minute=20)}
    shop.plan(tick=minutely, **{f"pay_{n}": {**at_20, "args": [n]} for n in range(8)})
    shop.task("ran", ends="task-succeeded", runtime=2.0)

    ahead = await told(client, "/api/schedule/forecast?span=1h")
    html = await look("/schedule?span=1h")

    assert (ahead["start"], ahead["step_s"], len(ahead["counts"])) == (960, 60, 60)
    assert [place for place, count in enumerate(ahead["counts"]) if count] == [4]  # 00:20
    assert ahead["peaks"][0] == {
        "start": 1200,
        "count": 8,
        "work_s": pytest.approx(16, rel=0.05),
        "unknown": 0,
        "parts": {f"pay {n}": 1 for n in range(5)},
        "others": 3,
    }
    assert (ahead["steady"], ahead["total"]) == (1, 60 + 8)
    assert "8 tasks" in html.text


async def test_without_any_schedule_the_page_says_what_to_configure(look):
    html = await look("/schedule")

    assert "No schedule found" in html.text
    assert "celery -A project" in html.text


async def test_running_an_entry_now_is_reviewed_and_sends_its_arguments(shop, client):
    shop.plan(pay={**PAY, "kwargs": {"token": "s3cr3t"}, "options": {"queue": "bills"}})

    review = await client.post("/api/schedule/run/pay?dry_run=1", b"")
    done = await client.post(f"/api/schedule/run/pay?digest={review.json['digest']}", b"")

    assert review.json["facts"] == {
        "task": "shop.pay",
        "arguments": "[7]",
        "keyword arguments": "{'token': '[redacted]'}",
        "options": '{"queue": "bills"}',
    }
    ((name, args, kwargs, options),) = shop.published
    assert (name, args, kwargs) == ("shop.pay", [7], {"token": "s3cr3t"})
    assert options == {"queue": "bills", "task_id": done.json["task-id"]}


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("run/nothing", 404, "The schedule has no entry 'nothing'"),
        ("run/lazy", 409, "its arguments are made by a function of the app"),
        ("run/pay?source=cron", 400, "source must be one of beat_schedule, django-celery-beat"),
        ("disable/pay", 409, "which knows no disabled entries"),
        ("enable/pay", 409, "which knows no disabled entries"),
    ],
)
async def test_what_cannot_be_done_says_why(shop, client, path, status, words):
    shop.plan(pay=PAY, lazy={**PAY, "args": [BeatLazyFunc(lambda: 1)]})

    answer = await client.post(f"/api/schedule/{path}", b"")

    assert (answer.status, words in answer.text) == (status, True), answer.text
    assert shop.published == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("?limit=0", "limit must be from 1 to 500, not 0"),
        ("?offset=-1", "offset must be from 0 on, not -1"),
        ("/forecast?span=2h", "span must be 24h or 1h, not '2h'"),
        ("/waiting?limit=x", "Invalid argument 'x'"),
    ],
)
async def test_a_wrong_argument_is_named(client, query, words):
    answer = await client.get(f"/api/schedule{query}")

    assert (answer.status, words in answer.text) == (400, True), answer.text


async def test_names_that_need_quoting_find_their_entry(shop, client, look):
    name = "a/b <c> ?"
    shop.celery.conf.beat_schedule = {name: PAY}

    html = await look("/schedule")
    done = await client.post(f"/api/schedule/run/{quote(name, safe='')}", b"")

    assert done.status == 200, done.text
    assert name in html.text
