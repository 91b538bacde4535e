"""The Overview page: what is wrong now, what failed, and how all tasks fare."""

from types import SimpleNamespace

from flower_ng.errors import Unavailable
from tests.web.pages.shop import NOW, W1
from tests.web.site import OPEN_API


async def test_a_healthy_cluster_is_told_calmly(shop, look):
    shop.beat()

    html = await look("/overview")

    assert "Nothing is wrong that can be seen from here" in html.text
    assert html.links["1 of 1 online"] == "/workers"


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

    assert html.links[f"{W1} is offline"] == f"/worker/{W1}"


async def test_a_queue_with_messages_and_no_consumer_is_wrong(shop, look):
    shop.beat()
    shop.inspector.workers = {W1: {"active_queues": [{"name": "mail"}]}}
    shop.queues, shop.broker.told = ["lost"], [{"name": "lost", "messages": 7}]

    html = await look("/overview")

    assert html.links["No consumer of lost is known"] == "/queues"
    assert html.links["7"] == "/queues"


async def test_before_a_worker_has_told_of_its_queues_none_is_called_deserted(shop, look):
    shop.queues, shop.broker.told = ["lost"], [{"name": "lost", "messages": 7}]

    html = await look("/overview")

    assert "No consumer" not in html.text


async def test_what_the_broker_did_not_tell_is_unknown_and_said(shop, look):
    shop.queues, shop.broker.told = ["mail"], Unavailable("The broker is away")

    html = await look("/overview")

    assert "Not known: Lengths of queues: The broker is away" in html.text
    assert "0" not in [dd.text for dd in html.all("dd")][-1:]


async def test_failures_are_grouped_by_type_and_exception(shop, look):
    for uuid, error in (("a", "ValueError('x')"), ("b", "ValueError('y')"), ("c", "KeyError(1)")):
        shop.task(uuid, "shop.pay", "task-failed", exception=error)

    html = await look("/overview")

    assert [row[:3] for row in html.rows] == [
        ["shop.pay", "ValueError", "2"], ["shop.pay", "KeyError", "1"],
    ]  # fmt: skip
    assert "Of the newest 200 failures" in html.text


async def test_the_front_page_leads_to_the_overview_where_that_is_home(shop, serve):
    answer = await serve(cluster=shop, environ=OPEN_API, home="overview").get("/")

    assert (answer.status, answer.headers["Location"]) == (302, "/overview")


async def test_the_workers_keep_their_page_where_the_overview_is_home(look):
    html = await look("/workers", home="overview")

    assert html.one("nav", aria_label="Pages").links["Workers 0"] == "/workers"
