"""The Queues page: what waits, who takes it, and what nobody can tell."""

from flower_ng.brokers import RedisFacts, StaleQueue
from flower_ng.errors import Unavailable
from tests.web.pages.shop import W1


def consume(shop, *queues):
    """Let a worker be online, with four slots, and tell that it consumes from these queues."""
    shop.beat()
    shop.inspector.workers = {
        W1: {
            "stats": {"pool": {"max-concurrency": 4}},
            "active_queues": [{"name": queue} for queue in queues],
        }
    }


async def test_a_queue_tells_what_waits_and_who_takes_it(shop, look):
    consume(shop, "mail")
    shop.queues, shop.broker.told = ["mail"], [{"name": "mail", "messages": 7, "consumers": 1}]

    html = await look("/queues")

    assert html.rows == [["mail", "7", "–", "–", "–", "–", "", "–", "1", "4", W1]]
    assert "task_send_sent_event = True" in html.text


async def test_the_most_is_the_longest_that_was_sampled_not_a_mean(shop, look):
    consume(shop, "mail")
    shop.queues, shop.broker.told = ["mail"], [{"name": "mail", "messages": 26, "consumers": 1}]
    for length in (0, 237, 26):
        shop.store.rollups.minutes.sample_queue("mail", length, None)

    html = await look("/queues")

    heads = [head.text for head in html.one("thead").all("th")]
    assert html.rows[0][heads.index("Peak")] == "237"


async def test_messages_that_nobody_consumes_are_marked(shop, look):
    consume(shop, "mail")
    await shop.judge("lost", rule="queue-deserted")
    shop.queues, shop.broker.told = ["lost"], [{"name": "lost", "messages": 7}]

    (row,) = (await look("/queues")).rows

    assert (row[0], row[5]) == ("lost no consumers", "no consumers")


async def test_no_consumer_is_denied_where_the_rule_does_not_find_that(shop, look):
    shop.beat()
    shop.queues, shop.broker.told = ["lost"], [{"name": "lost", "messages": 7}]

    assert (await look("/queues")).rows[0][0] == "lost"


async def test_lengths_of_a_broker_that_is_away_are_told_as_old(shop, look):
    shop.queues, shop.broker.told = ["mail"], [{"name": "mail", "messages": 0}]
    await look("/queues")
    shop.broker.told = Unavailable("refused")

    html = await look("/queues")

    assert html.rows[0][1:6] == ["0", "–", "–", "–", "–"]
    assert "Queue lengths are 0 s old" in html.text
    assert "The broker reported these last." in html.text


async def test_the_age_of_the_oldest_message_is_at_least_that_of_the_oldest_send(shop, look):
    shop.happen("task-sent", "gen1@box", uuid="a", name="shop.pay", queue="mail")
    shop.now += 70
    shop.queues, shop.broker.told = ["mail"], [{"name": "mail", "messages": 2}]

    assert (await look("/queues")).rows[0][2] == "≥ 1 min"


async def test_a_send_is_told_of_at_once(shop, look):
    shop.queues, shop.broker.told = ["mail"], [{"name": "mail", "messages": 1}]
    assert "In and Out are unknown" in (await look("/queues")).text

    shop.happen("task-sent", "gen1@box", uuid="a", name="shop.pay", queue="mail")

    assert "In and Out are unknown" not in (await look("/queues")).text


async def test_an_empty_queue_without_consumers_is_left_in_peace(shop, look):
    shop.queues, shop.broker.told = ["lost"], [{"name": "lost", "messages": 0}]

    assert (await look("/queues")).rows[0][:2] == ["lost", "0"]


async def test_a_broker_that_does_not_answer_is_told_with_its_reason(shop, look):
    consume(shop, "mail")
    shop.queues, shop.broker.told = ["mail"], Unavailable("The broker is away")

    html = await look("/queues")

    assert "The broker is away" in html.one("div", role="alert").text
    assert html.rows[0][:2] == ["mail", "–"]


async def test_without_any_queue_the_page_says_so(look):
    assert "No queues yet" in (await look("/queues")).text


async def test_how_the_broker_is_and_what_is_left_behind_stands_below_the_queues(shop, look):
    shop.queues, shop.broker.told = ["mail"], [{"name": "mail", "messages": 3}]
    stale = StaleQueue("celery@gone.celery.pidbox", "celery@gone", 7)
    shop.broker.facts = RedisFacts("7.0.15", 1000, 2000, "allkeys-lru", stale=(stale,))

    html = await look("/queues")

    broker = html.one("section", id="broker")
    assert broker.facts["Broker"] == "redis://:**@localhost:6379/0"
    assert broker.facts["Memory"] == "1.0 kB of 2.0 kB"
    assert "celery@gone.celery.pidbox 7 messages" in broker.text


async def test_a_trouble_of_the_broker_comes_with_its_cause_once(shop, look):
    shop.queues = ["mail"]
    shop.broker.told = Unavailable("Redis does not answer: Error 111: Connection refused.")

    html = await look("/queues")

    assert "Nothing listens at this address." in html.one("div", role="alert").text


async def test_what_workers_hold_is_a_column_where_the_broker_tells_it(shop, look):
    shop.queues = ["mail"]
    shop.broker.told = [{"name": "mail", "messages": 7, "messages_unacknowledged": 4}]

    html = await look("/queues")

    heads = [head.text for head in html.one("thead").all("th")]
    assert html.rows[0][heads.index("In delivery")] == "4"
