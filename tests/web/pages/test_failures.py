"""The list of failures by kind, the page of one, and what is done about it."""

import re
from urllib.parse import urlencode

import pytest

from flower_ng.errors import Unavailable
from flower_ng.hook import Hook
from flower_ng.store.sql.kinds import digest_of
from flower_ng.web.routes import PAGES
from flower_ng.web.ui.charts import WIDTH
from tests.web.pages.shop import NOW, W1
from tests.web.site import OPEN_API, basic

TRACE = 'Traceback:\n  File "/srv/pay.py", line 3\n  File "/x/lib/python3/y.py", line 4\nOrder: 1'
ORDERS = digest_of("shop.pay", "ValueError", "Order {n} is void")


@pytest.fixture
def client(serve, shop):
    return serve(cluster=shop, environ=OPEN_API)


@pytest.fixture
def fail(shop):
    """Let a task fail, of an order."""

    def happen(number, at=NOW, uuid=None, **fields):
        shop.now = at
        told = {"exception": f"ValueError('Order {number} is void')", "traceback": TRACE}
        shop.task(uuid or f"task-{number}", ends="task-failed", **{**told, **fields})
        shop.now = NOW

    return happen


async def failures(client, **query):
    answer = await client.get(f"/api/failures?{urlencode(query)}")
    assert answer.status == 200, answer.text
    return answer.json


async def test_failures_that_differ_in_their_numbers_are_of_one_kind(fail, client, look):
    fail(17, at=900.0)
    fail(18, at=950.0, hostname="w2@box")
    fail(1, at=920.0, exception="KeyError('x')")

    told = await failures(client)
    html = await look("/failures")

    assert [one["exception"] for one in told["failures"]] == ["ValueError", "KeyError"]
    first = told["failures"][0]
    assert (first["digest"], first["words"]) == (ORDERS, "Order {n} is void")
    assert (first["count"], first["first"], first["last"]) == (2, 900.0, 950.0)
    assert (first["workers"], first["newest"]) == ({W1: 1, "w2@box": 1}, ["task-18", "task-17"])
    assert (sum(first["trend"]), first["state"]) == (2, "open")
    assert [row[2] for row in html.rows] == ["2", "1"]
    assert html.links["ValueError"] == f"/failures/{ORDERS}"


async def test_what_the_history_does_not_reach_is_no_zero_in_the_chart(fail, client):
    fail(17, at=100.0)

    page = (await client.get(f"/failures/{ORDERS}")).text

    width = re.search(r'<rect class="hole" x="0.0" width="(.+?)"', page)
    assert width
    assert float(width[1]) == pytest.approx(100 / 1020 * WIDTH, abs=0.1)


async def test_the_page_of_a_kind_shows_where_and_an_example(shop, fail, look):
    shop.beat(sw_ver="5.6.0")
    fail(17, at=900.0)

    html = await look(f"/failures/{ORDERS}")

    assert html.one("h1").text == "ValueError"
    assert "Order {n} is void" in html.text
    assert "1 library call" in html.text
    assert html.rows[0][:3] == ["task-17", "ValueError('Order 17 is void')", W1]
    assert f"{W1} 1 5.6.0" in html.text
    (again,) = html.all("form", action="/do/batches/rerun")
    assert again.one("input", name="all")["value"] == "true"


async def test_the_search_of_a_kind_finds_its_tasks(fail, client):
    fail(17)
    fail(18)
    fail(1, exception="ValueError('another')")

    (_, kind) = sorted((await failures(client))["failures"], key=lambda one: one["count"])
    found = (await client.get("/api/tasks/page?" + urlencode({"search": kind["search"]}))).json

    assert sorted(one["uuid"] for one in found["tasks"]) == ["task-17", "task-18"]


async def test_all_of_a_kind_are_reviewed_to_be_run_again(fail, client):
    fail(17)
    fail(18)
    (kind,) = (await failures(client))["failures"]

    answer = await client.post(
        "/api/batches/rerun", {"all": "true", "search": kind["search"], "dry_run": "1"}
    )

    assert answer.json["count"] == 2, answer.text


async def test_what_is_resolved_is_listed_apart_until_it_comes_again(fail, client, look):
    fail(17, at=900.0)
    path = f"/api/failures/resolve/{ORDERS}"

    assert (await client.post(path)).status == 400
    assert (await client.post(path, {"reason": "fixed in 2.1"})).json["standing"] == "resolved"

    assert (await failures(client))["failures"] == []
    (one,) = (await failures(client, state="resolved"))["failures"]
    assert one["handled"]["reason"] == "fixed in 2.1"
    assert "No open failures in the last hour" in (await look("/failures")).text

    fail(18, at=960.0)

    (one,) = (await failures(client))["failures"]
    assert one["state"] == "came again"
    assert "It failed again since then" in (await look(f"/failures/{ORDERS}")).text

    assert (await client.post(f"/api/failures/reopen/{ORDERS}")).status == 200
    assert (await client.post(f"/api/failures/reopen/{ORDERS}")).status == 409
    assert (await failures(client))["failures"][0]["state"] == "open"


async def test_somebody_looks_into_it_and_says_what_is_known(fail, client, look):
    fail(17)

    form = {"assignee": "ann", "note": "the bank's\nfault"}
    answer = await client.post(f"/do/failures/note/{ORDERS}", form)

    assert answer.status == 303
    assert "ann looks into it" in (await look("/failures")).text
    assert "the bank's" in (await look(f"/failures/{ORDERS}")).text


