"""What all pages share: the frame, sound markup, and values that stay text."""

import pytest

from flower_ng.batch_record import BatchRecord
from flower_ng.brokers import WaitingMessage
from flower_ng.doctor import Check, CheckMark, Report
from flower_ng.hook import Hook
from flower_ng.monitor.holds.records import PausedQueue
from flower_ng.monitor.ingest.ingest_stats import ConnectionState
from flower_ng.monitor.remote import commands
from flower_ng.store.sql.kinds import digest_of, likeness
from flower_ng.web.routes import PAGES
from tests.web.pages.html import Html
from tests.web.pages.shop import ALL_METHODS, NOW, W1, Shop
from tests.web.site import OPEN_API, basic, session

HOSTILE = "<hostile a='\"&amp;'></script><b onclick=\"x\">☃\u202e'\\"
COLUMNS = "name,uuid,state,args,kwargs,result,received,worker,exchange,routing_key,exception,eta"


def hostile_shop(shop: Shop) -> Shop:
    """Let everything that others can choose be hostile."""
    shop.beat(HOSTILE, sw_ident=HOSTILE, sw_ver=HOSTILE, sw_sys=HOSTILE)
    texts = ("name", "args", "kwargs", "result", "exception", "traceback", "eta", "expires")
    ids = ("parent_id", "root_id", "exchange", "routing_key", "queue")
    fields = dict.fromkeys((*texts, *ids), HOSTILE)
    shop.happen("task-sent", HOSTILE, uuid=HOSTILE)
    shop.task(HOSTILE, ends="task-started", hostname=HOSTILE, **fields)
    ended = {"name": HOSTILE, "exception": HOSTILE, "traceback": f"{HOSTILE}\nHostile: {HOSTILE}"}
    shop.task(f"{HOSTILE}!", ends="task-failed", hostname=HOSTILE, **ended)
    held = {"id": HOSTILE, "name": HOSTILE, "args": HOSTILE, "kwargs": {HOSTILE: HOSTILE}}
    shop.inspector.workers = {
        HOSTILE: {
            "stats": {HOSTILE: HOSTILE, "pool": {HOSTILE: [HOSTILE]}, "total": {HOSTILE: HOSTILE}},
            "active_queues": [{"name": HOSTILE, "queue_arguments": {HOSTILE: HOSTILE}}],
            "registered": [HOSTILE],
            "active": [held],
            "reserved": [held],
            "scheduled": [{"eta": HOSTILE, "request": held}],
            "revoked": [HOSTILE],
            "conf": {HOSTILE: HOSTILE},
        }
    }
    shop.inspector.aged_s = dict.fromkeys(ALL_METHODS, 0.0)
    hostile_entry = {"task": HOSTILE, "args": [HOSTILE], "kwargs": {HOSTILE: HOSTILE}}
    shop.plan(**{HOSTILE: {**hostile_entry, "schedule": 60.0, "options": {"queue": HOSTILE}}})
    shop.queues = [HOSTILE]
    shop.broker.told = [{"name": HOSTILE, "messages": HOSTILE}]
    shop.broker.trouble = shop.broker_url = HOSTILE
    shop.told = [HOSTILE]
    shop.doctor.report = Report(
        NOW, 1.0, (Check("Workers", HOSTILE, CheckMark.NOTE, HOSTILE, HOSTILE, (HOSTILE,)),)
    )
    shop.events.connection = ConnectionState(connected=False, since=0.0, why=HOSTILE, retry_at=NOW)
    return shop


async def hostile_batch(shop: Shop) -> None:
    """Let there be a batch whose every text is hostile."""
    batch = BatchRecord("0a1b", "rerun", 1, NOW, HOSTILE, search=HOSTILE, reason=HOSTILE)
    await shop.store.batches.add(batch, [HOSTILE])


