"""The index: a SQLite file beside the store, made of parts; it can always be made again.

`opened_index` opens it at the start; `Directory` is what it holds at one moment: which tasks are in
which part, and which of them have changed since. See parts (tables), building, sealing (thread).
"""

import logging
import os
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import msgspec

from flower_ng.store.file import StoreFile
from flower_ng.store.parts import COUNTED

log = logging.getLogger(__name__)

APPLICATION_ID: Final = 0x666C6E69  # "flni"
#: Raised with each change of what is in the file; one of another version is made again.
VERSION: Final = 4
#: So much of the file is read where the system has it in memory, without a copy.
MAPPED_BYTES: Final = 4 << 30
#: Log that is kept for what comes; a large part needs more for a while.
LOG_BYTES: Final = 32 << 20

_TABLES: Final = (
    "CREATE TABLE directory (generation INTEGER, mark INTEGER, epoch INTEGER, store TEXT, words)",
    "CREATE TABLE part (number INTEGER PRIMARY KEY, rows, live, low, high,"  # noqa: ISC004
    " received_low REAL, received_high REAL, unreceived, cased)",
    # How many tasks have the value `a` of one field and `b` of another, or of the same.
    "CREATE TABLE tally (first, second, a, b, n, PRIMARY KEY (first, second, a, b)) WITHOUT ROWID",
    # Trigrams that many tasks of a part have.
    "CREATE TABLE common (part, trigram, n, PRIMARY KEY (part, trigram)) WITHOUT ROWID",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {VERSION}",
)


@dataclass(frozen=True, slots=True)
class Part:
    """One part: its rows, of which `live` are not superseded, and between which row ids they are.

    Those of its tasks that were received were so between the two times; `unreceived` were not.
    `cased`: some task ids are not in lower case.
    """

    number: int
    rows: int
    live: int
    low: int
    high: int
    received_low: float | None = None
    received_high: float | None = None
    unreceived: int = 0
    cased: bool = False


@dataclass(frozen=True, slots=True)
class Directory:
    """What is in the index. Rows up to `mark` are in a part, or `stale` and of a later epoch.

    `counts` are `{field: {folded value: {value: number}}}` of the tasks in parts.
    """

    generation: int = 0
    mark: int = 0
    epoch: int = 0
    has_words: bool = False
    parts: tuple[Part, ...] = ()
    counts: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)

    @property
    def live(self) -> int:
        """How many tasks are in parts."""
        return sum(part.live for part in self.parts)

    def count(self, column: str, value: str) -> int:
        """Return how many tasks in parts have a value, whatever its case."""
        return sum(self.counts.get(column, {}).get(value.casefold(), {}).values())

    def values(self, column: str, folded: str) -> list[str]:
        """Return the values that are one when case-folded."""
        return list(self.counts[column].get(folded, {}))


#: Nothing is in parts.
EMPTY: Final = Directory()

_PARTS: Final = (
    "SELECT coalesce(json_group_array(json_array(number, rows, live, low, high, received_low,"
    " received_high, unreceived, json(iif(cased, 'true', 'false')))), '[]')"
    " FROM (SELECT * FROM part ORDER BY number DESC)"
)
_COUNTS: Final = "SELECT json_group_array(json_array(first, a, n)) FROM tally WHERE first = second"
_DIRECTORY: Final = f"SELECT generation, mark, epoch, words, ({_PARTS}), ({_COUNTS}) FROM directory"


def directory(connection: sqlite3.Connection) -> Directory:
    """Read what is in the index."""
    generation, mark, epoch, has_words, parts, counts = connection.execute(_DIRECTORY).fetchone()
    read = [Part(*values) for values in msgspec.json.decode(parts)]
    return Directory(generation, mark, epoch, bool(has_words), tuple(read), _counts(counts))


def _counts(text: str) -> dict[str, dict[str, dict[str, int]]]:
    counts: dict[str, dict[str, dict[str, int]]] = {column: {} for column in COUNTED}
    for column, value, number in msgspec.json.decode(text):
        if number:
            counts[COUNTED[column]].setdefault(value.casefold(), {})[value] = number
    return counts


class Index:
    """The index of one store, opened by `opened_index`."""

    def __init__(self, name: str, store: StoreFile, connection: sqlite3.Connection) -> None:
        self.name = name
        #: For the thread that builds; the store's tables are there too.
        self.connection = connection
        self._store = store

    def attached(self) -> sqlite3.Connection:
        """Return a connection to the store that reads the index too."""
        connection = self._store.connect()
        connection.execute("ATTACH ? AS parts", (self.name,))
        connection.execute("PRAGMA parts.cache_size = -16000")
        connection.execute(f"PRAGMA parts.mmap_size = {MAPPED_BYTES}")
        connection.execute("SELECT count(*) FROM directory, sealed").fetchone()  # opens all files
        return connection

    def close(self) -> None:
        """Close the connection of the thread that builds."""
        self.connection.close()


