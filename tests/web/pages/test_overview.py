"""The Overview page: what is wrong now, what failed, and how all tasks fare."""

import time
from types import SimpleNamespace

import pytest

from flower_ng.errors import Unavailable
from flower_ng.monitor.ingest.ingest_stats import ConnectionState
from flower_ng.monitor.state.backend_outcome import Outcome
from flower_ng.monitor.state.presence import Presence
from flower_ng.monitor.state.purge import Purge
from flower_ng.monitor.state.reach import Reach
from tests.web.pages.shop import NOW, W1
from tests.web.site import OPEN_API


async def test_a_healthy_cluster_is_told_calmly(shop, look):
    shop.beat()
    await shop.judge()
    shop.queues, shop.broker.told = ["mail"], [{"name": "mail", "messages": 0}]

    html = await look("/overview")

    sentence = html.one("p", class_="verdict")
    assert sentence.text == (
        "All good: 1 of 1 worker online, the number of failed tasks is unknown in the last hour"
        " (not observed), and 0 messages wait in 1 queue."
    )
    assert sentence.links == {"1 of 1": "/workers", "0 messages": "/queues"}
    assert "Problems now" not in html.text


async def test_what_waits_in_a_queue_that_only_the_broker_names_is_told(shop, look):
    shop.beat()
    shop.queues, shop.broker.told = ["mail"], [{"name": "mail", "messages": 0}]
    shop.broker.listed = [{"name": "theirs", "messages": 4}, {"name": "void", "messages": 0}]

    sentence = (await look("/overview")).one("p", class_="verdict")

    assert sentence.text.endswith(
        "0 messages wait in 1 queue; 4 more wait in 1 other queue of the broker, not checked."
    )
    assert sentence.links["4 more"] == "/queues"


@pytest.mark.parametrize(
    ("theirs", "verdict", "unseen"),
    [
        (
            {"messages": 4},
            "unknown",
            ["Unchecked queues that no worker names hold messages: theirs"],
        ),
        (
            {"messages": 4, "consumers": 0},
            "unknown",
            ["Unchecked queues that no worker names hold messages: theirs"],
        ),
        ({"messages": 4, "consumers": 1}, "ok", []),
        ({"messages": 0, "consumers": 0}, "ok", []),
    ],
)
async def test_it_is_not_well_while_messages_wait_where_no_rule_looks(
    shop, serve, look, theirs, verdict, unseen
):
    shop.beat()
    await shop.judge()
    shop.queues, shop.broker.told = ["mail"], [{"name": "mail", "messages": 0}]
    shop.broker.listed = [{"name": "theirs", **theirs}]

    told = (await serve(cluster=shop, environ=OPEN_API).get("/api/overview")).json
    page = await look("/overview")

    assert (told["verdict"], told["unseen"]) == (verdict, unseen)
    calm = "Some data is missing" if unseen else "All good"
    assert page.one("p", class_="verdict").text.startswith(calm)
    assert told["sentence"].startswith(calm)
    for sentence in unseen:
        assert sentence in page.text


async def test_it_is_not_well_while_a_length_is_not_told(shop, serve):
    shop.beat()
    await shop.judge()
    shop.queues, shop.broker.told = ["mail"], [{"name": "mail", "messages": None}]

    told = (await serve(cluster=shop, environ=OPEN_API).get("/api/overview")).json

    assert (told["verdict"], told["waiting"]) == ("unknown", None)
    assert told["unseen"] == ["Queue lengths: the broker does not report mail"]


async def test_it_is_well_where_only_more_could_be_asked_of_the_broker(shop, serve, look):
    shop.beat()
    await shop.judge()
    shop.queues, shop.broker.told = ["mail"], [{"name": "mail", "messages": 0}]
    shop.broker.trouble = "The management API failed"

    told = (await serve(cluster=shop, environ=OPEN_API).get("/api/overview")).json

    assert (told["verdict"], told["unseen"]) == ("ok", [])
    assert "Queue lengths: The management API failed" in (await look("/overview")).text


