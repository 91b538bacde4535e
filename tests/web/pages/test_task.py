"""The page of one task: everything that is known of it, and its end."""

import zoneinfo
from urllib.parse import quote

import pytest

from flower_ng.hook import WITHHELD, Hook
from tests.web.pages.html import Html
from tests.web.pages.shop import NOW, W1
from tests.web.site import OPEN_API, session


def blocks(html):
    return {block["id"]: block.text for block in html.all("pre")}


def actions_of(html):
    """The forms, but for those that every task has."""
    actions = [form["action"] for form in html.all("form", method="post")]
    every = ("/do/task/forget/", "/do/task/rerun/")
    return [action for action in actions if not action.startswith(every)]


async def test_a_task_shows_what_it_is(shop, look):
    shop.task("5eed-0123456", result="42", runtime=1.5)

    html = await look("/task/5eed-0123456")

    assert html.one("title").text == "shop.pay 5eed-012 · flower_ng"
    assert html.one("h1").links == {"shop.pay": "/tasks?name=shop.pay"}
    assert html.one("code", id="uuid").text == "5eed-0123456"
    assert html.one("main").one("a", class_="state").text == "SUCCESS"
    assert blocks(html) == {"args": "(1,)", "kwargs": "{}", "result": "42"}
    assert html.facts["Runtime"] == "1.50 s"
    assert html.links[W1] == "/worker/w1@box"


async def test_every_other_field_that_is_known_is_shown(shop, look):
    shop.happen("task-sent", "gen1@web", uuid="5eed", exchange="x", routing_key="r", queue="q")
    shop.task("5eed", retries=2, eta="2026-01-01", expires="2027-01-01", ends="task-started")

    facts = (await look("/task/5eed")).facts

    assert {
        "Exchange": "x",
        "Routing key": "r",
        "Queue": "q",
        "Client": "gen1@web",
        "Retries": "2",
        "ETA": "2026-01-01",
        "Expires": "2027-01-01",
        "Clock": "1",
        "Timestamp": "1970-01-01 00:16:40.000",
    }.items() <= facts.items()
    assert "Runtime" not in facts


async def test_what_a_task_raised_comes_first(shop, look):
    shop.task("5eed", ends="task-failed", exception="ValueError()", traceback="Traceback")

    html = await look("/task/5eed")

    assert list(blocks(html)) == ["exception", "traceback", "args", "kwargs"]


async def test_times_come_in_their_order_each_with_the_wait_before_it(shop, look):
    shop.happen("task-received", uuid="5eed")
    shop.now += 2
    shop.happen("task-started", uuid="5eed")
    shop.now += 0.5
    shop.happen("task-succeeded", uuid="5eed")

    facts = (await look("/task/5eed")).facts

    assert [name for name in facts if name.endswith("ed")] == ["Received", "Started", "Succeeded"]
    assert facts["Received"] == "1970-01-01 00:16:40.000 w1@box"
    assert facts["Started"] == "1970-01-01 00:16:42.000 +2.00 s"
    assert facts["Succeeded"] == "1970-01-01 00:16:42.500 +500 ms"


async def test_what_was_stamped_as_sent_just_after_its_receipt_stands_before_it(shop, look):
    shop.happen("task-received", uuid="5eed", name="shop.pay")
    shop.now += 0.002
    shop.happen("task-sent", "gen1@web", uuid="5eed", name="shop.pay")

    html = await look("/task/5eed")

    facts = html.facts
    assert [name for name in facts if name in ("Sent", "Received")] == ["Sent", "Received"]
    assert facts["Received"].endswith("+0.00 ms")


async def test_what_a_task_was_replaced_by_is_sent_after_its_own_receipt(shop, look):
    for kind, name, host in (
        ("sent", "shop.pay", "gen1@web"),
        ("received", "shop.pay", "w1@box"),
        ("sent", "shop.book", "gen2@box"),
        ("started", None, "w1@box"),
        ("received", "shop.book", "w1@box"),
    ):
        shop.happen(f"task-{kind}", host, uuid="5eed", name=name)
        shop.now += 0.1

    told = [name.text for name in (await look("/task/5eed")).all("dt")]

    begin = told.index("Sent")
    assert told[begin : begin + 5] == ["Sent", "Received", "Sent", "Started", "Received"]


async def test_where_its_time_went_is_told_beside_what_is_usual(shop, look):
    shop.happen("task-sent", "gen1@web", uuid="5eed", name="shop.pay")
    shop.now += 1
    shop.happen("task-received", uuid="5eed", name="shop.pay")
    shop.now += 2
    shop.happen("task-started", uuid="5eed")
    shop.happen("task-succeeded", uuid="5eed", runtime=3.0)

    parts = (await look("/task/5eed")).facts

    assert parts["In the queue"].startswith("1.00 s")
    assert parts["In the worker"].startswith("2.00 s")
    assert parts["Run"].startswith("3.00 s")


