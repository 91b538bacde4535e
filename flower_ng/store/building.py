"""Building a part: tasks that are new or changed, and what is left of other parts, become one.

Two transactions of the index, which change nothing in the store. The first copies, and is short: as
long as someone reads the store, its log grows. The second does all else, and makes the part known;
what the first made is of no use without it. On the index thread.
"""

import sqlite3
from collections.abc import Callable, Sequence
from itertools import combinations_with_replacement
from typing import Final

from flower_ng.store import parts
from flower_ng.store.old_index import Directory, Part
from flower_ng.store.parts import COUNTED

#: Rows whose texts are taken apart at once: some 50 ms.
WORDED_ROWS: Final = 4000
#: Trigrams are common that one task in so many, or more, have.
COMMON_SHARE: Final = 50

_FIELDS: Final = ", ".join(COUNTED)
_RAW: Final = ", ".join(f"coalesce(p.{name}_raw, p.{name})" for name in COUNTED)
_STALE: Final = "SELECT id FROM stale WHERE epoch <= ?1 AND id <= ?2"

#: Tables of one part's making. Their file has no name, and goes with the process.
_TEMPORARY: Final = {
    "wanted": "id INTEGER PRIMARY KEY",
    "changed": "id INTEGER PRIMARY KEY",
    "words": "id INTEGER PRIMARY KEY, words",
    "tallied": f"{_FIELDS}, n",
}

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
    building = _Building(connection, directory, pause)
    with connection:
        connection.execute("BEGIN")
        building.copy(mark, epoch, merged)
    with connection:
        connection.execute("BEGIN")
        building.build(mark, epoch, merged)


class _Building:
    """The making of one part."""

    def __init__(self, connection: sqlite3.Connection, directory: Directory, pause: Pause) -> None:
        self._connection = connection
        self._directory = directory
        self._pause = pause
        self._number = max((part.number for part in directory.parts), default=0) + 1

    def copy(self, mark: int, epoch: int, merged: Sequence[Part]) -> None:
        number, read = self._number, self._connection.execute
        read(f"DROP TABLE IF EXISTS part{number}")  # of a copy that was not built
        self._want(mark, epoch, merged)
        read(parts.created(number))
        read(parts.filled(number))
        if self._directory.has_words:
            read(parts.words_copied())

    def build(self, mark: int, epoch: int, merged: Sequence[Part]) -> None:
        self._supersede(merged)
        self._drop(merged)
        self._fill(self._number)
        self._tally()
        for table in _TEMPORARY:
            self._say(f"DROP TABLE temp.{table}")
        self._say(
            "UPDATE directory SET generation = generation + 1, mark = ?, epoch = ?", mark, epoch
        )

    def _say(self, statement: str, *parameters: object) -> None:
        self._connection.execute(statement, parameters)
        self._pause()

    def _want(self, mark: int, epoch: int, merged: Sequence[Part]) -> None:
        """Note the ids of the new part's tasks, and of those that other parts lose."""
        read = self._connection.execute
        for table, columns in _TEMPORARY.items():
            read(f"DROP TABLE IF EXISTS temp.{table}")
            read(f"CREATE TEMP TABLE {table} ({columns})")
        read(f"INSERT INTO changed {_STALE}", (epoch, self._directory.mark))
        read("INSERT INTO wanted SELECT id FROM changed")
        new = "SELECT id FROM task WHERE id > ? AND id <= ?"
        read(f"INSERT INTO wanted {new}", (self._directory.mark, mark))
        for part in merged:
            rows = f"part{part.number} WHERE dead IS NULL"
            read(f"INSERT OR IGNORE INTO wanted SELECT id FROM {rows}")

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