async def test_after_all_workers_were_purged_none_is_online(shop, serve, look):
    shop.presence = Presence(shop.state, lambda: shop.events.connection, 60.0, lambda: shop.now)
    forgotten = SimpleNamespace(
        workers={},
        purge_worker=lambda _: None,
        known_workers=tuple,
        remove_worker_metrics=lambda _: None,
    )
    purge = Purge(shop.state, forgotten, forgotten, shop.presence, clock=lambda: shop.now)
    shop.beat()
    shop.happen("worker-offline")
    shop.now += 61
    purge.run()

    told = (await serve(cluster=shop, environ=OPEN_API).get("/api/overview")).json

    assert told["workers"] == {"online": 0, "left": 0, "silent": 0, "gone": 0, "busy": 0}
    assert told["sentence"].startswith("No workers left: no worker is online, ")
    assert "Workers: none known; 1 was removed while offline" in told["unseen"]
    assert "No workers left" in (await look("/overview")).text


async def test_nobody_is_counted_before_who_runs_could_be_heard(shop, serve):
    shop.events.connection = ConnectionState(connected=True, since=NOW - 3, began=NOW - 3)

    told = (await serve(cluster=shop, environ=OPEN_API).get("/api/overview")).json

    assert set(told["workers"].values()) == {None}


async def test_nobody_is_counted_while_only_answers_tell_of_a_worker(shop, serve):
    shop.inspector.workers = {W1: {"stats": {}}}

    told = (await serve(cluster=shop, environ=OPEN_API).get("/api/overview")).json

    assert set(told["workers"].values()) == {None}


@pytest.mark.parametrize("path", ["/overview", "/workers"])
async def test_a_worker_that_only_answers_is_not_asked_to_be_started(shop, look, path):
    shop.inspector.workers = {W1: {"stats": {}}}

    main = (await look(path)).one("main").text

    assert "No event of any worker arrives" in main
    assert "No workers yet" not in main
    assert "celery -A" not in main


async def test_who_is_about_to_be_forgotten_does_not_only_answer(shop, serve):
    shop.presence = Presence(shop.state, lambda: shop.events.connection, 60.0, lambda: shop.now)
    shop.inspector.workers = {W1: {"stats": {}}}
    shop.beat()
    shop.happen("worker-offline")
    shop.now += 61

    told = (await serve(cluster=shop, environ=OPEN_API).get("/api/overview")).json

    assert told["sentence"].startswith("No workers left: no worker is online, ")


async def test_nobody_is_said_to_send_heartbeats_while_the_broker_holds_them_back(shop, look):
    shop.beat()
    shop.presence = Presence(
        shop.state, lambda: shop.events.connection, None, lambda: NOW, held_back=lambda: "no memory"
    )

    page = await look("/overview")

    assert "None: all workers send heartbeats" not in page.text
    assert "The broker has held back workers' messages" in page.one("p", class_="verdict").text
    assert "Events: the broker accepts no messages from workers (no memory)" in page.text


async def test_at_the_first_start_the_page_says_how_a_worker_is_started(look):
    main = (await look("/overview")).one("main").text

    assert "No workers yet" in main
    assert "celery -A yourproject worker -E" in main


async def test_workers_that_tell_of_no_task_are_told_with_the_setting(shop, look):
    shop.beat()
    assert "worker_send_task_events = True" in (await look("/overview")).text

    shop.task("a")
    assert "worker_send_task_events" not in (await look("/overview")).text


async def test_before_the_rules_were_looked_at_all_is_not_called_well(shop, look):
    shop.beat()

    html = await look("/overview")

    assert html.one("p", class_="verdict").text.startswith("Some data is missing: ")
    assert "Problems: not checked yet" in html.text