async def test_an_end_that_may_be_that_of_another_attempt_is_said_to_be_inferred(shop, look):
    for kind in ("received", "started", "started", "failed"):  # the second receipt was lost
        shop.now += 1
        shop.happen(f"task-{kind}", uuid="5eed", name="shop.pay", retries=0)

    main = (await look("/task/5eed")).one("main")
    row = (await look("/tasks")).one("main")

    why = "attempts ran at once, and events do not say which of them this is of"
    assert f"FAILURE inferred: {why}" in main.text
    assert [note["title"] for note in main.all("small", title=why)] == [why]
    assert [note.text for note in row.all("small", title=f"inferred: {why}")] == ["inferred"]


@pytest.mark.parametrize(("doubt", "newest"), [("", "STARTED"), ("It is gone.", "end unknown")])
async def test_an_attempt_that_was_replaced_and_one_that_runs_are_named_so(
    shop, look, doubt, newest
):
    for name in ("shop.pay", "shop.sell"):
        shop.now += 1
        shop.happen("task-received", uuid="5eed", name=name, retries=0)
        shop.happen("task-started", uuid="5eed")
    shop.health.doubt = lambda _uuid, _worker: doubt

    html = await look("/task/5eed")

    assert [row[:2] for row in html.rows] == [["1 as shop.pay", "replaced"], ["1", newest]]


async def test_a_failure_shows_its_exception_and_traceback(shop, look):
    trace = 'Traceback\n  File "<x>", line 1\nValueError'
    shop.task("5eed", ends="task-failed", exception="ValueError('<b>')", traceback=trace)

    shown = blocks(await look("/task/5eed"))

    assert shown["exception"] == "ValueError('<b>')"
    assert shown["traceback"] == " ".join(trace.split())
    assert "result" not in shown


async def test_relatives_are_links_also_when_nobody_knows_them(shop, look):
    shop.task("5eed", parent_id="gone", root_id="first")
    shop.task("child/1", parent_id="5eed")

    html = await look("/task/5eed")

    assert html.links["gone"] == "/task/gone"
    assert html.links["first"] == "/task/first"
    assert html.links["child/1"] == "/task/child%2F1"


async def test_a_retried_task_is_not_sent_to_itself(shop, look):
    """Celery names it as its own parent."""
    shop.task("5eed", parent_id="5eed", root_id="5eed")

    facts = (await look("/task/5eed")).facts

    assert (facts["Root id"], facts["Parent id"], facts["Children"]) == ("this task", "–", "–")


async def test_of_many_children_the_rest_are_counted(shop, look):
    for number in range(130):
        shop.task(f"child-{number}", parent_id="5eed")
    shop.task("5eed")

    assert (await look("/task/5eed")).facts["Children"].endswith("and 30 more")


async def test_what_is_not_known_is_a_dash(shop, look):
    shop.happen("task-sent", "gen1@web", uuid="5eed")

    html = await look("/task/5eed")

    assert html.one("h1").text == "Task without a name"
    assert blocks(html) == {"args": "–", "kwargs": "–"}
    assert html.facts["Children"] == "–"


@pytest.mark.parametrize("uuid", ["5eed", "<b>", "a/b", "☃"])
async def test_an_unknown_task_is_404(serve, shop, uuid):
    answer = await serve(cluster=shop).get(f"/task/{quote(uuid)}")

    assert answer.status == 404
    assert "Unknown task &#x27;" in answer.text


@pytest.mark.parametrize(
    ("ends", "label", "terminates"),
    [
        ("task-started", "Terminate", True),
        ("task-received", "Revoke", False),
        ("task-retried", "Revoke", False),
    ],
)
async def test_a_task_that_has_not_ended_can_be_ended(shop, look, ends, label, terminates):
    shop.task("a/b", ends=ends)

    html = await look("/task/a/b")

    form = html.one("form", action="/do/task/revoke/a%2Fb")
    assert form.one("button").text == f"{label} this task"
    fields = {field["name"]: field["value"] for field in form.all("input")}
    assert fields == ({"terminate": "true"} if terminates else {})


async def test_what_an_event_of_the_apps_own_says_stands_in_the_timeline(shop, look):
    shop.task("5eed", ends="task-started")
    shop.happen("task-progress", uuid="5eed", current=3, total=10, note="<b>")

    html = await look("/task/5eed")

    assert html.one("span", class_="own").text == "current 3, total 10, note <b>"


