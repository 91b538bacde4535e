"""Building a part: tasks that are new or changed, and what is left of other parts, become one.

All of it is one transaction of the index, which changes nothing in the store. On the index thread.
"""

import sqlite3
from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement
from typing import Final

from flower_ng.store import parts
from flower_ng.store.index import Directory, Part
from flower_ng.store.parts import COUNTED

#: Rows whose texts are taken apart at once: some 50 ms.
WORDED_ROWS: Final = 4000
#: Trigrams are common that one task in so many, or more, have.
COMMON_SHARE: Final = 50

_FIELDS: Final = ", ".join(COUNTED)
_RAW: Final = ", ".join(f"coalesce(p.{name}_raw, p.{name})" for name in COUNTED)
_STALE: Final = "SELECT id FROM stale WHERE epoch <= ?1 AND id <= ?2"

Pause = Callable[[], None]


def build(
    connection: sqlite3.Connection,
    directory: Directory,
    *,
    mark: int,
    epoch: int,
    merged: Sequence[Part] = (),
    pause: Pause = lambda: None,
) -> None:
    """Put all tasks up to the row id `mark` that are in no part, or changed, into a new one.

    `epoch` is the last whose changes are in it. The parts `merged` go, what is live in them is in
    the new one too. `pause` is called between steps, and may raise to give up.
    """
    with connection:
        connection.execute("BEGIN")
        _Building(connection, directory, pause).build(mark, epoch, merged)


class _Building:
    """One transaction; the tables `wanted`, `changed` and `gone` are its own."""

    def __init__(self, connection: sqlite3.Connection, directory: Directory, pause: Pause) -> None:
        self._connection = connection
        self._directory = directory
        self._pause = pause

    def build(self, mark: int, epoch: int, merged: Sequence[Part]) -> None:
        self._say("CREATE TEMP TABLE IF NOT EXISTS wanted (id INTEGER PRIMARY KEY)")
        self._say("CREATE TEMP TABLE IF NOT EXISTS changed (id INTEGER PRIMARY KEY)")
        self._say(f"CREATE TEMP TABLE IF NOT EXISTS tallied ({_FIELDS}, n)")
        for table in ("wanted", "changed", "tallied"):
            self._say(f"DELETE FROM temp.{table}")
        self._want(mark, epoch, merged)
        number = max((part.number for part in self._directory.parts), default=0) + 1
        self._supersede(merged)
        self._drop(merged)
        self._fill(number)
        self._tally()
        self._say(
            "UPDATE directory SET generation = generation + 1, mark = ?, epoch = ?", mark, epoch
        )

    def _say(self, statement: str, *parameters: object) -> None:
        self._connection.execute(statement, parameters)
        self._pause()

    def _want(self, mark: int, epoch: int, merged: Sequence[Part]) -> None:
        """Note the ids of the new part's tasks, and of those that other parts lose."""
        self._say(f"INSERT INTO changed {_STALE}", epoch, self._directory.mark)
        self._say("INSERT INTO wanted SELECT id FROM changed")
        self._say(
            "INSERT INTO wanted SELECT id FROM task WHERE id > ? AND id <= ?",
            self._directory.mark,
            mark,
        )
        for part in merged:
            rows = f"part{part.number} WHERE dead IS NULL"
            self._say(f"INSERT OR IGNORE INTO wanted SELECT id FROM {rows}")

    def _supersede(self, merged: Sequence[Part]) -> None:
        """Take what changed, and what moves, out of the tallies and of the parts that it is in."""
        for part in self._directory.parts:
            rows = f"changed c CROSS JOIN part{part.number} p ON p.id = c.id"
            between = f"c.id BETWEEN {part.low} AND {part.high} AND p.dead IS NULL"
            if part in merged:
                self._gather(f"part{part.number} p WHERE p.dead IS NULL", -1)
                continue
            self._gather(f"{rows} WHERE {between}", -1)
            changes = self._connection.execute(
                f"UPDATE part{part.number} SET dead = 1"
                f" WHERE r IN (SELECT p.r FROM {rows} WHERE {between})"
            ).rowcount
            if changes:
                self._say("UPDATE part SET live = live - ? WHERE number = ?", changes, part.number)

    def _drop(self, merged: Sequence[Part]) -> None:
        for part in merged:
            has_words = self._directory.has_words
            for statement in parts.dropped(part.number, has_words=has_words):
                self._say(statement)
            self._say("DELETE FROM common WHERE part = ?", part.number)
            self._say("DELETE FROM part WHERE number = ?", part.number)

    def _fill(self, number: int) -> None:
        self._say(parts.created(number))
        self._say(parts.filled(number))
        (rows,) = self._connection.execute(f"SELECT count(*) FROM part{number}").fetchone()
        if not rows:
            self._say(f"DROP TABLE part{number}")
            return
        for statement in parts.indexed(number):
            self._say(statement)
        if self._directory.has_words:
            self._word(number, rows)
        self._gather(f"part{number} p", 1)
        self._say(
            f"INSERT INTO part SELECT {number}, count(*), count(*), min(id), max(id),"
            " min(received), max(received), count(*) - count(received), count(uuid_folded) > 0"
            f" FROM part{number}"
        )

    def _word(self, number: int, rows: int) -> None:
        for statement in parts.worded(number):
            self._say(statement)
        for start in range(0, rows, WORDED_ROWS):
            self._say(parts.words_filled(number), start, start + WORDED_ROWS)
        vocabulary = f"vocabulary{number}"
        self._say(
            f"CREATE VIRTUAL TABLE temp.{vocabulary} USING fts5vocab('main', 'text{number}', 'row')"
        )
        self._say(
            f"INSERT INTO common SELECT ?, term, doc FROM {vocabulary} WHERE doc * ? >= ?",
            number,
            COMMON_SHARE,
            rows,
        )
        self._say(f"DROP TABLE temp.{vocabulary}")

    def _gather(self, rows: str, sign: int) -> None:
        groups = f"SELECT {_RAW}, {sign} * count(*) FROM {rows} GROUP BY 1, 2, 3, 4, 5"
        self._say(f"INSERT INTO tallied {groups}")

    def _tally(self) -> None:
        """Add up what was gathered, for each pair of fields."""
        numbered = enumerate(COUNTED)
        for (first, a), (second, b) in combinations_with_replacement(numbered, 2):
            self._say(
                f"INSERT INTO tally SELECT {first}, {second}, {a}, {b}, sum(n) FROM tallied"
                f" WHERE {a} IS NOT NULL AND {b} IS NOT NULL GROUP BY {a}, {b}"
                " ON CONFLICT DO UPDATE SET n = n + excluded.n"
            )
        self._say("DELETE FROM tally WHERE n = 0")
