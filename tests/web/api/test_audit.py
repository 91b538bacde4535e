"""Who did what is recorded, whatever came of it, and told to admins."""

import asyncio
import contextlib
import json
import logging
import sqlite3
import time

import pytest

from flower_ng.audit_record import AuditEntry
from flower_ng.cli.log_format import JsonFormatter
from flower_ng.errors import NoAnswer, NotSent, Unavailable, Unreadable
from flower_ng.redaction import Redactor
from flower_ng.store import AuditQuery, Limits, Store
from flower_ng.store.audit import page_of
from flower_ng.web.auth.throttle import MOST_BY_PEER
from flower_ng.web.http.audit import MOST_PARAMETERS, NOT_RECORDED, REFUSALS, VALUE_LENGTH
from tests.web.site import basic

from .conftest import WORKER

USERS = ("ann:secret-of-ann", "bob:secret-of-bob")
ANN, BOB = basic(USERS[0]), basic(USERS[1])


@pytest.fixture
def store(cluster, tmp_path):
    """A real store; it keeps entries for a day."""
    limits = Limits(audit_age_s=86_400.0)
    cluster.store = Store(tmp_path / "history", max_tasks=100, limits=limits)
    cluster.store.start()
    yield cluster.store
    cluster.store.stop()


@pytest.fixture
def site(serve, cluster, store):  # noqa: ARG001 - the store is the cluster's
    return serve(cluster=cluster, basic_auth=USERS, roles=("admin:ann", "viewer:bob"))


@pytest.fixture
def quick(serve, cluster):
    """A site of which the entries are in `cluster.recorded`, without a store."""
    return serve(cluster=cluster, basic_auth=USERS, roles=("admin:ann", "viewer:bob"))


async def told(client, query="", who=ANN):
    answer = await client.get(f"/api/audit{query}", Authorization=who)
    assert answer.status == 200, answer.text
    return answer.json


async def test_what_was_done_refused_and_failed_is_told_with_who_and_with_what(site):
    await site.post(f"/api/worker/pool/grow/{WORKER}", {"n": "2"}, Authorization=ANN)
    await site.post("/api/worker/pool/grow/nobody", {"n": "2"}, Authorization=ANN)
    await site.post(f"/do/worker/pool/grow/{WORKER}", {"n": "3"}, Authorization=BOB)
    await site.post(f"/api/worker/pool/grow/{WORKER}", {"n": "4"}, Authorization=basic("eve:x"))
    await site.get("/api/workers", Authorization=basic("eve:guess"))
    body = {"kwargs": {"password": "hunter2", "n": 1}, "queue": "q\x1b"}
    headers = {"Authorization": ANN}
    await site.ask("POST", "/api/task/send-task/shop.add", headers, json.dumps(body))

    page = await told(site)
    seen = [(one["who"], one["action"], one["target"], one["outcome"]) for one in page["entries"]]
    assert seen == [
        ("ann", "task/send-task", "shop.add", "done"),
        ("eve", "login", "", "refused"),
        ("eve", "worker/pool/grow", WORKER, "refused"),
        ("bob", "worker/pool/grow", WORKER, "refused"),
        ("ann", "worker/pool/grow", "nobody", "refused"),
        ("ann", "worker/pool/grow", WORKER, "done"),
    ]
    sent, login, guess, form, missing, grown = page["entries"]
    assert (grown["parameters"], grown["how"], grown["peer"]) == ({"n": "2"}, "basic", "127.0.0.1")
    assert (missing["status"], missing["reason"]) == (404, "Unknown worker 'nobody'")
    assert form["is_form"]
    assert "viewer" in form["reason"]
    assert (guess["status"], login["status"]) == (401, 401)
    assert "hunter2" not in json.dumps(page)
    assert "[redacted]" in sent["parameters"]["kwargs"]
    assert "\\x1b" in sent["parameters"]["queue"]
    assert page["next"] is None