SEGMENT = (
    "%3Chostile%20a%3D%27%22%26amp%3B%27%3E%3C%2Fscript%3E%3Cb%20onclick%3D%22x%22%3E%E2%98%83"
    "%E2%80%AE%27%5C"
)
VISITS = {
    "Workers": f"/workers?search={SEGMENT}",
    "WorkerPage": f"/worker/{SEGMENT}",
    "RollingPage": "/workers/drain",
    "Tasks": f"/tasks?worker={SEGMENT}",
    "TaskDetailPage": f"/task/{SEGMENT}",
    "ComparePage": f"/compare?ids={SEGMENT}&ids={SEGMENT}%21",
    "Types": f"/types?search={SEGMENT}",
    "Type": f"/types/{SEGMENT}",
    "Overview": "/overview",
    "Queues": "/queues",
    "QueueDetailPage": f"/queues/{SEGMENT}",
    "Actions": "/actions",
    "BatchPage": "/batches/0a1b",
    "AuditTrail": "/audit",
    "History": "/history",
    "Problems": "/problems",
    "FailuresPage": "/failures",
    "FailurePage": f"/failures/{digest_of(HOSTILE, 'Hostile', likeness(HOSTILE))}",
    "DeploysPage": "/deploys",
    "WorkflowsPage": f"/workflows?search={SEGMENT}",
    "WorkflowDetailPage": f"/workflow/{SEGMENT}",
    "SchedulePage": "/schedule",
    "WaitingPage": "/schedule/waiting",
    "DoctorPage": "/doctor",
    "BrokerPage": "/broker",
    "Logout": "/logout",
}


def test_every_page_is_visited_here():
    assert set(VISITS) == {page.__name__ for page in PAGES}


@pytest.mark.parametrize("page", VISITS)
async def test_no_value_becomes_markup(shop, look, page):
    hostile_shop(shop)
    await hostile_batch(shop)
    html = await look(VISITS[page], tasks_columns=COLUMNS)

    tags = {element.tag for element in html.tags()}
    attributes = {name for element in html.tags() for name in element.attrib}
    assert "hostile" not in tags
    assert not {name for name in attributes if name.startswith("on")}
    assert page == "Logout" or HOSTILE in "".join(html.root.itertext())


# What only `format_task` knows to be secret

CARD = "4111222233334444"
ERROR = f"ValueError('card {CARD}')"
HIDES = ("args", "kwargs", "result", "exception", "traceback")
TOLD = {
    "Workers": "/workers",
    "WorkerPage": "/worker/w1@box",
    "Tasks": "/tasks",
    "TaskDetailPage": "/task/failed",
    "ComparePage": "/compare?ids=failed&ids=ended",
    "Type": "/types/shop.pay",
    "QueueDetailPage": "/queues/celery",
    "FailurePage": f"/failures/{digest_of('shop.pay', 'ValueError', likeness(ERROR))}",
    "WorkflowDetailPage": "/workflow/ended",
}
SHOWING = {"Tasks", "TaskDetailPage", "WorkerPage", "ComparePage", "Type", "QueueDetailPage"}


def shown_without_cards(task):
    for name in HIDES:
        text = getattr(task, name)
        setattr(task, name, text and text.replace(CARD, "(no card)"))
    return task


@pytest.fixture
def paying(shop):
    """A number of a card wherever a task can have one; only `format_task` knows that it is one."""
    shop.format_task = Hook(shown_without_cards)
    shop.beat()
    known = {"args": f"('{CARD}',)", "kwargs": f"{{'card': '{CARD}'}}", "queue": "celery"}
    error = {"exception": ERROR, "traceback": f"ValueError: card {CARD}"}
    shop.task("ended", result=f"'paid by {CARD}'", root_id="ended", **known)
    for ends in ("task-retried", "task-failed"):
        kin = {"root_id": "ended", "parent_id": "ended"}
        shop.happen("task-received", uuid="failed", name="shop.pay", **known, **kin)
        shop.happen("task-started", uuid="failed")
        shop.now += 1
        shop.happen(ends, uuid="failed", **error)
    shop.task("later", ends="task-received", eta="2099-01-01T00:00:00", **known)
    held = {"id": "held", "name": "shop.pay", "args": [CARD], "kwargs": {"card": CARD}}
    shop.inspector.workers = {
        W1: {
            "active": [held],
            "reserved": [held],
            "scheduled": [{"eta": "2099-01-01T00:00:00", "request": {**held, "id": "later"}}],
        }
    }
    shop.inspector.aged_s = dict.fromkeys(ALL_METHODS, 0.0)
    shop.plan(nightly={"task": "shop.pay", "schedule": 60.0, "args": [CARD]})
    shop.queues = ["celery"]
    shop.broker.told = [{"name": "celery", "messages": 1}]
    message = WaitingMessage("m1", "shop.pay", args=f"['{CARD}']", kwargs=f"{{'card': '{CARD}'}}")
    shop.broker.waiting = (message,)
    return shop


