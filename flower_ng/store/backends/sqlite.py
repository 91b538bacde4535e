"""The SQLite file of a store: is it ours, is it sound, is it locked by another? At the start."""

import logging
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

from flower_ng.errors import SettingsError
from flower_ng.store.backends.damage import (
    FileWatch,
    connected,
    damage,
    is_blank,
    set_aside,
    suspicion,
)
from flower_ng.store.tables.dialect import SQLITE, transaction
from flower_ng.store.tables.schema import (
    APPLICATION_ID,
    OLDEST_VERSION,
    TABLES,
    VERSION,
    kin_indexes,
    migrations,
)

if sys.platform != "win32":
    import fcntl

log = logging.getLogger(__name__)

#: In bytes 68 to 71 of an index of 0.1.0: "flni".
OLD_INDEX_ID = 0x666C6E69
#: Pages of 4 KiB in the log before they move to the file: fewer, larger moves.
CHECKPOINT_PAGES = 4000
#: Log that is kept for what comes, after a time in which more was needed.
LOG_BYTES = 64 << 20


#: What is said where a history that was asked for can't be kept, after what mends it.
GOES: Final = "Tasks are kept only until flower_ng stops"
OPTIONAL: Final = "or start with --history_optional to do without it"


class UnusableError(Exception):
    """Why a file cannot be our store, and what to do."""


class StoreFile:
    """One SQLite file, opened; `connect()` gives a connection to it.

    `name` is what SQLite opens: a path or, where nothing can be written, a name in memory, which
    lasts as long as one connection, here `anchor`.
    """

    def __init__(
        self,
        name: str,
        *,
        lock: int | None = None,
        folder: Path | None = None,
        anchor: sqlite3.Connection | None = None,
    ) -> None:
        self.name = name
        self._lock = lock
        self._folder = folder
        self._anchor = anchor
        self._watch = FileWatch(name) if lock is not None else None

    def lost(self) -> str:
        """Return what was done to the file behind our back, empty for nothing; may block."""
        return self._watch.fault() if self._watch is not None else ""

    @property
    def is_temporary(self) -> bool:
        """Whether the file goes when this process ends."""
        return self._lock is None

    @property
    def kind(self) -> str:
        """`file`, `temporary`, or `memory` where not even a temporary file can be written."""
        if self._anchor is not None:
            return "memory"
        return "temporary" if self.is_temporary else "file"

    def connect(self, *, writes: bool = False) -> sqlite3.Connection:
        """Return a new connection, which any one thread at a time may use."""
        connection = connected(self.name)
        for pragma in self._writing() if writes else _READING:
            connection.execute(f"PRAGMA {pragma}")
        return connection

    def met(self, error: BaseException) -> None:
        """Have the next start look at the whole file if it is damaged, as SQLite's error says."""
        code = getattr(error, "sqlite_errorcode", None)
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB} and not self.is_temporary:
            with suppress(OSError):
                suspicion(self.name).touch(0o600)

    def vanish(self) -> None:
        """Take a temporary file's name away, once every connection has read from it.

        POSIX keeps an open file that has no name: not even kill -9 leaves anything behind.
        """
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def close(self) -> None:
        """Remove a temporary file, or let others use our own; after the connections are closed."""
        self.vanish()
        if self._anchor is not None:
            self._anchor.close()
        if self._lock is not None:
            os.close(self._lock)

    def _writing(self) -> tuple[str, ...]:
        # A crash of the machine costs a temporary file nothing: it is gone anyway.
        synchronous = "OFF" if self.is_temporary else "NORMAL"
        return (
            "journal_mode = WAL",
            f"synchronous = {synchronous}",
            f"wal_autocheckpoint = {CHECKPOINT_PAGES}",
            f"journal_size_limit = {LOG_BYTES}",
            "cache_size = -32000",
        )


_READING = ("query_only = ON", "temp_store = MEMORY", "cache_size = -16000")


def opened(
    path: Path | None,
    warn: Callable[[str], None],
    clock: Callable[[], float],
    *,
    optional: bool = False,
) -> StoreFile:
    """Return the store's file: `<path>.sqlite3`, or a temporary one without a path.

    Folders that are missing are made. Where the file cannot be used SettingsError says why; if it
    is `optional`, `warn` is told, and the file is a temporary one. A corrupt file of ours is set
    aside. What Flower wrote at `path` is never opened.
    """
    if path is None:
        return temporary(warn)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _own(Path(f"{path}.sqlite3"), warn, clock)
    except (UnusableError, OSError, sqlite3.Error) as error:
        why = f"The history can't be kept: {_why(path, error)}"
        if not optional:
            raise SettingsError(f"{why}, {OPTIONAL}") from error
        warn(f"{why}. {GOES}")
        return temporary(warn)


