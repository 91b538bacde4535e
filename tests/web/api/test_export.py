import asyncio
import csv
import io
import json
import re
from dataclasses import replace

import msgspec
import pytest

from flower_ng.changes import Change
from flower_ng.errors import Unavailable
from flower_ng.event_record import Event
from flower_ng.records import Task, Worker
from flower_ng.store import Store

from .conftest import WORKER


@pytest.fixture
def store(cluster):
    """A real store; what is written into it comes from no broker."""
    cluster.store = Store(None, max_tasks=100_000, clock=lambda: 1000.0)
    cluster.store.start()
    cluster.format_task = lambda row: msgspec.structs.replace(row, args="hidden")
    yield cluster.store
    cluster.store.stop()


def see(store, *tasks):
    for task in tasks:
        event = Event("task-received", WORKER, task.timestamp, uuid=task.uuid)
        store.observe(Change(event, task, task.worker))


def many(count, **fields):
    worker = Worker(WORKER)
    return [
        Task(f"id{n:05}", "shop.add", "SUCCESS", received=float(n), timestamp=float(n),
             worker=worker, **fields)
        for n in range(count)
    ]  # fmt: skip


def table(answer):
    return list(csv.DictReader(io.StringIO(answer.text)))


def lines(answer):
    return [json.loads(line) for line in answer.text.splitlines()]


async def test_a_csv_file_has_a_head_and_a_line_for_each_task(client, store):
    see(store, *many(2500))

    answer = await client.get("/api/tasks/export")

    assert answer.type == "text/csv; charset=UTF-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="tasks.csv"'
    assert answer.text.startswith("uuid,name,state,received,")
    assert [row["uuid"] for row in table(answer)] == [f"id{n:05}" for n in reversed(range(2500))]


@pytest.mark.usefixtures("store")
async def test_no_tasks_are_a_head_or_nothing(client):
    assert (await client.get("/api/tasks/export")).text.count("\r\n") == 1
    assert (await client.get("/api/tasks/export", format="ndjson")).text == ""


async def test_csv_writes_times_in_utc_and_nothing_for_what_is_unknown(client, store):
    see(store, Task("a", received=1.5, timestamp=1763712345.25, retries=3))

    (row,) = table(await client.get("/api/tasks/export"))

    assert (row["received"], row["timestamp"]) == (
        "1970-01-01T00:00:01.500Z",
        "2025-11-21T08:05:45.250Z",
    )
    assert (row["retries"], row["result"], row["children"]) == ("3", "", "[]")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
async def test_no_cell_begins_a_formula(client, store, start):
    see(store, Task("a", args=f"{start}cmd|' /C calc'!A0", timestamp=1.0))

    (row,) = table(await client.get("/api/tasks/export"))

    assert row["args"] == f"'{start}cmd|' /C calc'!A0"


async def test_ndjson_has_each_task_as_its_record_with_the_queue(client, store):
    see(store, Task("a", args="x\ny", queue="mail", timestamp=1.0), Task("b", timestamp=2.0))

    answer = await client.get("/api/tasks/export", format="ndjson")

    assert answer.type == "application/x-ndjson; charset=UTF-8"
    assert [one["uuid"] for one in lines(answer)] == ["b", "a"]
    record = lines(answer)[1]
    assert len(record) == 33
    assert (record["args"], record["queue"], record["worker"]) == ("x\ny", "mail", None)


async def test_a_file_has_what_is_asked_for_in_its_order(client, store):
    tasks = many(50)
    for number in range(0, 50, 2):
        tasks[number] = msgspec.structs.replace(tasks[number], state="FAILURE", queue="mail")
    see(store, *tasks)

    for asked in (
        {"search": "state:failure"},
        {"state": "failure", "name": "shop.add", "worker": WORKER},
        {"queue": "mail", "taskname": "SHOP.add", "workername": WORKER},
    ):
        answer = await client.get("/api/tasks/export", format="ndjson", sort="received", **asked)
        assert [one["uuid"] for one in lines(answer)] == [f"id{n:05}" for n in range(0, 50, 2)]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"format": "xml"}, "Invalid format 'xml', expected one of csv, ndjson"),
        ({"sort": "traceback"}, "Invalid sort 'traceback', expected one of name, "),
        ({"search": '"'}, "Unterminated quoted phrase at position 0."),
        ({"received_start": "soon"}, "Invalid received_start or received_end"),
    ],
)
async def test_what_cannot_be_meant_is_said(client, arguments, words):
    answer = await client.get("/api/tasks/export", **arguments)

    assert (answer.status, answer.text[: len(words)]) == (400, words)


async def test_the_chosen_tasks_alone_are_in_the_file_of_the_page(serve, cluster, store):
    see(store, *many(1200))
    chosen = [f"id{n:05}" for n in range(0, 1200, 2)]
    form = [*(("ids", uuid) for uuid in chosen), ("ids", "unknown"), ("format", "ndjson")]

    some = await serve(cluster=cluster).post("/tasks/export", form)
    every = await serve(cluster=cluster).post("/tasks/export", [*form, ("all", "1")])

    assert sorted(one["uuid"] for one in lines(some)) == chosen
    assert len(lines(every)) == 1200


async def test_the_file_of_the_page_has_tasks_as_pages_show_them(serve, cluster, store):
    see(store, Task("a", args="secret", timestamp=1.0))

    answer = await serve(cluster=cluster).get("/tasks/export?format=ndjson")

    assert [one["args"] for one in lines(answer)] == ["hidden"]


async def test_a_file_that_cannot_be_read_to_its_end_is_seen_to_be_cut(client, store, cluster):
    see(store, *many(2500))
    whole = store.stream

    async def broken(query):
        async for rows in whole(replace(query, limit=1500)):
            yield rows
        raise Unavailable("The disk is gone")

    cluster.store.stream = broken

    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(b"GET /api/tasks/export HTTP/1.1\r\nHost: x\r\n\r\n")
    sent = await reader.read()
    writer.close()

    assert b"id02000" in sent
    assert not sent.endswith(b"0\r\n\r\n")


async def test_an_export_ends_quietly_when_the_client_leaves(client, store, caplog):
    see(store, *many(20_000, args="x" * 1000))
    reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(b"GET /api/tasks/export HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.read(1000)

    writer.close()
    await asyncio.sleep(0.5)

    assert not re.search("Error|Traceback", caplog.text)


async def test_other_requests_get_through_beside_an_export(client, store):
    see(store, *many(20_000))
    large = asyncio.ensure_future(client.get("/api/tasks/export"))
    await asyncio.sleep(0.1)

    other = await client.get("/api/task/types")

    assert other.status == 200
    assert not large.done()
    assert len(table(await large)) == 20_000