async def test_a_muted_kind_is_left_out_for_a_while(fail, client):
    fail(17)
    path = f"/api/failures/mute/{ORDERS}"

    assert (await client.post(path, {"reason": "known", "for": "60"})).status == 200

    assert (await failures(client))["failures"] == []
    (one,) = (await failures(client, state="muted"))["failures"]
    assert one["handled"]["muted_until"] == NOW + 60
    assert (await client.post(f"/api/failures/unmute/{ORDERS}")).status == 200
    assert (await client.post(f"/api/failures/unmute/{ORDERS}")).status == 409
    assert len((await failures(client))["failures"]) == 1


async def test_it_is_new_where_the_history_reaches_back_before_the_start_of_a_worker(
    shop, fail, client, look
):
    shop.now = 500.0
    shop.task("old")
    fail(1, at=510.0, exception="KeyError('old')")
    shop.beat(pid=1)
    shop.now = 800.0
    shop.happen("worker-online", pid=2)
    fail(17, at=900.0)
    fail(2, at=910.0, exception="KeyError('old')")
    shop.store.flush()

    told = await failures(client)

    assert told["deploy"]["at"] == 800.0
    assert {one["exception"]: one["is_new"] for one in told["failures"]} == {
        "ValueError": True,
        "KeyError": False,
    }
    assert (await look("/failures")).text.count("New since the last start of workers") == 1


async def test_without_an_older_history_nothing_is_called_new(shop, fail, client, look):
    shop.now = 800.0
    shop.happen("worker-online", pid=2)
    fail(17, at=900.0)

    assert [one["is_new"] for one in (await failures(client))["failures"]] == [False]
    assert "The history does not reach back before it" in (await look("/failures")).text


async def test_the_words_are_as_format_task_shows_them(shop, fail, client, look):
    def hidden(task):
        task.exception = "ValueError('hidden')"
        task.traceback = "none"
        return task

    fail("of secret", uuid="5eed")
    (one,) = (await failures(client))["failures"]
    shop.format_task = Hook(hidden)

    for path in ("/failures", f"/failures/{one['digest']}"):
        html = await look(path)
        assert "hidden" in html.text
        assert "secret" not in html.text
    assert (await failures(client))["failures"][0]["words"] == "hidden"


@pytest.mark.parametrize(
    ("path", "query", "words"),
    [
        ("/api/failures", {"span": "2h"}, "span must be one of 1h, 24h, 7d, not '2h'"),
        ("/api/failures", {"state": "x"}, "state must be one of open, resolved, muted, all"),
        ("/api/failures", {"limit": "0"}, "limit must be from 1 to 500, not 0"),
    ],
)
async def test_what_cannot_be_meant_is_refused(client, path, query, words):
    answer = await client.get(f"{path}?{urlencode(query)}")

    assert answer.status == 400
    assert words in answer.text


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("mute", {"reason": "x", "for": "0"}, "for must be a number of seconds from 1"),
        ("mute", {"reason": "x", "for": "nan"}, "Invalid argument 'nan'"),
        ("mute", {"for": "60"}, "reason is missing"),
        ("note", {"note": "x" * 2001}, "note must have at most 2,000 characters, not 2,001"),
    ],
)
async def test_what_cannot_be_done_is_refused(fail, client, name, given, words):
    fail(17)

    answer = await client.post(f"/api/failures/{name}/{ORDERS}", given)

    assert answer.status == 400
    assert words in answer.text


async def test_a_kind_that_is_not_known_is_not_found(client, look):
    for path in ("/api/failures/0123", "/api/failures/%00"):
        assert (await client.get(path)).status == 404
    assert (await client.post("/api/failures/resolve/0123", {"reason": "x"})).status == 404
    await look("/failures/0123", status=404)


async def test_who_may_only_look_sees_and_can_do_nothing(shop, fail, serve):
    fail(17)
    shop.store.flush()
    roles = {"basic_auth": ("vera:secret",), "roles": ("viewer:vera",)}
    client = serve(cluster=shop, **roles)
    vera = {"Authorization": basic("vera:secret")}

    seen = await client.ask("GET", f"/failures/{ORDERS}", vera)
    done = await client.ask("POST", f"/api/failures/resolve/{ORDERS}?reason=x", vera)

    assert seen.status == 200
    assert done.status == 403


async def test_where_the_history_cannot_be_read_nothing_is_called_well(shop, look):
    async def fail_to(*_):
        raise Unavailable("The database is away")

    shop.store.failure_kinds = fail_to

    html = await look("/failures")

    assert "Failures are unknown" in html.text
    assert "The database is away" in html.text


async def test_of_too_many_failures_counts_are_minimums(fail, client, look, monkeypatch):
    monkeypatch.setattr("flower_ng.store.sql.kinds.MOST", 2)
    for number in range(3):
        fail(number, at=900.0 + number)

    told = await failures(client)

    assert (told["looked"], told["since"], told["is_least"]) == (2, 901.0, True)
    assert told["failures"][0]["count"] == 2
    assert "Only the newest 2 failures are looked at" in (await look("/failures")).text
    assert "≥ 2" in (await look(f"/failures/{ORDERS}")).text


def test_the_pages_are_there():
    assert {"FailuresPage", "FailurePage"} <= {page.__name__ for page in PAGES}
