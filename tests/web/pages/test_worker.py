"""The page of one worker: what it says of itself, how old that is, and its controls."""

import asyncio

import pytest

from flower_ng.audit_record import AuditEntry
from flower_ng.monitor.remote.answers import Failure
from flower_ng.web.ui import format as fmt
from tests.web.pages.shop import ALL_METHODS, NOW, W1
from tests.web.site import OPEN_API

PAGE = "/worker/w1@box"
STATS = {
    "total": {"shop.pay": 7, "shop.mail": 2},
    "pid": 4711,
    "clock": "99",
    "uptime": 3725,
    "pool": {
        "implementation": "celery.concurrency.prefork:TaskPool",
        "max-concurrency": 2,
        "processes": [11, 12, 13, 14],
        "max-tasks-per-child": "N/A",
        "put-guarded-by-semaphore": False,
        "timeouts": [None, 30],
        "writes": {"total": 9, "inqueues": {"total": 4, "active": 0}},
    },
    "broker": {
        "hostname": "localhost",
        "password": "hunter2",
        "transport": "redis",
        "transport_options": {"sentinel_kwargs": {"password": "hunter2"}, "socket_timeout": 2},
    },
    "prefetch_count": 8,
    "autoscaler": {"current": 4, "max": 8, "min": 2, "qty": 4},
    "rusage": {"utime": 0.25, "stime": 61.0, "maxrss": 5000},
}
QUEUE = {
    "name": "celery",
    "exclusive": False,
    "durable": True,
    "routing_key": "celery",
    "no_ack": False,
    "alias": None,
    "queue_arguments": {"x-max-priority": 10},
    "binding_arguments": None,
    "auto_delete": False,
}
ACTIVE = {"id": "5eed", "name": "shop.pay", "args": "(1,)", "kwargs": "{}", "acknowledged": True}
ANSWERS = {
    "timestamp": NOW,
    "stats": STATS,
    "active_queues": [QUEUE],
    "registered": ["shop.mail [rate_limit=10/m]", "shop.pay"],
    "scheduled": [
        {"eta": "2026-01-01T00:00:00", "priority": 6, "request": {**ACTIVE, "id": "later"}}
    ],
    "active": [{**ACTIVE, "worker_pid": 12}],
    "reserved": [{"id": "next", "name": "shop.pay", "args": [1, "x"], "kwargs": {"a": 1}}],
    "revoked": ["dead"],
    "conf": {"task_acks_late": True, "broker_url": "redis://:hunter2@h//", "timezone": None},
}


@pytest.fixture
def inspected(shop):
    """The worker is online and has answered everything, just now."""
    shop.beat()
    shop.inspector.workers = {W1: ANSWERS}
    shop.inspector.aged_s = dict.fromkeys(ALL_METHODS, 0.0)
    return shop


def pool(name):
    return {"pool": {"implementation": f"celery.concurrency.{name}:TaskPool"}}


def tab(html, name):
    return html.one("section", id=f"tab-{name}")


def forms(html):
    return {
        form["action"]: {field["name"]: field["value"] for field in form.all("input")}
        for form in html.all("form", method="post")
    }


@pytest.mark.usefixtures("inspected")
async def test_a_worker_has_a_head_and_nine_tabs(look):
    html = await look(PAGE)

    assert html.one("title").text == "w1@box · flower_ng"
    assert html.one("h1").text == W1
    assert html.one("div", id="heading").one("span", class_="state").text == "Online"
    tabs = html.one("nav", aria_label="Worker details").links
    assert tabs == {
        label: f"#tab-{label.lower()}"
        for label in (
            "Tasks",
            "Pool",
            "Broker",
            "Queues",
            "History",
            "Limits",
            "Config",
            "System",
            "Other",
        )
    }
    assert {f"#{section['id']}" for section in html.one("main").all("section")} == set(
        tabs.values()
    )


@pytest.mark.usefixtures("inspected")
async def test_the_pool_tells_its_slots_first_and_all_in_readable_words(look):
    facts = tab(await look(PAGE), "pool").facts

    assert list(facts)[:2] == ["Slots", "Implementation"]
    assert facts == {
        "Slots": "8",
        "Implementation": "celery.concurrency.prefork:TaskPool",
        "Max concurrency": "2",
        "Processes": "11, 12, 13, 14",
        "Max tasks per child": "N/A",
        "Put guarded by semaphore": "no",
        "Timeouts": "–, 30",
        "Writes total": "9",
        "Writes inqueues total": "4",
        "Writes inqueues active": "0",
        "Worker PID": "4711",
        "Prefetch Count": "8",
        "Current": "4",
        "Max": "8",
        "Min": "2",
        "Qty": "4",
    }


