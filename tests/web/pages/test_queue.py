"""The page of one queue."""

from flower_ng.store.rollups.tallies import Coverage
from flower_ng.web.lookups.purge_review import bound


def test_a_round_number_bounds_a_length():
    told = {0: "0", 1: "at most 1", 3: "at most 5", 10: "at most 10", 2001: "at most 5,000"}

    assert {length: bound(length) for length in told} == told
    assert bound(None) == "unknown"


async def test_an_unknown_queue_is_not_found(look):
    html = await look("/queues/no.such.queue", status=404)

    assert "Unknown queue 'no.such.queue'" in html.one("h1").text


async def test_what_nobody_told_is_unknown_and_never_zero(shop, look):
    shop.queues, shop.broker.told = ["mail"], [{"name": "mail", "messages": 7}]

    html = await look("/queues/mail")

    assert "What comes in is unknown" in html.text
    assert {html.facts[name] for name in ("In", "Out", "Wanted", "To keep up")} == {"–"}


async def test_the_shares_of_types_and_what_it_needs_are_told(shop, look):
    shop.queues, shop.broker.told = ["mail"], [{"name": "mail", "messages": 1}]
    shop.store.rollups.minutes.cover(960, Coverage(observed_ms=40_000))
    for uuid in ("a", "b"):
        shop.happen("task-sent", "gen1@web", uuid=uuid, name="shop.pay", queue="mail")
    shop.task("a", runtime=2.0)

    html = await look("/queues/mail")

    types, producers = (html.all("table")[place].rows for place in (0, 1))
    assert types == [["shop.pay", "1 100 %", "1", "2.00 s 100 %"]]
    assert producers == [["gen1@web", "1 100 %", "1", "2.00 s 100 %"]]
    assert html.facts["In"] == "0.05/s"
    assert (html.facts["To keep up"], html.facts["Wanted"]) == ("0.1", "1")


async def test_in_what_its_workers_differ_is_told(shop, look):
    shop.queues = ["mail"]
    for name, tasks in (("w1@box", ["a", "b"]), ("w2@box", ["a"])):
        shop.beat(name, sw_ver="5.6.0")
        answer = {"stats": {"pool": {"implementation": "solo"}}, "registered": tasks}
        shop.inspector.workers[name] = {**answer, "active_queues": [{"name": "mail"}]}

    html = await look("/queues/mail")

    assert "How its workers differ" in html.text
    assert "b missing on w2@box" in html.text.replace("bmissing", "b missing")
    assert "Celery 5.6.0" in html.text
