"""The Broker page: the queues as the broker counts them."""

import pytest

from flower_ng.brokers import RabbitFacts, RabbitNode, RedisFacts, StaleQueue
from flower_ng.errors import Unavailable
from tests.web.pages.html import Html
from tests.web.site import OPEN_API


async def test_queues_are_rows_of_what_the_broker_tells(shop, look):
    shop.queues = ["celery", "mail"]
    shop.broker.told = [
        {
            "name": "celery",
            "messages": 1234,
            "messages_unacknowledged": 4,
            "messages_ready": 1230,
            "consumers": 2,
            "idle_since": "2026-01-01 10:00:00",
        },
        {"name": "mail", "messages": 0},
    ]

    html = await look("/broker")

    assert html.rows == [
        ["celery", "1,234", "4", "1,230", "2", "2026-01-01 10:00:00"],
        ["mail", "0", "–", "–", "–", "–"],
    ]
    assert [heading.text for heading in html.one("thead").all("th")] == [
        "Queue", "Messages", "Unacked", "Ready", "Consumers", "Idle since",
    ]  # fmt: skip
    assert html.one("title").text == "Broker · flower_ng"


async def test_the_password_of_the_address_is_not_shown(look):
    assert (await look("/broker")).facts["Broker"] == "redis://:**@localhost:6379/0"


async def test_a_length_that_cannot_be_known_is_not_a_zero(shop, look):
    shop.queues = ["celery"]
    shop.broker.told = [{"name": "celery", "messages": None}]
    shop.broker.trouble = "Lengths are not knowable here"

    html = await look("/broker")

    assert html.rows == [["celery", "–", "–", "–", "–", "–"]]
    assert "Lengths are not knowable here" in html.one("div", role="alert").text


async def test_a_broker_that_does_not_answer_is_a_page_with_the_reason(shop, look):
    shop.queues = ["celery"]
    shop.broker.told = Unavailable("Cannot reach redis at localhost:6379: <refused>")

    html = await look("/broker")

    assert "Cannot reach redis at localhost:6379: <refused>" in html.one("div", role="alert").text
    assert html.all("table") == []


@pytest.mark.parametrize(
    ("queues", "words"),
    [
        ([], "No worker has reported its queues yet."),
        (["mail"], "None of the queues that workers consume from exists on the broker: mail."),
    ],
)
async def test_no_queues_at_all_are_said_so(shop, look, queues, words):
    shop.queues = queues

    main = (await look("/broker")).one("main").text

    assert "No queue data is available." in main
    assert words in main


async def test_rabbitmq_is_asked_through_its_management_api_and_the_page_says_so(shop, look):
    shop.transport = "amqp"
    shop.broker.trouble = "The management API did not answer"

    html = await look("/broker")

    assert "--broker_api" in html.one("div", role="alert").text


async def test_hostile_values_are_text(shop, serve):
    shop.queues = ["<b>"]
    shop.broker.told = [{"name": "<b>", "messages": True, "consumers": "<i>", "idle_since": "<u>"}]

    html = Html.parsed((await serve(cluster=shop).get("/broker")).text)

    assert html.rows == [["<b>", "–", "–", "–", "–", "<u>"]]


async def test_a_trouble_comes_with_its_cause_and_what_to_do(shop, look):
    shop.broker.told = Unavailable("Redis does not answer: Error 111: Connection refused.")

    card = (await look("/broker")).one("div", role="alert").text

    assert "Nothing listens at this address." in card
    assert "and the port in its URL" in card


async def test_how_redis_is_stands_on_the_page(shop, look):
    shop.broker.facts = RedisFacts("7.0.15", 1000, 2000, "allkeys-lru", evicted=3, unacked=4)

    facts = (await look("/broker")).facts

    assert facts["Redis"] == "7.0.15"
    assert facts["Memory"] == "1.0 kB of 2.0 kB"
    assert facts["When memory is full"] == "allkeys-lru"
    assert (facts["Evicted keys"], facts["Unacknowledged"]) == ("3", "4")


async def test_a_broker_that_blocks_publishers_is_said_so(shop, look):
    nodes = (RabbitNode("rabbit@a", is_running=True, has_memory_alarm=True),)
    shop.broker.facts = RabbitFacts("3.10.8", nodes, blocked=("c",))

    html = await look("/broker")

    assert "Publishing is blocked" in html.one("div", role="alert").text
    assert "rabbit@a is short of memory" in html.one("div", role="alert").text
    assert html.rows[0][:2] == ["rabbit@a", "alarm: memory"]


async def test_queues_left_behind_are_listed_but_for_those_of_workers_online(shop, look):
    shop.beat("celery@here")
    stale = [
        StaleQueue("celery@gone.celery.pidbox", "celery@gone", 7),
        StaleQueue("celery@here.celery.pidbox", "celery@here", 1),
    ]
    shop.broker.facts = RabbitFacts("3.10.8", stale=tuple(stale))

    main = (await look("/broker")).one("main").text

    assert "celery@gone.celery.pidbox 7 messages" in main
    assert "celery@here.celery.pidbox" not in main
    assert "Workers that don't receive commands" in main


async def test_deleting_them_spares_workers_that_are_online(shop, serve):
    shop.beat("celery@here")
    shop.broker.facts = RabbitFacts(
        "3.10.8", stale=(StaleQueue("a", "celery@gone", 0), StaleQueue("b", "celery@here", 0))
    )

    client = serve(cluster=shop, environ=OPEN_API)
    review = (await client.post("/api/queues/clean?dry_run=1")).json
    answer = await client.post("/api/queues/clean", {"digest": review["digest"]})

    assert (review["count"], review["details"]) == (1, ["a with 0 messages"])
    assert answer.json == {"message": "1 queue was deleted", "deleted": ["a"]}


@pytest.mark.parametrize(("version", "is_said"), [("4.2.5", False), ("4.3.0", True)])
async def test_what_a_version_means_for_celery_is_said(shop, look, version, is_said):
    shop.broker.facts = RabbitFacts(version)

    facts = (await look("/broker")).facts

    assert ("control_queue_exclusive" in facts.get("What that means", "")) is is_said