async def test_entries_are_told_page_by_page_and_by_who_and_outcome(site):
    for number in range(1, 6):
        user = (BOB, ANN)[number % 2]
        await site.post(f"/api/worker/pool/grow/{WORKER}", {"n": str(number)}, Authorization=user)
    first = await told(site, "?limit=2")
    second = await told(site, f"?limit=2&before={first['next']}")
    numbers = [one["parameters"]["n"] for one in first["entries"] + second["entries"]]
    assert numbers == ["5", "4", "3", "2"]
    assert len((await told(site, "?who=bob"))["entries"]) == 2
    assert len((await told(site, "?outcome=refused"))["entries"]) == 2
    assert (await site.get("/api/audit?limit=0", Authorization=ANN)).status == 400
    assert (await site.get("/api/audit?outcome=x", Authorization=ANN)).status == 400


async def test_only_admins_are_told(site):
    for path in ("/api/audit", "/audit"):
        assert (await site.get(path, Authorization=BOB)).status == 403
        assert (await site.get(path, Authorization=ANN)).status == 200


async def test_the_page_shows_them(site):
    await site.post("/api/worker/pool/grow/%3Cb%3E", {"n": "2"}, Authorization=ANN)
    page = (await site.get("/audit?who=ann&outcome=refused", Authorization=ANN)).text
    assert "worker/pool/grow" in page
    assert "&lt;b&gt;" in page
    assert "No entries" in (await site.get("/audit?who=nobody", Authorization=ANN)).text


async def test_who_is_refused_all_the_time_does_not_fill_the_record(site):
    for _ in range(REFUSALS + 5):
        await site.post("/api/worker/shutdown/w1@box", Authorization=BOB)
    entries = (await told(site, "?limit=500"))["entries"]
    assert [one["who"] for one in entries] == ["bob"] * REFUSALS


async def test_passwords_that_are_not_compared_any_more_are_recorded(quick, cluster):
    for number in range(MOST_BY_PEER + 2):
        await quick.get("/api/workers", Authorization=basic(f"eve:{number}"))
    path = f"/api/worker/pool/grow/{WORKER}"
    assert (await quick.post(path, {"n": "2"}, Authorization=ANN)).status == 429
    recorded = [(one.who, one.action, one.status) for one in cluster.recorded]

    assert recorded[-3:] == [("eve", "login", 429)] * 2 + [("ann", "worker/pool/grow", 429)]


async def test_what_was_done_after_its_client_left_is_recorded_as_done(quick, cluster):
    may_end = asyncio.Event()

    async def grown():
        await may_end.wait()
        return "grown"

    cluster.control.answers["command"] = grown
    reader, writer = await asyncio.open_connection("127.0.0.1", quick.port)
    path = f"/api/worker/pool/grow/{WORKER}?n=2"
    head = f"POST {path} HTTP/1.1\r\nHost: {quick.host}\r\nAuthorization: {ANN}"
    writer.write(f"{head}\r\nContent-Length: 0\r\n\r\n".encode())
    while not cluster.control.calls:  # noqa: ASYNC110 - a list tells nobody
        await asyncio.sleep(0.01)
    writer.write_eof()
    assert await reader.read() == b""  # the server has closed it too
    may_end.set()
    while not cluster.recorded:  # noqa: ASYNC110 - a list tells nobody
        await asyncio.sleep(0.01)
    writer.close()

    assert [one.outcome for one in cluster.recorded] == ["done"]


