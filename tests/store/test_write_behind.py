import asyncio
import sqlite3
from contextlib import closing

import pytest

from flower_ng.store.writing.write_behind import Records, WriteBehind
from tests.store.rollups.making import Thread


class Ledger:
    """Records that are written behind, to a table of keys and values."""

    def __init__(self, connection):
        connection.execute("CREATE TABLE kept (key PRIMARY KEY, value)")
        self.connection = connection
        self.thread = Thread(connection)
        self.records = Records()
        self.given_up = []
        self.behind = WriteBehind(
            "records",
            take=self.records.take,
            write=self.write,
            put_back=self.records.put_back,
            give_up=lambda lot, _: self.given_up.append(lot),
        )
        self.behind.open(self.thread)

    def put(self, key, value):
        self.records.put(key, value)
        self.behind.start()

    def write(self, connection, lot):
        connection.executemany("REPLACE INTO kept VALUES (?, ?)", lot.items())

    @property
    def kept(self):
        return dict(self.connection.execute("SELECT key, value FROM kept"))


@pytest.fixture
def ledger():
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        yield Ledger(connection)


def test_what_comes_while_a_lot_is_under_way_is_the_next_one(ledger):
    ledger.thread.hold = True
    for key in ("a", "b", "c"):
        ledger.put(key, 1)
    ledger.thread.release()
    assert ledger.kept == {"a": 1}

    ledger.thread.hold = False
    ledger.behind.flush()

    assert ledger.kept == {"a": 1, "b": 1, "c": 1}


def test_what_cannot_be_written_now_is_written_with_what_comes_next(ledger, caplog):
    ledger.thread.error = sqlite3.OperationalError("disk full")
    ledger.put("a", 1)
    ledger.put("b", 1)
    ledger.put("a", 2)
    assert ledger.behind.failing == "disk full"
    assert [record.message for record in caplog.records] == [
        "The records could not be written: disk full"
    ]

    ledger.thread.error = None
    ledger.behind.flush()

    assert ledger.kept == {"a": 2, "b": 1}
    assert ledger.behind.failing is None


def test_what_can_never_be_written_holds_up_nothing(ledger):
    ledger.thread.error = sqlite3.DataError("too big")
    ledger.put("a", 1)
    ledger.behind.flush()
    ledger.thread.error = None
    ledger.put("b", 1)
    ledger.behind.flush()

    assert (ledger.kept, ledger.given_up) == ({"b": 1}, [{"a": 1}])


async def test_a_reader_waits_for_what_was_there_before_it(ledger):
    ledger.thread.hold = True
    ledger.put("a", 1)
    ledger.put("b", 1)
    reader = asyncio.create_task(ledger.behind.settled())
    for written in ({"a": 1}, {"a": 1, "b": 1}):
        await asyncio.sleep(0.01)
        assert not reader.done()
        ledger.thread.release()
        assert ledger.kept == written

    await reader


def test_after_its_end_nothing_is_taken(ledger):
    ledger.put("a", 1)
    ledger.behind.stop()
    ledger.put("b", 1)

    assert ledger.kept == {"a": 1}