async def test_an_autoscaler_is_shown_where_there_is_one(inspected, look):
    with_one = tab(await look(PAGE), "pool")
    stats = {**STATS, "autoscaler": None}
    inspected.inspector.workers = {W1: {**ANSWERS, "stats": stats}}
    without = tab(await look(PAGE), "pool")

    assert "Autoscaler options" not in without.text
    assert with_one.facts["Min"] == "2"


@pytest.mark.usefixtures("inspected")
async def test_no_password_is_shown(look):
    html = await look(PAGE)

    assert "hunter2" not in html.text
    assert tab(html, "broker").facts["Transport options socket timeout"] == "2"
    assert tab(html, "config").facts["broker_url"] == "redis://:**@h//"


@pytest.mark.usefixtures("inspected")
async def test_queues_are_rows_each_with_its_cancel(look):
    queues = tab(await look(PAGE), "queues")

    assert queues.rows == [
        ["celery", "no", "yes", "celery", "no", fmt.DASH, "x-max-priority: 10", "–", "no",
         "Cancel Consumer"],
    ]  # fmt: skip
    assert forms(queues) == {
        "/do/worker/queue/cancel-consumer/w1@box#tab-queues": {"queue": "celery"},
        "/do/worker/queue/add-consumer/w1@box#tab-queues": {"queue": None},
    }


@pytest.mark.usefixtures("inspected")
async def test_tasks_are_shown_by_what_the_worker_does_with_them(look):
    tasks = tab(await look(PAGE), "tasks")
    active, scheduled, reserved, processed = (table.rows for table in tasks.all("table"))

    assert processed == [["shop.mail", "2"], ["shop.pay", "7"]]
    assert active == [["shop.pay", "5eed", fmt.DASH, "yes", "12", "(1,)", "{}"]]
    assert scheduled == [["shop.pay", "later", "2026-01-01T00:00:00", "(1,)", "{}"]]
    assert reserved == [["shop.pay", "next", "[1, 'x']", "{'a': 1}"]]
    assert tasks.links["7"] == "/tasks?name=shop.pay&worker=w1%40box"
    for uuid in ("5eed", "later", "next", "dead"):
        assert tasks.links[uuid] == f"/task/{uuid}"


@pytest.mark.parametrize(
    ("ends", "told"), [("task-started", "30.0 s"), ("task-succeeded", "ended since")]
)
async def test_an_active_task_tells_for_how_long_it_runs(inspected, look, ends, told):
    inspected.now -= 30
    inspected.task("5eed", ends=ends, **({"runtime": 1} if "succeeded" in ends else {}))
    inspected.now += 30

    assert tab(await look(PAGE), "tasks").all("table")[0].rows[0][2] == told


async def test_an_active_task_tells_how_far_it_is(inspected, look):
    inspected.task("5eed", ends="task-started")
    inspected.happen("task-progress", uuid="5eed", current=3, total=10)

    active = (await look("/worker/w1@box")).one("section", id="tab-tasks").all("table")[0].rows

    assert active[0][2].endswith("30 %")


@pytest.mark.usefixtures("inspected")
async def test_limits_that_are_set_are_listed_and_any_task_can_be_given_one(look):
    limits = tab(await look(PAGE), "limits")
    chosen = tab(await look(f"{PAGE}?task=shop.pay"), "limits")

    assert [row[:3] for row in limits.rows] == [["shop.mail", "10/m", fmt.DASH]]
    assert [one["value"] for one in limits.all("option")] == ["shop.mail", "shop.pay"]
    assert limits.all("form")[0]["action"] == "#tab-limits"
    assert [form["action"] for form in chosen.all("form", method="post")] == [
        f"/do/task/{what}/{task}#tab-limits"
        for task in ("shop.mail", "shop.pay")
        for what in ("rate-limit", "timeout")
    ]
    forms = limits.all("form", method="post")
    fields = [sorted(field["name"] for field in form.all("input")) for form in forms]
    assert fields == [["ratelimit", "workername"], ["hard", "soft", "workername"]]
    assert all(form.one("input", name="workername")["value"] == W1 for form in forms)
    other = tab(await look(f"{PAGE}?task=shop.gone"), "limits")
    assert "This worker has told of no task shop.gone" in other.text