@pytest.mark.parametrize("page", VISITS)
async def test_no_page_shows_what_format_task_hides(paying, look, page):
    await hostile_batch(paying)
    html = await look({**VISITS, **TOLD}[page].replace(SEGMENT, ""), tasks_columns=COLUMNS)

    values = [value for tag in html.tags() for value in tag.attrib.values()]
    assert CARD not in "".join(html.root.itertext())
    assert not [value for value in values if CARD in value]
    if page in SHOWING:
        assert "(no card)" in html.one("main").text


async def test_the_api_shows_errors_of_attempts_as_format_task_api_has_them(paying, serve):
    client, path = serve(cluster=paying, environ=OPEN_API), "/api/task/details/failed"
    as_told = (await client.get(path)).json
    paying.format_for_api = paying.format_task
    shown = await client.get(path)

    errors = ["ValueError('card (no card)')"] * 2
    assert [one["exception"] for one in as_told["attempts"]] == [ERROR] * 2
    assert [one["exception"] for one in shown.json["attempts"]] == errors
    assert [one["exception"] for one in shown.json["events"] if "exception" in one] == errors
    assert CARD not in shown.text


@pytest.mark.parametrize("page", VISITS)
async def test_every_page_says_who_paused_a_queue_why_and_until_when(shop, look, page):
    hostile_shop(shop)
    await hostile_batch(shop)
    shop.holds.pauses = {"mail": PausedQueue("mail", "ann", "a bad deploy", NOW, NOW + 600)}

    told = [one.text for one in (await look(VISITS[page])).all("div", class_="banner")]

    (pause,) = [one for one in told if "paused" in one]
    assert pause.startswith("Queue mail is paused by ann since ")
    assert "until 1970-01-01 00:26:40" in pause
    assert "a bad deploy" in pause


@pytest.mark.parametrize("path", ["/nothing", f"/task/{SEGMENT}x", f"/worker/{SEGMENT}x"])
@pytest.mark.usefixtures("shop")
async def test_errors_are_sound_pages_too(look, path):
    html = await look(path, status=404)

    assert html.one("title").text == "flower_ng"
    assert "Back to the start page" in html.links


@pytest.mark.usefixtures("shop")
async def test_every_page_has_the_ways_to_the_others(look):
    html = await look("/tasks")

    nav = html.one("nav", aria_label="Pages")
    assert nav.links == {
        "Overview": "/overview", "Tasks 0": "/tasks", "Types": "/types", "Workers 0": "/",
        "Queues": "/queues", "Actions": "/actions", "Problems": "/problems",
        "Failures": "/failures", "Workflows": "/workflows", "Deploys": "/deploys",
        "Schedule": "/schedule", "Doctor": "/doctor", "History": "/history", "Audit": "/audit",
    }  # fmt: skip
    assert nav.one("a", aria_current="page").one("span").text == "Tasks"
    assert html.all("a")[0].text == "Skip to content"
    assert "Celery docs" in html.links
    assert html.all("f-prefs")


