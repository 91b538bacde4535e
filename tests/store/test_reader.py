import asyncio
import sqlite3
import time

import pytest

from flower_ng.errors import Unavailable
from flower_ng.store.reading.threads import PEER, Reader

FOR_EVER = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"


@pytest.fixture
def connect(tmp_path):
    sqlite3.connect(tmp_path / "file").execute("CREATE TABLE meta (x)").connection.close()
    return lambda: sqlite3.connect(tmp_path / "file", check_same_thread=False)


async def test_a_query_that_takes_too_long_is_ended_and_says_what_to_do(connect):
    reader = Reader(connect, limit_s=0.2)

    with pytest.raises(Unavailable, match=r"longer than 0\.2 s.*narrow it"):
        await reader.row(FOR_EVER)

    assert await reader.row("SELECT 7") == (7,)
    reader.close()


async def test_a_query_ends_when_its_asker_leaves(connect):
    reader = Reader(connect, limit_s=60)
    askers = [asyncio.create_task(reader.row(FOR_EVER)) for _ in range(4)]
    await asyncio.sleep(0.1)
    for asker in askers:
        asker.cancel()
    started = time.monotonic()

    assert await reader.row("SELECT 7") == (7,)
    assert time.monotonic() - started < 2
    assert all(isinstance(end, asyncio.CancelledError) for end in await ended(askers))
    reader.close()


async def test_a_page_does_not_wait_for_lists(connect):
    reader = Reader(connect, limit_s=60)
    lists = [asyncio.create_task(reader.ask(for_ever, is_list=True)) for _ in range(16)]
    await asyncio.sleep(0)

    assert await reader.row("SELECT 7") == (7,)

    await left(lists)
    reader.close()


async def test_nobody_waits_for_all_that_one_peer_asks(connect):
    reader = Reader(connect, limit_s=60)
    PEER.set("greedy")
    greedy = [asyncio.create_task(reader.row(FOR_EVER)) for _ in range(16)]
    await asyncio.sleep(0)
    PEER.set("other")

    assert await reader.row("SELECT 7") == (7,)

    await left(greedy)
    reader.close()


async def test_the_time_of_a_question_counts_from_its_arrival(connect):
    reader = Reader(connect, limit_s=1)
    began = time.monotonic()

    ends = await ended([asyncio.create_task(reader.row(FOR_EVER)) for _ in range(24)])

    assert {type(end) for end in ends} == {Unavailable}
    assert any("busy with other questions" in end.message for end in ends)
    assert time.monotonic() - began < 5  # else it is 8 s and more
    reader.close()


async def test_what_cannot_be_read_is_unavailable(connect):
    reader = Reader(connect)

    with pytest.raises(Unavailable, match="cannot be read: no such table"):
        await reader.row("SELECT * FROM nowhere")
    assert reader.failing is None
    reader.close()


async def test_damage_of_the_file_is_told_until_something_can_be_read(connect):
    reader = Reader(connect)

    def damaged(_):
        error = sqlite3.DatabaseError("database disk image is malformed")
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error

    with pytest.raises(Unavailable, match="malformed"):
        await reader.ask(damaged)
    assert "malformed" in reader.failing

    await reader.row("SELECT 7")
    assert reader.failing is None
    reader.close()


def for_ever(connection):
    return connection.execute(FOR_EVER).fetchone()


async def left(askers):
    for asker in askers:
        asker.cancel()
    await ended(askers)


def ended(askers):
    return asyncio.gather(*askers, return_exceptions=True)