async def test_without_a_connection_the_last_that_was_known_is_told_with_its_age(shop, look):
    shop.now = NOW - 60
    shop.beat()
    shop.now, shop.reach = NOW, Reach(NOW - 60)
    shop.events.connection = ConnectionState(
        connected=False, since=NOW - 45, why="connection refused", retry_at=NOW + 5, began=0.0
    )

    html = await look("/overview")

    assert html.one("p", class_="verdict").text.startswith(
        "Disconnected from the broker for 1 min; last known data: 1 of 1 worker online,"
    )
    assert "Silent workers Unknown: not all workers could be heard recently." in html.text


async def test_a_worker_that_went_silent_is_told_and_one_that_said_goodbye_is_not(shop, look):
    shop.beat()
    shop.beat("w2@box")
    shop.happen("worker-offline", "w2@box")
    shop.now += 3600
    shop.beat("w3@box")

    html = await look("/overview")

    assert "1 of 2 workers online (1 stopped)" in html.text
    assert html.links[W1] == f"/worker/{W1}"
    assert "w2@box" not in html.links


async def test_what_a_rule_found_is_told_before_it_is_raised(shop, look):
    shop.beat()
    await shop.judge("lost", rule="queue-deserted", title="Queue without consumers")

    html = await look("/overview")

    assert html.links["Queue without consumers: lost"] == "/problems#may-queue-deserted"
    assert html.one("p", class_="verdict").text.startswith("1 possible problem:")
    assert "Possible problems" in html.text


async def test_what_is_raised_is_wrong(shop, look):
    shop.beat()
    await shop.judge("lost", rule="queue-deserted", title="Queue without consumers", hold_s=0.0)

    html = await look("/overview")

    assert html.one("p", class_="verdict").text.startswith("1 problem:")
    assert "lost Queue without consumers" in html.text


async def test_what_the_broker_did_not_tell_is_unknown_and_said(shop, look):
    shop.queues, shop.broker.told = ["mail"], Unavailable("The broker is away")

    html = await look("/overview")

    assert "Queue lengths: The broker is away" in html.text
    assert "the number of messages waiting in 1 queue is unknown." in html.text
    assert "Queues at risk Unknown: not all queue lengths can be read now." in html.text


async def test_without_an_answer_of_the_history_no_failure_is_denied(shop, look):
    class Closed:
        def __getattr__(self, name):
            return getattr(store, name)

        async def failure_groups(self, *_asked):
            raise Unavailable("The store is away")

    store, shop.store = shop.store, Closed()
    html = await look("/overview")
    shop.store = store

    assert "Failures in the last hour Unknown: the history could not be read." in html.text
    assert "Failures: The store is away" in html.text


async def test_failures_are_grouped_by_type_and_exception(shop, look):
    shop.now = time.time()
    for uuid, error in (("a", "ValueError('x')"), ("b", "ValueError('y')"), ("c", "KeyError(1)")):
        shop.task(uuid, "shop.pay", "task-failed", exception=error)

    html = await look("/overview")

    assert [row[:3] for row in html.rows] == [
        ["shop.pay", "ValueError", "2"], ["shop.pay", "KeyError", "1"],
    ]  # fmt: skip


async def test_failures_that_only_the_result_backend_knows_are_told_apart(shop, look):
    shop.now = time.time()
    shop.task("a", "shop.pay", "task-failed", exception="ValueError('x')")
    assert "result backend" not in (await look("/overview")).text

    shop.task("b", "shop.pay", "task-started")
    shop.state.learn("b", Outcome("FAILURE", exception="ValueError('y')", ended_at=shop.now))
    html = await look("/overview")

    assert "1 of the failures are known from the result backend only." in html.text
    (panel,) = (one for one in html.all("section", class_="panel") if "of the failures" in one.text)
    those = await look(panel.links["1 of the failures"])
    assert [row[1] for row in those.rows] == ["b"]