async def test_what_a_task_tells_of_itself_stands_on_its_page(shop, look):
    shop.task("5eed", ends="task-started")
    shop.happen("task-progress", uuid="5eed", current=3, total=10, message="<b> row")
    shop.happen("task-log", uuid="5eed", level="error", message="no <tea>\nleft")

    html = await look("/task/5eed")
    section = html.one("section", **{"aria-labelledby": "progress"})

    assert "30 % 3 of 10 · <b> row" in section.text
    assert html.one("li", **{"data-level": "ERROR"}).text.endswith("ERROR no <tea> left")
    assert html.one("main").one("a", class_="state").text == "PROGRESS"


async def test_a_task_that_tells_nothing_has_neither_a_bar_nor_a_log(shop, look):
    shop.task("5eed", ends="task-started")

    html = await look("/task/5eed")

    assert html.all("section", **{"aria-labelledby": "progress"}) == []
    assert html.all("ol", class_="log") == []


async def test_a_task_in_a_state_of_the_apps_own_runs_and_can_be_ended(shop, look):
    shop.task("5eed", ends="task-started")
    shop.happen("task-progress", uuid="5eed")

    html = await look("/task/5eed")

    assert html.one("main").one("a", class_="state").text == "PROGRESS"
    assert "/do/task/revoke/5eed" in actions_of(html)
    assert "Running" in html.text


@pytest.mark.parametrize("ends", ["task-succeeded", "task-failed", "task-revoked"])
async def test_a_task_that_has_ended_cannot(shop, look, ends):
    shop.task("5eed", ends=ends)

    assert actions_of(await look("/task/5eed")) == []


async def test_buttons_are_shut_with_the_api_and_say_why_and_absent_in_read_only(shop, look):
    shop.task("5eed", ends="task-started")

    is_shut = await look("/task/5eed", environ={})
    is_read_only = await look("/task/5eed", environ=OPEN_API, read_only=True)

    buttons = is_shut.one("main").all("button")
    assert [(button.text, "disabled" in button) for button in buttons] == [
        ("Terminate", True),
        ("Abort", True),
        ("Run again", True),
        ("Forget", True),
    ]
    assert "Set --basic_auth or --auth" in is_shut.one("section", id="banners").text
    assert is_read_only.one("main").all("button") == []


async def test_a_form_carries_the_token_where_a_session_vouches_for_it(shop, serve):
    shop.task("5eed", ends="task-started")
    client = serve(cluster=shop, auth="me@example.com")
    answer = await client.get("/task/5eed", Cookie=session("me@example.com"))

    forms = Html.parsed(answer.text).all("form", method="post")
    tokens = {form.one("input", name="_xsrf")["value"] for form in forms}
    assert tokens == {answer.cookies["_xsrf"].partition(";")[0].strip('"')}


async def test_format_task_has_its_say(shop, look):
    shop.format_task = Hook(lambda task: task.kwargs.pop("x"))
    shop.task("5eed", args="('hunter2',)", result="hunter2")

    shown = blocks(await look("/task/5eed"))

    assert shown == {"args": WITHHELD, "kwargs": WITHHELD, "result": WITHHELD}


async def test_the_page_says_the_time_of_the_app(shop, look):
    shop.timezone = zoneinfo.ZoneInfo("Asia/Kolkata")
    shop.now = NOW
    shop.happen("task-received", uuid="5eed")

    assert (await look("/task/5eed")).facts["Received"].startswith("1970-01-01 05:46:40.000")


async def test_arguments_are_a_tree_beside_their_text(shop, look):
    shop.task("5eed", kwargs="{'order': [1, 2]}")

    html = await look("/task/5eed")

    assert html.all("ul", class_="tree")[1].all("ul")[1].text.startswith("'order' list, 2 items")
    assert blocks(html)["kwargs"] == "{'order': [1, 2]}"


async def test_a_text_that_the_worker_cut_says_what_lifts_that(shop, look):
    shop.task("5eed", args="('" + "x" * 1100 + "...',)", result="'" + "y" * 1100 + "...'")

    cuts = [told.text for told in (await look("/task/5eed")).all("p", class_="cut")]

    assert cuts == [
        "Shortened by the worker; set argsrepr in apply_async to see all.",
        "Shortened by the worker; set resultrepr_maxsize of the task to see all.",
    ]


async def test_a_text_that_may_have_been_cut_at_an_early_blank_says_so(shop, look):
    shop.task("5eed", args="('data:...', 5)", kwargs="{'a': 'b'}")

    [cut] = (await look("/task/5eed")).all("p", class_="cut")

    assert cut.text == (
        "A text that ends in ... may be shortened by the worker; set argsrepr in apply_async to"
        " see all."
    )


