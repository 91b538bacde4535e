"""The Overview page: what is wrong now, what failed, and how all tasks fare."""

import time
from types import SimpleNamespace

from flower_ng.errors import Unavailable
from tests.web.pages.shop import NOW, W1
from tests.web.site import OPEN_API


async def test_a_healthy_cluster_is_told_calmly(shop, look):
    shop.beat()
    shop.queues, shop.broker.told = ["mail"], [{"name": "mail", "messages": 0}]

    html = await look("/overview")

    sentence = html.one("p", class_="verdict")
    assert sentence.text == (
        "All is well: 1 of 1 worker online, how many tasks failed is not known in the last hour"
        " (not seen), and 0 messages wait in 1 queue."
    )
    assert sentence.links == {"1 of 1": "/workers", "0 messages": "/queues"}
    assert "What is wrong now" not in html.text


async def test_at_the_first_start_the_page_says_how_a_worker_is_started(look):
    main = (await look("/overview")).one("main").text

    assert "No worker has been heard of yet" in main
    assert "celery -A yourproject worker -E" in main


async def test_workers_that_tell_of_no_task_are_told_with_the_setting(shop, look):
    shop.beat()
    assert "worker_send_task_events = True" in (await look("/overview")).text

    shop.task("a")
    assert "worker_send_task_events" not in (await look("/overview")).text


async def test_a_lost_connection_is_wrong_with_its_reason(shop, look):
    shop.events.connection = SimpleNamespace(
        connected=False, since=NOW, why="connection refused", retry_at=NOW + 5
    )

    html = await look("/overview")

    assert html.links["Not connected to the broker"] == "/broker"
    assert "connection refused. What follows may be old." in html.one("main").text


async def test_a_worker_that_went_silent_is_wrong(shop, look):
    shop.beat()
    shop.now += 3600

    html = await look("/overview")

    assert html.links["One worker is silent"] == "/workers?sort=status"
    assert html.links[W1] == f"/worker/{W1}"


async def test_a_queue_with_messages_and_no_consumer_is_wrong(shop, look):
    shop.beat()
    shop.inspector.workers = {W1: {"active_queues": [{"name": "mail"}]}}
    shop.queues, shop.broker.told = ["lost"], [{"name": "lost", "messages": 7}]

    html = await look("/overview")

    assert html.links["No consumer of lost is known"] == "/queues"
    assert html.links["7 messages"] == "/queues"
    assert html.one("p", class_="verdict").text.startswith("One thing is wrong:")


async def test_before_a_worker_has_told_of_its_queues_none_is_called_deserted(shop, look):
    shop.queues, shop.broker.told = ["lost"], [{"name": "lost", "messages": 7}]

    html = await look("/overview")

    assert "No consumer" not in html.text


async def test_what_the_broker_did_not_tell_is_unknown_and_said(shop, look):
    shop.queues, shop.broker.told = ["mail"], Unavailable("The broker is away")

    html = await look("/overview")

    assert "Lengths of queues: The broker is away" in html.text
    assert "how much waits in 1 queue is not known." in html.text


async def test_failures_are_grouped_by_type_and_exception(shop, look):
    shop.now = time.time()
    for uuid, error in (("a", "ValueError('x')"), ("b", "ValueError('y')"), ("c", "KeyError(1)")):
        shop.task(uuid, "shop.pay", "task-failed", exception=error)

    html = await look("/overview")

    assert [row[:3] for row in html.rows] == [
        ["shop.pay", "ValueError", "2"], ["shop.pay", "KeyError", "1"],
    ]  # fmt: skip


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

    words = "w1@box, w2@box started: maybe a deploy"
    assert [words in figure.text for figure in html.all("figure")] == [True] * 4
    assert "Dashed: w1@box, w2@box started: maybe a deploy." in html.text


async def test_a_queue_that_outgrows_its_slots_is_at_risk(shop, look):
    shop.beat()
    told = {"active_queues": [{"name": "mail"}], "stats": {"pool": {"max-concurrency": 4}}}
    shop.inspector.workers = {W1: told}
    shop.queues, shop.broker.told = ["mail"], [{"name": "mail", "messages": 70}]

    html = await look("/overview")

    assert "mail 70 wait for 4 slots" in html.text
    assert html.one("p", class_="verdict").text.startswith("All is well:")


async def test_the_front_page_leads_to_the_overview_where_that_is_home(shop, serve):
    answer = await serve(cluster=shop, environ=OPEN_API, home="overview").get("/")

    assert (answer.status, answer.headers["Location"]) == (302, "/overview")


async def test_the_workers_keep_their_page_where_the_overview_is_home(look):
    html = await look("/workers", home="overview")

    assert html.one("nav", aria_label="Pages").links["Workers 0"] == "/workers"
