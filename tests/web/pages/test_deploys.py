"""Deploys that are told and guessed, and what changed since one."""

from urllib.parse import urlencode

import pytest

from flower_ng.store.rollups.tallies import Coverage
from tests.web.pages.shop import NOW
from tests.web.site import OPEN_API, basic

TOLD = {"name": "shop", "version": "2.4.1", "link": "https://ci.example/42"}
DEPLOYED = 780.0


@pytest.fixture
def shop(shop):
    """Observed from the first minute on, as far as the numbers over time know."""
    for start in range(0, int(NOW), 60):
        shop.store.rollups.minutes.cover(start, Coverage(60_000))
    return shop


@pytest.fixture
def client(serve, shop):
    return serve(cluster=shop, environ=OPEN_API)


@pytest.fixture
def run(shop):
    """Let tasks of one type run at a time, each for so long; the first ones fail."""

    def happen(name, at, count, runtime=0.1, failed=0):
        for number in range(count):
            shop.now = at + number / 1000
            is_failed = number < failed
            more = {"exception": "E('x')"} if is_failed else {"runtime": runtime}
            ends = "task-failed" if is_failed else "task-succeeded"
            shop.task(f"{name}-{at}-{number}", name, ends, **more)
        shop.now = NOW

    return happen


async def told(client, **more):
    answer = await client.post("/api/deploys", {**TOLD, **more})
    assert answer.status == 200, answer.text
    return answer.json


async def changes(client, since=DEPLOYED, **query):
    answer = await client.get(f"/api/deploys/changes?{urlencode({'since': since, **query})}")
    assert answer.status == 200, answer.text
    return answer.json


async def test_a_deploy_that_is_told_is_listed_and_marked_on_charts(client, look):
    one = await told(client)

    (listed,) = (await client.get("/api/deploys")).json["deploys"]
    html = await look("/deploys")

    assert one.pop("message") == "shop 2.4.1 is noted"
    assert one == listed
    assert (listed["name"], listed["version"], listed["is_told"]) == ("shop", "2.4.1", True)
    assert "What changed since shop 2.4.1" in html.text
    assert html.links["https://ci.example/42"] == "https://ci.example/42"


async def test_charts_tell_what_was_told_from_what_is_a_guess(shop, run, client, look):
    run("shop.pay", 900.0, 1)
    shop.now = 950.0
    shop.happen("worker-online", "w2@box", pid=2)
    shop.now = NOW - 20
    await told(client)

    html = await look("/overview")

    assert "Upright lines (dashed: a guess): w2@box started, possibly a deploy" in html.text
    assert "shop 2.4.1 deployed" in html.text
    assert (await client.get("/overview")).text.count('class="mark told"') == 4
    assert html.links["What changed since"] == "/deploys"


async def test_json_tells_one_too_and_the_same_within_a_minute_is_one(shop, client):
    first = await told(client)
    shop.now = NOW + 30
    answer = await client.ask("POST", "/api/deploys", body=b'{"name": "shop", "version": "2.4.1"}')
    other = await told(client, version="2.4.2")

    assert answer.json["message"] == "shop 2.4.1 was told already"
    assert answer.json["id"] == first["id"] != other["id"]
    listed = (await client.get("/api/deploys")).json["deploys"]
    assert {one["version"] for one in listed} == {"2.4.1", "2.4.2"}


async def test_a_guess_says_with_which_celery_the_workers_started(shop, client, look):
    for name, version in (("w1@box", "5.6.0"), ("w2@box", "5.5.0"), ("w3@box", None)):
        shop.happen("worker-online", name, pid=2, sw_ver=version)

    (guess,) = (await client.get("/api/deploys")).json["deploys"]

    assert (guess["is_told"], guess["version"]) == (False, "5.5.0, 5.6.0")
    assert "Celery 5.5.0, 5.6.0" in (await look("/deploys")).text


async def test_one_that_was_told_by_mistake_is_removed(client):
    one = await told(client)

    assert (await client.post(f"/api/deploys/remove/{one['id']}")).status == 200
    assert (await client.post(f"/api/deploys/remove/{one['id']}")).status == 404
    assert (await client.get("/api/deploys")).json["deploys"] == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": ""}, "name is missing"),
        ({"name": "x" * 201}, "name must have at most 200 characters, not 201"),
        ({"version": "1\n2"}, "version must be one line of printable characters"),
        ({"link": "javascript:alert(1)"}, "link must be an address that begins with https://"),
        ({"link": "https://["}, "link must be an address that begins with https://"),
    ],
)
async def test_what_cannot_be_meant_is_refused(client, given, words):
    answer = await client.post("/api/deploys", TOLD | given)

    assert answer.status == 400
    assert words in answer.text