async def test_library_frames_are_folded_and_the_text_stays_whole(shop, look):
    library = '  File "/venv/site-packages/celery/app/trace.py", line 1, in x'
    trace = f'Traceback\n{library}\n  File "/srv/shop.py", line 2, in pay\nValueError'
    shop.task("5eed", ends="task-failed", exception="ValueError()", traceback=trace)

    html = await look("/task/5eed")

    assert [fold.text for fold in html.one("div", class_="trace").all("summary")] == [
        "1 library call"
    ]
    assert blocks(html)["traceback"] == " ".join(trace.split())


async def test_the_whole_run_is_a_tree_with_this_task_marked(shop, look):
    shop.task("5eed", name="shop.order", parent_id="gone", root_id="gone")
    shop.task("child", name="shop.mail", parent_id="5eed", root_id="gone", runtime=1.5)

    tree = (await look("/task/5eed")).one("ul", class_="run")

    assert tree.one("li", aria_current="true").one("strong").text == "shop.order"
    assert tree.text.startswith("no events gone SUCCESS shop.order")
    assert tree.links == {"gone": "/task/gone", "shop.mail": "/task/child"}


async def test_the_newest_of_its_type_stand_beside_it(shop, look):
    for number in range(12):
        shop.now += 1
        shop.task(f"task-{number}")
    shop.task("other", name="shop.mail")

    recent = (await look("/task/task-11")).one("ul", class_="recent")

    assert len(recent.all("li")) == 10
    assert "this task" in recent.all("li")[0].text


async def test_each_try_is_told_with_its_error(shop, look):
    ends = {"task-retried": "IOError('busy')", "task-failed": "ValueError('no')"}
    for kind, exception in ends.items():
        for step in ("task-received", "task-started"):
            shop.happen(step, uuid="5eed")
            shop.now += 1
        shop.happen(kind, uuid="5eed", exception=exception)
        shop.now += 1

    tries = (await look("/task/5eed")).one("table").rows

    assert [(row[1], row[4]) for row in tries] == [
        ("RETRY", "IOError('busy')"),
        ("FAILURE", "ValueError('no')"),
    ]


async def test_a_running_task_is_terminated_with_a_signal_of_ones_choice(shop, look):
    shop.task("5eed", ends="task-started")

    signals = (await look("/task/5eed")).one("select", name="signal").all("option")

    assert signals[0]["value"] == "SIGTERM"
    assert "SIGKILL" in [signal["value"] for signal in signals]


@pytest.mark.parametrize(
    ("pool", "is_shut"),
    [
        ("celery.concurrency.thread:TaskPool", True),
        ("celery.concurrency.solo:TaskPool", True),
        ("celery.concurrency.prefork:TaskPool", False),
        ("celery.concurrency.gevent:TaskPool", False),
    ],
)
async def test_what_a_pool_can_not_end_is_shut_and_says_why(shop, look, pool, is_shut):
    shop.inspector.workers = {W1: {"stats": {"pool": {"implementation": pool}}}}
    shop.task("5eed", ends="task-started")

    html = await look("/task/5eed")

    assert (actions_of(html) == []) is is_shut
    assert ("pool can't terminate a running task" in html.one("main").text) is is_shut


async def test_a_running_task_can_be_aborted_where_there_is_a_result_backend(shop, look):
    shop.no_backend = ""
    shop.task("5eed", ends="task-started")

    assert "/do/task/abort/5eed" in actions_of(await look("/task/5eed"))


async def test_without_a_result_backend_aborting_is_shut_and_names_the_setting(shop, look):
    shop.task("5eed", ends="task-started")

    assert "set result_backend" in (await look("/task/5eed")).one("main").text


async def test_an_unknown_wait_in_the_queue_names_the_setting_that_tells_it(shop, look):
    shop.task("5eed")

    assert "task_send_sent_event = True" in (await look("/task/5eed")).one("main").text


async def test_links_lead_to_what_other_systems_know_of_the_task(shop, look):
    shop.task("5eed")
    links = ("Logs=https://logs.example/?q={uuid}", "Queue=https://q.example/{queue}")

    section = (await look("/task/5eed", task_links=links)).one(
        "section", aria_label="External links"
    )

    assert section.links == {"Logs": "https://logs.example/?q=5eed"}
    assert "Queue: queue unknown" in section.text


async def test_an_exception_of_an_earlier_attempt_is_named_so_and_not_red(shop, look):
    shop.task("5eed", state="SUCCESS", retries=1, exception="OSError('not yet')")

    html = await look("/task/5eed")

    assert "Exception from an earlier attempt" in html.text
    assert not html.all("pre", class_="bad")
    assert html.one("pre", id="exception").text == "OSError('not yet')"