@pytest.mark.parametrize(
    ("path", "active"),
    [("/worker/w1@box", "Workers"), ("/task/5eed", "Tasks"), ("/broker", "Queues")],
)
async def test_a_page_below_another_marks_it(shop, look, path, active):
    shop.beat()
    shop.task("5eed")

    html = await look(path)

    assert (
        html.one("nav", aria_label="Pages").one("a", aria_current="page").one("span").text == active
    )


@pytest.mark.usefixtures("shop")
async def test_styles_and_scripts_are_files_and_nothing_else(look):
    html = await look("/tasks")

    assert all("src" in script and script.text == "" for script in html.all("script"))
    assert html.all("style") == []
    assert not [element for element in html.tags() if "style" in element.attrib]


async def test_a_connection_that_holds_is_told_quietly(look):
    html = await look("/")

    assert html.one("footer").text.startswith("Connected to the broker since 1970-01-01 00:00:00")
    assert html.one("section", id="banners").text == ""


async def test_a_lost_connection_is_told_with_its_reason_above_everything(shop, look):
    shop.events.connection = ConnectionState(
        connected=False, since=NOW, why="connection refused", retry_at=NOW + 5
    )

    banner = (await look("/tasks")).one("div", class_="banner")

    assert banner.text == (
        "Disconnected from the broker since 1970-01-01 00:16:40.000: connection refused. "
        "Next attempt at 1970-01-01 00:16:45.000. The page shows the last known data. "
        "Nothing listens at this address. Check that the broker runs, and the "
        "host and port in its URL. "
        "Address: redis://:**@localhost:6379/0 (set with --broker). "
        "flower_ng is reconnecting automatically."
    )


async def test_what_one_must_know_is_on_every_page(shop, look):
    shop.told = ["12 events were dropped", "the file was corrupt"]

    html = await look("/broker", environ={}, demo=True)

    banners = [banner.text for banner in html.all("div", class_="banner")]
    assert banners[:2] == shop.told
    assert banners[2].startswith("This is a demo")
    assert banners[3].startswith("Controls are closed")


async def test_who_is_logged_in_can_log_out(shop, serve):
    client = serve(cluster=shop, auth="me@example.com", environ=OPEN_API)
    answer = await client.get("/", Cookie=session("me@example.com"))

    form = Html.parsed(answer.text).one("form", action="/logout")
    assert (form["method"], form.text) == ("post", "Log out")


async def test_who_is_logged_in_by_name_and_password_is_named(shop, serve):
    client = serve(cluster=shop, basic_auth=("ann:secret", "b<o>b:secret"))
    ann = await client.get("/", Authorization=basic("ann:secret"), **{"Flower-Live": "1"})
    bob = await client.get("/", Authorization=basic("b<o>b:secret"), **{"Flower-Live": "1"})

    assert Html.parsed(ann.text).one("li", class_="who").text == "Logged in as ann (admin)"
    assert Html.parsed(bob.text).one("li", class_="who").text == "Logged in as b<o>b (admin)"
    assert "Log out" not in ann.text


async def test_nobody_is_named_without_a_login(look):
    assert not (await look("/")).all("li", class_="who")


async def test_what_an_action_did_is_told_once_on_the_next_page(shop, serve):
    client = serve(cluster=shop, environ=OPEN_API)
    shop.beat()
    done = await client.post("/do/worker/pool/grow/w1@box", {"n": "2"})
    cookie = done.cookies["flower_toast"].partition(";")[0]
    back = await client.get("/", Cookie=f"flower_toast={cookie}")

    toast = Html.parsed(back.text).one("f-toasts").one("p", class_="toast")
    assert toast.text == "command done"
    assert shop.control.calls == [("command", "w1@box", commands.pool_grow(2))]
    assert back.cookies["flower_toast"].startswith('""')


async def test_the_icon_is_where_browsers_look_for_it(serve, shop):
    client = serve(cluster=shop)

    for path in ("/static/favicon.ico", "/favicon.ico"):
        answer = await client.get(path)
        assert (answer.status, answer.type) == (200, "image/vnd.microsoft.icon")
        assert answer.body[:4] == b"\0\0\1\0"
