"""The doctor's page, its button and its API."""

import asyncio

import pytest

from flower_ng.doctor import Doctor, Report
from flower_ng.doctor.survey import ServerReply
from tests.doctor.making import broker, survey, worker
from tests.web.pages.shop import NOW
from tests.web.site import OPEN_API

LOOK_AGAIN = "Check broker, result backend and workers again"
W1, W2 = "w1@box", "w2@box"


async def test_before_the_first_look_one_is_begun_and_nothing_is_called_well(shop, look):
    html = await look("/doctor")

    assert "Checking…" in html.text
    assert "All good" not in html.text
    assert (await shop.doctor.look()).checks


async def test_a_report_says_what_of_whom_and_what_changes_it(shop, look):
    shop.examined = survey(workers=(worker(W1), worker(W2, celery="5.5.0")))
    await shop.doctor.look()

    html = await look("/doctor")

    assert "All good" in html.text
    assert html.links[W2] == f"/worker/{W2}"
    assert "5.5.0, here 5.7.0" in html.text


async def test_what_is_broken_is_first_in_its_area_and_in_the_verdict(shop, look):
    away = broker(reached=ServerReply("redis://box", why="Connection refused"))
    shop.examined = survey(broker=away, workers=())
    await shop.doctor.look()

    html = await look("/doctor")

    assert html.one("strong", data_state="broken").text == "Something is broken"
    assert html.all("span", data_state="broken")[0].text == "broken"
    assert "broker_url, or -b URL" in html.text


async def test_more_workers_than_are_named_are_counted(shop, look):
    shop.examined = survey(workers=tuple(worker(f"w{n}@box") for n in range(5)))
    await shop.doctor.look()

    assert "and 2 more" in (await look("/doctor")).text


async def test_the_button_looks_again_and_says_what_came_of_it(shop, serve):
    client = serve(cluster=shop, environ=OPEN_API)

    answer = await client.post("/do/doctor", {})

    assert answer.status == 303
    assert shop.doctor.report is not None


async def test_the_api_answers_with_a_new_report_when_asked(shop, serve):
    client = serve(cluster=shop, environ=OPEN_API)
    first = (await client.get("/api/doctor")).json
    shop.examined = survey(workers=())

    kept = (await client.get("/api/doctor")).json
    new = (await client.get("/api/doctor?refresh=1")).json

    assert (first["code"], kept, new["code"]) == (0, first, 2)


@pytest.fixture
async def slow(shop):
    """A doctor who looks until the test ends."""
    done = asyncio.Event()

    async def slowly():
        await done.wait()
        return shop.examined

    shop.doctor = Doctor(slowly)
    yield shop.doctor
    done.set()
    await shop.doctor.look()


async def test_a_look_that_takes_long_holds_up_nobody(look, slow):
    html = await look("/doctor")

    assert "Checking…" in html.text
    assert slow.is_looking
    assert html.one("button", title=LOOK_AGAIN)["disabled"] is not None


async def test_an_old_report_is_shown_while_the_doctor_looks_again(look, slow):
    slow.report = Report(at=0.0, took_s=1.0, checks=())

    html = await look("/doctor")

    assert "checking again" in html.text
    assert slow.is_looking


async def test_a_young_report_is_looked_at_and_nothing_else(look, slow):
    slow.report = Report(at=NOW - 1, took_s=1.0, checks=())

    html = await look("/doctor")

    assert "checking again" not in html.text
    assert not slow.is_looking
