from flower_ng.web.lookups.purge_review import bound


def test_a_round_number_bounds_a_length():
    told = {0: "0", 1: "at most 1", 3: "at most 5", 10: "at most 10", 2001: "at most 5,000"}

    assert {length: bound(length) for length in told} == told
    assert bound(None) == "unknown"


async def test_an_unknown_queue_is_not_found(look):
    html = await look("/queues/no.such.queue", status=404)

    assert "Unknown queue 'no.such.queue'" in html.one("h1").text