async def test_time_limits_are_those_that_were_set_from_here_since_it_started(inspected, look):
    def set_limits(at, task, outcome="done", **given):
        told = {"workername": W1, **given}
        inspected.store.record(
            AuditEntry(NOW - at, "ann", "basic", "", "task/timeout", task, told, outcome)
        )

    set_limits(99_999, "shop.old", soft="1")
    set_limits(60, "shop.pay", soft="5", hard="9")
    set_limits(50, "shop.mail", hard="7")
    set_limits(40, "shop.mail", "refused", hard="8")
    set_limits(30, "shop.lost", "uncertain", hard="3")
    set_limits(20, "shop.free", soft="4")
    set_limits(10, "shop.free", soft="")

    rows = tab(await look(PAGE), "limits").rows

    assert [row[:3] for row in rows] == [
        ["shop.lost", fmt.DASH, "hard 3 s (set here 30 s ago, perhaps: the worker did not answer)"],
        ["shop.mail", "10/m", "hard 7 s (set here 50 s ago)"],
        ["shop.pay", fmt.DASH, "soft 5 s, hard 9 s (set here 1 min ago)"],
    ]


async def test_time_limits_of_all_tasks_are_told_as_the_pool_or_the_settings_tell_them(
    inspected, look
):
    answers = ANSWERS | {"conf": {"task_soft_time_limit": 270}}
    answers["stats"] = STATS | {"pool": STATS.get("pool", {}) | {"timeouts": [0, 300]}}
    inspected.inspector.workers = {W1: answers}

    limits = tab(await look(PAGE), "limits").text

    assert "Time limits of all tasks: soft 270 s, hard 300 s." in limits


@pytest.mark.usefixtures("inspected")
async def test_the_configuration_is_sorted_without_what_is_not_set(look):
    config = tab(await look(PAGE), "config")

    assert list(config.facts) == ["broker_url", "task_acks_late"]
    assert config.links["task_acks_late"].endswith("configuration.html#std-setting-task_acks_late")


@pytest.mark.usefixtures("inspected")
async def test_usage_has_its_times_as_durations(look):
    assert tab(await look(PAGE), "system").facts == {
        "Utime": "250 ms",
        "Stime": "1m 01s",
        "Maxrss": "5000",
    }


async def test_whatever_else_it_says_has_a_tab_that_is_there_only_then(inspected, look):
    assert tab(await look(PAGE), "other").facts == {"Clock": "99", "Uptime": "1h 02m 05s"}

    stats = {key: value for key, value in STATS.items() if key not in ("clock", "uptime")}
    inspected.inspector.workers = {W1: {**ANSWERS, "stats": stats}}
    html = await look(PAGE)

    assert html.all("section", id="tab-other") == []
    assert "Other" not in html.one("nav", aria_label="Worker details").links


async def test_lists_are_cut_and_say_how_much_is_left_out(inspected, look):
    revoked = [f"dead-{number}" for number in range(60)]
    inspected.inspector.workers = {W1: {**ANSWERS, "revoked": revoked}}

    usual, short, all_ = [
        tab(await look(PAGE + query), "tasks") for query in ("", "?limit=1", "?limit=99")
    ]

    assert "10 more." in usual.text
    assert usual.links["Show all"] == "?limit=60#tab-tasks"
    assert "59 more." in short.text
    assert "more." not in all_.text


@pytest.mark.parametrize(("limit", "status"), [("x", 400), ("", 400), ("-1", 200), ("0", 200)])
async def test_a_limit_is_a_number(inspected, serve, limit, status):
    assert (await serve(cluster=inspected).get(f"{PAGE}?limit={limit}")).status == status


async def test_a_worker_known_from_its_events_only_is_shown_with_what_is_known(shop, look):
    shop.beat(pid=7, sw_ident="py-celery", sw_ver="5.5.0", sw_sys="Linux")
    shop.inspector.failed = {"stats": Failure("no reply within 1 s", NOW - 5)}

    html = await look(PAGE)

    strip = {name: html.facts[name] for name in ("Active", "Process", "Software", "Load average")}
    assert strip == {
        "Active": "1",
        "Process": "7",
        "Software": "py-celery 5.5.0 Linux",
        "Load average": "0.50, 0.25, 0.12",
    }
    pool = tab(html, "pool")
    assert "Not inspected yet. Asked 5 s ago: no reply within 1 s." in pool.text
    assert "Not inspected yet." in tab(html, "queues").text
    assert "It consumes from no queue" not in html.text
    assert "None." not in tab(html, "tasks").text