async def test_the_number_of_failures_leads_to_just_those(shop, look):
    shop.now = time.time()
    for uuid, error in (("a", "ValueError('x')"), ("b", "ValueError('y')"), ("c", "KeyError(1)")):
        shop.task(uuid, "shop.pay", "task-failed", exception=error)

    html = await look("/overview")
    those = await look(html.one("table").links["2"])

    assert sorted(row[1] for row in those.rows) == ["a", "b"]


async def test_workers_that_started_together_are_a_mark_that_says_maybe(shop, look):
    for name in ("w1@box", "w2@box"):
        shop.happen("worker-online", name)
    shop.now += 300

    html = await look("/overview")

    words = "w1@box, w2@box started, possibly a deploy"
    assert [words in figure.text for figure in html.all("figure")] == [True] * 4
    assert f"Upright lines (dashed: a guess): {words}." in html.text


async def test_a_queue_that_outgrows_its_slots_is_at_risk(shop, look):
    shop.beat()
    await shop.judge()
    told = {"active_queues": [{"name": "mail"}], "stats": {"pool": {"max-concurrency": 4}}}
    shop.inspector.workers = {W1: told}
    shop.queues, shop.broker.told = ["mail"], [{"name": "mail", "messages": 70}]

    html = await look("/overview")

    assert "mail 70 wait for 4 slots" in html.text
    assert html.one("p", class_="verdict").text.startswith("All good:")


async def test_the_front_page_leads_to_the_overview_where_that_is_home(shop, serve):
    answer = await serve(cluster=shop, environ=OPEN_API, home="overview").get("/")

    assert (answer.status, answer.headers["Location"]) == (302, "/overview")


async def test_the_workers_keep_their_page_where_the_overview_is_home(look):
    html = await look("/workers", home="overview")

    assert html.one("nav", aria_label="Pages").links["Workers 0"] == "/workers"


async def test_the_busiest_workers_come_first_with_what_runs_there_for_longest(shop, look):
    stats = {"pool": {"max-concurrency": 2}}
    shop.inspector.workers = {name: {"stats": stats} for name in ("idle@box", "half@box", W1)}
    shop.now = NOW - 60
    shop.task("long", "shop.count", ends="task-started")
    shop.now = NOW - 5
    shop.task("short", ends="task-started")
    shop.now = NOW
    for name, active in (("idle@box", 0), ("half@box", 1), (W1, 2), ("untold@box", 3)):
        shop.beat(name, active=active)

    html = await look("/overview")
    lines = [line.text for line in html.one("section", class_="busiest").all("li")]

    assert lines == [
        "w1@box 100 % busy, 2 of 2 slots. Longest: shop.count 1m 00s",
        "half@box 50 % busy, 1 of 2 slots. Longest task unknown",
        "untold@box Busy share unknown, 3 of unknown slots. Longest task unknown",
    ]
    assert html.links["shop.count"] == "/task/long"


async def test_more_tasks_than_slots_are_no_share(shop, look):
    shop.beat(active=3)
    shop.inspector.workers = {W1: {"stats": {"pool": {"max-concurrency": 2}}}}

    html = await look("/overview")

    assert "Busy share unknown, 3 of unknown slots." in html.text


async def test_that_nothing_runs_is_said_only_where_it_is_known(shop, look):
    assert "Busiest workers No workers yet." in (await look("/overview")).text

    shop.beat(active=0)
    await shop.judge()
    assert "Busiest workers No worker runs a task now." in (await look("/overview")).text

    shop.beat("w2@box", active=None)
    text = (await look("/overview")).text
    assert "Busiest workers Unknown: not all workers tell what they run." in text


async def test_the_last_of_some_failures_leads_to_its_task(shop, look):
    for number, uuid in enumerate(("first", "last")):
        shop.now = NOW - 10 + number
        shop.task(uuid, ends="task-failed", exception="ValueError('x')")
    shop.now = NOW

    html = await look("/overview")

    assert "/task/last" in html.links.values()
    assert "/task/first" not in html.links.values()