@pytest.mark.parametrize("body", [b'{"name": 5}', b'{"name": "a", "when": 1}', b"[1]", b"{"])
async def test_json_that_cannot_be_meant_is_refused(client, body):
    assert (await client.ask("POST", "/api/deploys", body=body)).status == 400


async def test_secrets_in_a_link_are_hidden(client):
    one = await told(client, link="https://me:hunter2@ci.example/1?token=hunter2")

    assert "hunter2" not in one["link"]


async def test_who_may_only_look_sees_deploys_and_tells_of_none(shop, serve):
    client = serve(cluster=shop, basic_auth=("vera:secret",), roles=("viewer:vera",))
    vera = {"Authorization": basic("vera:secret")}

    assert (await client.ask("GET", "/api/deploys", vera)).status == 200
    assert (await client.ask("POST", "/api/deploys?name=x", vera)).status == 403
    assert (await client.ask("GET", "/deploys", vera)).status == 200


async def test_types_that_got_slower_or_fail_more_often_are_told(run, client, look):
    for name in ("shop.slower", "shop.worse", "shop.same"):
        run(name, 600.0, 40, failed=2)
    run("shop.slower", 840.0, 40, runtime=0.5, failed=2)
    run("shop.worse", 840.0, 40, failed=20)
    run("shop.same", 840.0, 40, failed=3)
    run("shop.few", 840.0, 5, runtime=9.0)

    found = await changes(client)
    html = await look(f"/deploys?since={DEPLOYED}")

    assert {one["name"]: one["is_new"] for one in found["types"]} == {
        "shop.slower": False,
        "shop.worse": False,
        "shop.few": True,
    }
    by_name = {one["name"]: one for one in found["types"]}
    assert by_name["shop.worse"]["failed"] == {"before": 0.05, "after": 0.5, "is_moved": True}
    assert by_name["shop.slower"]["p95"]["after"] == pytest.approx(0.5, rel=0.02)
    assert not by_name["shop.slower"]["failed"]["is_moved"]
    assert found["unchanged"] == 1
    assert [row[0] for row in html.rows[:2]] == ["shop.slower", "shop.worse"]
    assert "What changed may have another cause" in html.text


async def test_a_type_that_ran_before_both_spans_is_not_new(run, client):
    run("shop.seldom", 620.0, 1)
    run("shop.seldom", 910.0, 1)

    found = await changes(client, since=900.0)

    assert found["before"]["start"] > 660
    assert found["types"] == []


async def test_of_what_was_not_observed_no_type_is_called_new(shop, run, client, look):
    shop.store.rollups.minutes.cover(600, Coverage(-40_000))
    run("shop.few", 840.0, 5)

    found = await changes(client)

    assert found["before"]["is_whole"] is False
    assert found["types"] == []
    assert found["too_few"] == 1
    assert "Not all of it was observed" in (await look(f"/deploys?since={DEPLOYED}")).text


async def test_failures_that_were_first_seen_since_are_told(shop, run, client, look):
    run("shop.pay", 600.0, 1, failed=1)
    run("shop.pay", 840.0, 1, failed=1)
    shop.now = 850.0
    shop.task("new-1", "shop.pay", "task-failed", exception="KeyError('new')")
    shop.now = NOW
    shop.store.flush()

    found = await changes(client)

    assert found["has_earlier_failures"]
    assert [one["exception"] for one in found["new_failures"]] == ["KeyError"]
    assert "KeyError" in (await look(f"/deploys?since={DEPLOYED}")).text


async def test_without_a_deploy_there_is_nothing_to_compare_with(client, look):
    html = await look("/deploys")

    assert "No deploy is known" in html.text
    assert (await client.get("/api/deploys/changes")).status == 404


@pytest.mark.parametrize("since", ["tomorrow", "2000", "nan", "soon"])
async def test_a_moment_that_is_none_or_is_to_come_is_refused(client, since):
    assert (await client.get(f"/api/deploys/changes?since={since}")).status == 400
    assert (await client.get(f"/deploys?since={since}")).status == 400