def opened_index(store: StoreFile) -> Index | None:
    """Open the index of a store, or make an empty one; None where neither can be done."""
    name = _name(store.name)
    try:
        return Index(name, store, _sound(name, store) or _made(name, store))
    except (OSError, sqlite3.Error) as error:
        log.warning("Lists and searches have no index and take their time: %s", error)
        return None


def _name(store: str) -> str:
    if store.startswith("file:"):
        return store.replace("?", "-index?", 1)
    return f"{store.removesuffix('.sqlite3')}.index.sqlite3"


def _sound(name: str, store: StoreFile) -> sqlite3.Connection | None:
    """Return a connection to the index that is there, None unless it is this store's."""
    if name.startswith("file:") or not Path(name).is_file():
        return None
    connection = None
    try:
        connection = _connected(name, store)
        if _is_ours(connection):
            return connection
    except sqlite3.DatabaseError as error:
        log.warning("%s cannot be used and is made again: %s", name, error)
    if connection is not None:
        connection.close()
    return None


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Tell whether it is of our version and of this store, which has not lost anything since."""
    made = [
        connection.execute(f"PRAGMA main.{pragma}").fetchone()[0]
        for pragma in ("application_id", "user_version")
    ]
    if made != [APPLICATION_ID, VERSION]:
        return False
    told = connection.execute(
        "SELECT mark <= sealed.id AND directory.epoch <= sealed.epoch AND store = meta.value,"
        " words FROM directory, sealed, meta WHERE key = 'index'"
    ).fetchone()
    if told is None or not told[0] or bool(told[1]) != has_words(connection):
        return False
    tables = {name for (name,) in connection.execute("SELECT name FROM main.sqlite_master")}
    return all(f"part{part.number}" in tables for part in directory(connection).parts)


def _made(name: str, store: StoreFile) -> sqlite3.Connection:
    """Make an empty index; what is there under its name goes."""
    if not name.startswith("file:"):
        for end in ("", "-wal", "-shm"):
            with suppress(FileNotFoundError):
                Path(f"{name}{end}").unlink()
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection = _connected(name, store)
    with connection:
        connection.execute("BEGIN")
        for statement in _TABLES:
            connection.execute(statement)
        connection.execute(
            "INSERT INTO directory VALUES (1, 0, 0, ?, ?)",
            (_marked(store), has_words(connection)),
        )
    return connection


def _marked(store: StoreFile) -> str:
    """Return what the store is known by, and have it known."""
    with closing(store.connect(writes=True)) as connection:
        connection.execute("INSERT OR IGNORE INTO meta VALUES ('index', ?)", (uuid4().hex,))
        return str(connection.execute("SELECT value FROM meta WHERE key = 'index'").fetchone()[0])


def rename(connection: sqlite3.Connection) -> None:
    """Have the store known by another name, so that no index that there is now is its own."""
    connection.execute("UPDATE meta SET value = ? WHERE key = 'index'", (uuid4().hex,))


def has_words(connection: sqlite3.Connection) -> bool:
    """Tell whether this SQLite can index trigrams."""
    try:
        connection.execute("CREATE VIRTUAL TABLE temp.tried USING fts5 (a, tokenize = 'trigram')")
    except sqlite3.OperationalError:
        return False
    connection.execute("DROP TABLE temp.tried")
    return True


def _readable(text: str) -> str:
    return text.replace("\0", "\n")


def _connected(name: str, store: StoreFile) -> sqlite3.Connection:
    connection = sqlite3.connect(
        name, isolation_level=None, check_same_thread=False, uri=name.startswith("file:")
    )
    pragmas: Sequence[Any] = (
        "journal_mode = WAL",
        "synchronous = NORMAL",
        "wal_autocheckpoint = 4000",
        f"journal_size_limit = {LOG_BYTES}",
        "cache_size = -32000",
        f"temp_store = {'MEMORY' if name.startswith('file:') else 'FILE'}",
        "temp.cache_size = -8000",
    )
    for pragma in pragmas:
        connection.execute(f"PRAGMA {pragma}")
    connection.create_function("readable", 1, _readable, deterministic=True)
    connection.execute("ATTACH ? AS store", (store.name,))
    return connection