async def test_old_answers_say_how_old_they_are_and_why(inspected, look):
    inspected.inspector.aged_s["stats"] = 130.0
    inspected.inspector.failed = {"stats": Failure("no reply within 1 s", NOW - 5)}

    pool = tab(await look(PAGE), "pool")

    words = "Answered 2 min ago. Asked 5 s ago: no reply within 1 s."
    assert pool.one("p", class_="problem").text == words
    assert pool.facts["Slots"] == "8"


async def test_a_worker_that_only_answers_is_shown_too(inspected, look):
    inspected.state.forget_worker(W1)

    html = await look(PAGE)

    assert "No events yet" in html.one("div", id="heading").text
    assert tab(html, "pool").facts["Slots"] == "8"


async def test_an_unknown_worker_is_404_and_nobody_is_asked(shop, serve):
    answer = await serve(cluster=shop).get("/worker/no<body>")

    assert answer.status == 404
    assert "Unknown worker &#x27;no&lt;body&gt;&#x27;" in answer.text
    assert shop.inspector.asked == []


async def test_a_first_look_waits_for_the_answers(shop, look):
    shop.beat()
    shop.inspector.coming = {W1: ANSWERS}

    assert tab(await look(PAGE), "pool").facts["Slots"] == "8"
    assert shop.inspector.asked == [W1]


async def test_a_later_look_begins_an_inspection_and_waits_for_nothing(inspected, look):
    inspected.inspector.is_silent = True

    async with asyncio.timeout(30):
        await look(PAGE)

    assert inspected.inspector.asked == [W1]


@pytest.mark.parametrize(("age_s", "asked"), [(3.0, []), (11.0, [W1])])
async def test_a_page_that_refreshes_itself_asks_only_when_answers_are_old(
    inspected, look, age_s, asked
):
    inspected.inspector.is_silent = True
    inspected.inspector.aged_s["active"] = age_s

    async with asyncio.timeout(30):
        await look(PAGE, headers={"Flower-Live": "1"})

    assert inspected.inspector.asked == asked


async def test_a_page_that_refreshes_itself_does_not_press_a_silent_worker(shop, look):
    shop.beat()
    shop.inspector.is_silent = True
    shop.inspector.failed = {method: Failure("no reply", NOW - 3) for method in ALL_METHODS}

    async with asyncio.timeout(30):
        await look(PAGE, headers={"Flower-Live": "1"})

    assert shop.inspector.asked == []


@pytest.mark.usefixtures("inspected")
async def test_everything_can_be_done_from_the_page(look):
    html = await look(PAGE)

    targets = [form["action"] for form in html.one("main").all("form")]
    assert targets[:7] == [
        "/do/workers",
        "/do/workers",
        "/do/worker/pool/restart/w1@box",
        "/do/worker/shutdown/w1@box",
        "/do/worker/drain/w1@box",
        "/do/worker/pool/grow/w1@box#tab-pool",
        "/do/worker/pool/autoscale/w1@box#tab-pool",
    ]
    (shrink,) = [button for button in html.all("button") if button.text == "Shrink"]
    assert shrink["formaction"] == "/do/worker/pool/shrink/w1@box#tab-pool"
    assert [button.text for button in html.one("f-menu").all("button")] == [
        "Refresh", "Refresh All", "Restart Pool", "Shut Down", "Drain",
    ]  # fmt: skip


@pytest.mark.usefixtures("inspected")
async def test_read_only_shows_no_button_at_all(look):
    html = await look(PAGE, environ=OPEN_API, read_only=True)

    assert html.one("main").all("button") == []
    assert html.one("main").all("input") == []
    assert tab(html, "queues").rows[0][0] == "celery"


@pytest.mark.usefixtures("inspected")
async def test_while_the_api_is_closed_every_button_is_shut_and_the_page_says_why(look):
    html = await look(PAGE, environ={})

    buttons = html.one("main").all("button")
    assert buttons
    assert all("disabled" in button for button in buttons)
    assert "Set --basic_auth or --auth" in html.one("f-menu").text


