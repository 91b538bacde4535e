"""Overview, Workers and Queues as they were in a minute of the past."""

import pytest

from flower_ng.errors import Unavailable
from flower_ng.store.rollups.tallies import Coverage, Minute
from tests.web.pages.shop import NOW, W1
from tests.web.site import OPEN_API

AT = "1970-01-01T00:10:00Z"


@pytest.fixture
def client(serve, shop):
    return serve(cluster=shop, environ=OPEN_API)


@pytest.fixture
def minute(shop):
    """Record a minute: what workers and queues told, each as a mapping of names to numbers."""

    def record(start, workers=None, queues=None, observed_ms=60_000):
        made = Minute()
        made.coverage = Coverage(observed_ms)
        for name, active in (workers or {}).items():
            tally = made.tally("worker", name)
            tally.active.note(active, start + 5)
            tally.load.note(0.5, start + 5)
        for name, length in (queues or {}).items():
            made.tally("queue", name).length.note(length, start + 5)
        shop.store.rollups.minutes.put_back({start: made})

    return record


async def test_workers_are_as_they_were(minute, look):
    minute(540, {W1: 1, "w2@box": 3})
    minute(600, {W1: 2})
    minute(660, {W1: 7, "w3@box": 1})

    html = await look(f"/workers?at={AT}")

    assert html.rows[0] == [W1, "Heard", "2", "2", "0.50"]
    assert html.rows[1][0] == "w2@box"
    assert html.rows[1][1].startswith("Not heard after 1970-01-01 00:09:00")
    assert "w3@box" not in html.text
    assert "As it was at 1970-01-01 00:10:00" in html.text


async def test_queues_are_as_they_were(minute, look):
    minute(600, queues={"mail": 7})
    minute(660, queues={"mail": 9, "later": 1})

    html = await look(f"/queues?at={AT}")

    assert [row[:2] for row in html.rows] == [["mail", "7"]]


async def test_tasks_ran_that_had_started_and_had_not_ended(shop, minute, look):
    minute(600, {W1: 1})
    shop.now = 590.0
    for uuid in ("ran", "ended", "late"):
        if uuid == "late":
            shop.now = 601.0
        shop.task(uuid, ends="task-started")
        if uuid == "ended":
            shop.happen("task-succeeded", uuid=uuid, runtime=0.1)
    shop.now = 700.0
    for uuid in ("ran", "late"):
        shop.happen("task-succeeded", uuid=uuid, runtime=99.0)
    shop.now = NOW

    html = await look(f"/overview?at={AT}")

    assert [row[0] for row in html.rows] == ["ran"]
    assert html.rows[0][-1] == "SUCCESS"
    assert html.one("dl").text.startswith("Workers heard1 Not heard any more0 Running1")


async def test_problems_are_those_that_were_raised_then(shop, minute, look):
    minute(600, {W1: 1})
    shop.now = 500.0
    await shop.judge("mail", title="Mail is stuck", hold_s=0.0)
    before = f"/overview?at={AT}"
    shop.now = NOW

    assert "Mail is stuck: mail" in (await look(before)).text
    html = await look("/overview?at=1970-01-01T00:07:00Z")
    assert "Mail is stuck" not in html.one("main").text


async def test_the_address_names_the_minute_and_leads_on(minute, client, look):
    minute(600, {W1: 1})

    for given in ("-400s", "600", "639.5", "1970-01-01T00:10"):
        answer = await client.get(f"/workers?at={given}&span=24h")
        assert answer.status == 302
        where = "/workers?at=1970-01-01T00%3A10%3A00Z&span=24h"
        assert answer.headers["Location"] == where

    html = await look(f"/workers?at={AT}")
    assert html.links["Queues"] in ("/queues", "/queues?at=1970-01-01T00%3A10%3A00Z")
    places = html.one("nav", aria_label="Pages at this moment").links
    assert places["Queues"] == "/queues?at=1970-01-01T00%3A10%3A00Z"
    jumps = html.one("nav", aria_label="Other moments").links
    assert jumps["-1 min"] == "/workers?at=1970-01-01T00%3A09%3A00Z"
    assert html.links["Back to now"] == "/workers"


@pytest.mark.parametrize("path", ["/overview", "/workers", "/queues"])
async def test_what_was_not_recorded_is_said(look, path):
    html = await look(f"{path}?at={AT}")

    assert "Nothing was recorded then" in html.text
    assert "No worker was heard" not in html.text


async def test_what_was_observed_in_part_is_said(minute, look):
    minute(600, {W1: 1}, observed_ms=20_000)

    html = await look(f"/workers?at={AT}")

    assert "events could arrive for 20 s of 1 min" in html.text


@pytest.mark.parametrize("path", ["/overview", "/workers", "/queues"])
async def test_in_the_past_nothing_is_live_and_nothing_can_be_done(minute, look, path):
    minute(600, {W1: 1}, {"mail": 1})

    html = await look(f"{path}?at={AT}")

    assert html.one("f-live")["data-every"] == ""
    assert html.all("form", method="post") == []
    assert html.one("input", type="range")["value"] == "600"


@pytest.mark.parametrize("at", ["2000", "soon", "nan", "-99999d", "1e99"])
@pytest.mark.parametrize("path", ["/overview", "/workers", "/queues"])
async def test_a_moment_that_is_none_or_is_to_come_is_refused(client, path, at):
    assert (await client.get(f"{path}?at={at}")).status == 400


async def test_where_the_history_cannot_be_read_that_is_said(shop, look):
    async def fail(*_):
        raise Unavailable("The database is away")

    shop.store.series = shop.store.tasks = fail

    html = await look(f"/overview?at={AT}")

    assert "The database is away" in html.text
    assert "Nothing was recorded" not in html.text


async def test_pages_of_the_present_lead_to_the_past(shop, look):
    shop.beat()

    for path in ("/overview", "/workers", "/queues"):
        assert (await look(path)).links["Look back"] == f"{path}?at=-10m"