@pytest.mark.parametrize(
    ("error", "outcome", "status"),
    [
        (Unavailable("No broker. Nothing was sent"), "failed", 503),
        (NotSent("No answer. The command was not sent"), "failed", 504),
        (NoAnswer("It may still be carried out"), "uncertain", 504),
        (Unreadable("It answered in pickle"), "uncertain", 502),
        (RuntimeError("a bug"), "failed", 500),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
async def test_what_failed_is_told_from_what_may_have_been_done(
    quick, cluster, error, outcome, status
):
    cluster.control.answers["command"] = error
    path = f"/api/worker/pool/grow/{WORKER}"
    answer = await quick.post(path, {"n": "2"}, Authorization=ANN)

    (entry,) = cluster.recorded
    assert (answer.status, entry.status, entry.outcome) == (status, status, outcome)
    assert entry.reason == (error.message if status != 500 else "Internal Server Error")
    assert (entry.who, entry.parameters) == ("ann", {"n": "2"})


@pytest.mark.parametrize("path", ["async-apply/shop.add", "send-task/shop.add", "rerun/u1"])
async def test_a_value_under_a_name_that_no_option_has_is_not_recorded(quick, cluster, path):
    body = {"args": "no array", "queue": "slow", "bogus": "hunter2", "countdown": 3}
    for who in (ANN, BOB):
        await quick.ask("POST", f"/api/task/{path}", {"Authorization": who}, json.dumps(body))

    for entry in cluster.recorded:
        assert entry.outcome == "refused"
        assert entry.parameters == {
            "args": "no array", "queue": "slow", "bogus": NOT_RECORDED, "countdown": "3"
        }  # fmt: skip
    assert len(cluster.recorded) == 2


async def test_of_much_that_is_sent_the_beginning_is_recorded_and_no_secret(quick, cluster):
    path, name = "/api/task/send-task/shop.add", "hunter2"
    body = {
        "kwargs": {"long": "x" * 5_000, "password": name * 1_000, "more": [{"token": name}] * 9_000}
    }
    await quick.ask("POST", path, {"Authorization": BOB}, json.dumps(body))
    await quick.ask("POST", path, {"Authorization": BOB}, json.dumps({"args": ["y" * 500_000]}))
    fields = {f"field {number}": "z" * 2_000 for number in range(100)}
    await quick.post(f"/api/worker/pool/grow/{WORKER}", fields, Authorization=BOB)
    long, large, form = (one.parameters for one in cluster.recorded)

    assert name not in str(long)
    assert 0 < len(long["kwargs"]) <= VALUE_LENGTH
    assert large == {"body": "500,014 bytes, too many to be recorded"}
    assert len(form) == MOST_PARAMETERS
    assert form["field 0"].startswith("zzz")
    assert "(2000 characters)" in form["field 0"]


async def test_an_entry_is_a_line_of_the_log_for_programs(site, caplog):
    caplog.set_level(logging.INFO, "flower_ng.web.http.base")
    await site.post(f"/api/worker/pool/grow/{WORKER}", {"n": "2"}, Authorization=ANN)
    record = next(one for one in caplog.records if hasattr(one, "fields"))
    line = json.loads(JsonFormatter(Redactor()).format(record))
    assert (line["audit"]["who"], line["audit"]["parameters"]) == ("ann", {"n": "2"})
    assert line["message"] == f"/api/worker/pool/grow/{WORKER} by ann from 127.0.0.1: done"


async def test_entries_outlast_a_restart_and_go_when_they_are_old(site, store):
    await site.post(f"/api/worker/pool/grow/{WORKER}", {"n": "2"}, Authorization=ANN)
    store.stop()
    store.start()
    (kept,) = (await told(site))["entries"]
    store.record(_later(kept, 2 * 86_400.0))
    entries = (await told(site))["entries"]
    assert [one["at"] for one in entries] == [kept["at"] + 2 * 86_400.0]


def _later(kept, seconds):
    from msgspec import convert  # noqa: PLC0415 - of this one test

    from flower_ng.audit_record import AuditEntry  # noqa: PLC0415

    return convert({**kept, "at": kept["at"] + seconds}, AuditEntry)


async def test_a_search_that_took_long_enough_tells_where_to_go_on(store, tmp_path):
    for number in range(5):
        entry = AuditEntry(time.time(), "bob" if number else "ann", "basic", "127.0.0.1", "login")
        store.record(entry)
    assert len((await store.audit(AuditQuery())).entries) == 5

    with contextlib.closing(sqlite3.connect(tmp_path / "history.sqlite3")) as connection:
        first = page_of(AuditQuery(who="ann"), 3)(connection)
        second = page_of(AuditQuery(who="ann", before=first.next), 3)(connection)
    assert (first.entries, bool(first.next)) == ((), True)
    assert [one.who for one in second.entries] == ["ann"]