def _why(path: Path, error: Exception) -> str:
    if isinstance(error, UnusableError):
        return str(error)
    words = error.strerror if isinstance(error, OSError) else str(error)
    return f"{path}.sqlite3 cannot be used ({words}): name another file with --db"


def _own(path: Path, warn: Callable[[str], None], clock: Callable[[], float]) -> StoreFile:
    lock = _locked(path)
    try:
        if path.exists():
            found = "it is blank" if path.is_file() and is_blank(path) else ""
            if not found:
                _check_owner(path)
                found = damage(path) or ""
            if found:
                aside = set_aside(path, clock())
                warn(f"{path} was corrupt ({found}) and is kept as {aside}; history starts afresh.")
        if not path.exists():
            _create(path)
        _bring_forward(path)
        _drop_old_index(path)
    except BaseException:
        os.close(lock)
        raise
    return StoreFile(str(path), lock=lock)


def _locked(path: Path) -> int:
    """Return the open lock file; the lock ends with the process, however that ends."""
    no_links = getattr(os, "O_NOFOLLOW", 0)
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | no_links, 0o600)
    try:
        if sys.platform != "win32":
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise UnusableError(
            f"{path} is in use by another flower_ng: give each its own file with --db"
        ) from None
    return lock


def _check_owner(path: Path) -> None:
    version, owner = _stamps(path)
    if owner != APPLICATION_ID:
        raise UnusableError(
            f"{path} was not made by flower_ng and is left alone: name another file with --db"
        )
    if version > VERSION:
        raise UnusableError(
            f"{path} was written by a newer flower_ng (schema {version}, this one knows {VERSION}):"
            " upgrade, or name another file with --db"
        )
    if version < OLDEST_VERSION:
        raise UnusableError(
            f"{path} was written before flower_ng 0.1.0 (schema {version}): start 0.1.0 with it"
            " once, or name another file with --db"
        )


def _bring_forward(path: Path) -> None:
    """Change the tables of an older flower_ng into ours."""
    with closing(connected(str(path))) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version < VERSION:
            log.info(
                "%s is brought from schema %d to %d; this may take a while.", path, version, VERSION
            )
            _migrate(connection)
        for statement in kin_indexes():
            connection.execute(statement)


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to ours in one transaction: a crash leaves the file as it was."""
    with transaction(connection):
        columns = connection.execute("SELECT name FROM pragma_table_info('task')").fetchall()
        for statement in migrations({name for (name,) in columns}, SQLITE):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")


def _stamps(path: Path) -> tuple[int, int]:
    """Return a file's version and owner, 0 without one; SQLite would touch what lies beside it."""
    head = b""
    if path.is_file():
        with path.open("rb") as file:
            head = file.read(72)
    return int.from_bytes(head[60:64]), int.from_bytes(head[68:72])


def _drop_old_index(path: Path) -> None:
    """Remove the index that 0.1.0 kept beside its file, unless that is something else."""
    old = path.with_name(f"{path.name.removesuffix('.sqlite3')}.index.sqlite3")
    with suppress(OSError):
        if _stamps(old)[1] == OLD_INDEX_ID:
            for end in ("", "-wal", "-shm"):
                Path(f"{old}{end}").unlink(missing_ok=True)


def _create(path: Path) -> None:
    """Make the file whole under another name: one that bears the name is ours and complete."""
    new = Path(f"{path}.new")
    new.unlink(missing_ok=True)
    os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with closing(connected(str(new))) as connection:
        _create_tables(connection)
    new.rename(path)


def temporary(warn: Callable[[str], None]) -> StoreFile:
    """Return a temporary file; where none can be written `warn` is told, and it is in memory."""
    folder = None
    try:
        folder = Path(tempfile.mkdtemp(prefix="flower_ng-"))
        _create(folder / "store.sqlite3")
    except (OSError, sqlite3.Error) as error:
        warn(
            f"No temporary file can be written ({error}). {GOES}, the oldest for a shorter time."
            " Mount a folder that can be written at /tmp, or name one in TMPDIR"
        )
        return _in_memory()
    return StoreFile(str(folder / "store.sqlite3"), folder=folder)


def _in_memory() -> StoreFile:
    name = f"file:/flower_ng-{uuid4().hex}?vfs=memdb"
    anchor = connected(name)
    _create_tables(anchor)
    return StoreFile(name, anchor=anchor)


def _create_tables(connection: sqlite3.Connection) -> None:
    with connection:
        connection.execute("BEGIN")
        for statement in TABLES:
            connection.execute(statement)
