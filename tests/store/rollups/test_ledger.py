"""The rows of the minutes under way: what is added to them, and which are remembered."""

import sqlite3

import msgspec
import pytest

from flower_ng.store.rollups.tables import KEPT_S, Ledger
from tests.store.rollups.making import HOUR, base, minute


def counts(made, start):
    return {
        name: msgspec.json.decode(body)[0][3]
        for at, name, body in made.rows(60)
        if at == start and name
    }


def statements(made, ledger, minutes, now):
    """Have minutes added, and return what the database was asked for; remembered rows are not."""
    asked = []
    made.connection.set_trace_callback(lambda sql: asked.append(sql.split()[0]))
    ledger.write(made.table, minutes, now)
    made.connection.set_trace_callback(None)
    return [word for word in asked if word in ("SELECT", "INSERT")]


def test_a_minute_is_added_to_however_late_and_only_the_newest_are_remembered():
    ledger = Ledger(writer="")
    with base() as made:
        for start in range(HOUR, HOUR + 600, 60):
            ledger.write(made.table, {start: minute(shop=1)}, start)
        now = HOUR + 600
        assert statements(made, ledger, {HOUR + 600 - KEPT_S: minute(shop=0)}, now) == ["INSERT"]

        ledger.write(made.table, {HOUR: minute(shop=2), now: minute(shop=5)}, now)
        ledger.write(made.table, {HOUR: minute(shop=4)}, now)
        assert counts(made, HOUR) == {"shop": 7}
        assert counts(made, HOUR + 60) == {"shop": 1}

        ledger.write(made.table, {now: minute(shop=1)}, now)
        assert "SELECT" in statements(made, ledger, {HOUR: minute(shop=0)}, now)
        assert counts(made, now) == {"shop": 6}


def test_what_cannot_be_written_is_added_to_nothing():
    ledger = Ledger(writer="")
    with base() as made:
        ledger.write(made.table, {HOUR: minute(shop=1)}, HOUR)
        made.connection.execute("PRAGMA query_only = ON")
        with pytest.raises(sqlite3.OperationalError):
            ledger.write(made.table, {HOUR: minute(shop=1), HOUR + 60: minute(shop=1)}, HOUR)
        made.connection.execute("PRAGMA query_only = OFF")

        ledger.write(made.table, {HOUR: minute(shop=2), HOUR + 60: minute(shop=2)}, HOUR)
        assert (counts(made, HOUR), counts(made, HOUR + 60)) == ({"shop": 3}, {"shop": 2})