ODD: list[dict[str, object]] = [
    {},
    {"stats": {}},
    {"stats": {"pool": None, "broker": "x", "total": [], "rusage": "N/A", "uptime": "long"}},
    {"stats": {"pool": {"max-concurrency": "many", "processes": 3, "writes": "N/A"}}},
    {"stats": {"consumer": {"broker": {"hostname": "h"}}}},
    {"active_queues": [{}, None, "x", {"name": None}]},
    {"active": [None, {}, {"id": 5, "args": {"a": 1}}], "scheduled": [{"request": None}]},
    {
        "reserved": ["x"],
        "revoked": [None, 5],
        "registered": [None, ""],
        "conf": {"a b": [], "x": {}},
    },
    {
        "stats": {
            "uptime": float("nan"),
            "rusage": {"utime": float("inf"), "stime": -1e300, "maxrss": 10**30},
            "total": {5: 1, "x": None},
            "pool": {5: {6: 7}, "timeouts": [float("nan"), 1]},
            "autoscaler": 3,
        },
        "conf": {5: 1, "x": float("inf")},
    },
    {"stats": {"uptime": 10**400, "rusage": {"utime": 10**400}}},
    dict.fromkeys(ALL_METHODS, 7),
]


@pytest.mark.parametrize("record", ODD)
async def test_a_worker_that_says_odd_things_has_a_page(shop, look, record):
    shop.beat()
    shop.inspector.workers = {W1: record}
    shop.inspector.aged_s = dict.fromkeys(ALL_METHODS, 1.0)

    for page in (PAGE, "/workers", "/workers?group=queue&sort=uptime", "/queues", "/overview"):
        await look(page)


@pytest.mark.parametrize("name", ["a/b@box", "a%b@box", "ü@box", "a b@box", "<b>@box", "a?b#c@box"])
async def test_any_name_has_a_page_that_the_list_leads_to(shop, look, name):
    shop.beat(name)

    listed = (await look("/workers")).one("tbody").links[name]

    assert (await look(listed)).one("h1").text == name


@pytest.mark.parametrize(
    ("stats", "conf", "words", "shut"),
    [
        (pool("thread"), {}, "The threads pool has a fixed size: it can't grow or shrink.", 10),
        (
            pool("thread"),
            {},
            "The threads pool has no processes to restart: restart the worker",
            10,
        ),
        (pool("solo"), {}, "The solo pool has a fixed size: it can't be autoscaled.", 10),
        (pool("solo"), {}, "The solo pool doesn't enforce hard time limits.", 10),
        (pool("gevent"), {}, "The gevent pool doesn't enforce soft time limits.", 5),
        (pool("eventlet"), {}, "The eventlet pool doesn't enforce hard time limits.", 7),
        ({}, {}, "This pool is autoscaled: change the autoscaling range instead.", 3),
        ({"autoscaler": None}, {}, "Autoscaling is off (start the worker with --autoscale", 3),
        ({}, {"worker_pool_restarts": False}, "Restarting needs worker_pool_restarts = True", 4),
    ],
)
async def test_what_a_worker_cannot_do_is_shut_and_says_why(
    inspected, look, stats, conf, words, shut
):
    answers = ANSWERS | {"stats": STATS | stats, "conf": ANSWERS["conf"] | conf}
    inspected.inspector.workers = {W1: answers}

    main = (await look(PAGE)).one("main")

    assert words in main.text
    controls = [*main.all("button"), *main.all("input")]
    assert len([control for control in controls if "disabled" in control]) == shut


@pytest.mark.usefixtures("inspected")
async def test_what_a_worker_can_do_is_open(look):
    main = (await look(PAGE)).one("main")

    shut = [button.text for button in main.all("button") if "disabled" in button]
    assert shut == ["Grow", "Shrink"]  # it is autoscaled


async def test_how_busy_it_is_and_how_large_and_old_stands_above_its_tabs(inspected, look):
    inspected.beat(active=3, sw_sys="Linux")

    html = await look(PAGE)

    facts = html.one("dl", class_="strip").facts
    assert (facts["Active"], facts["Memory"], facts["Uptime"]) == ("3 of 8", "5.1 MB", "1 h")
    assert html.one("dl", class_="strip").one("{http://www.w3.org/2000/svg}rect")["width"] == "38"


async def test_the_last_hour_of_a_worker_is_drawn_and_its_newest_tasks_are_listed(shop, look):
    shop.beat()
    shop.task("a", "shop.pay")
    shop.task("b", "shop.pay", hostname="w2@box")

    past = (await look(f"/worker/{W1}")).one("section", id="tab-history")

    assert [figure.one("strong").text for figure in past.all("figure")] == [
        "Concurrent tasks", "Host load average",
    ]  # fmt: skip
    assert [row[1] for row in past.rows] == ["a"]
    assert past.links["All tasks of this worker"] == "/tasks?worker=w1%40box"


async def test_a_worker_without_tasks_names_the_setting_that_tells_of_them(shop, look):
    shop.beat()

    assert "worker_send_task_events = True" in (await look(f"/worker/{W1}")).text
