"""Checks a SQLite file for corruption, and sets a corrupt one aside. At the start."""

import sqlite3
from contextlib import closing, suppress
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Timer
from typing import Final

#: How long one connection waits for the lock of another.
BUSY_TIMEOUT_S: Final = 1.0
#: How long a start looks for damage: some 50 MB from a disk, half a GB from memory.
CHECK_S: Final = 0.5
#: SQLite writes its name into the first bytes of every file that is not empty.
HEAD_BYTES: Final = 100


def damage(path: Path) -> str | None:
    """Return what is wrong inside the file, None when nothing is found.

    A file that was found damaged while it was in use is looked at as a whole, others for CHECK_S.
    """
    is_suspect = suspicion(str(path)).exists()
    with closing(connected(str(path))) as connection:
        try:
            found = _checked(connection, None if is_suspect else CHECK_S)
            tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        except sqlite3.OperationalError:
            raise  # locked or unreadable, which says nothing of its content
        except sqlite3.DatabaseError as error:
            return str(error)
    suspicion(str(path)).unlink(missing_ok=True)
    if missing := {"task", "worker", "counter", "meta"} - tables:
        return f"no table {', '.join(sorted(missing))}"
    return None if found == "ok" else found


def _checked(connection: sqlite3.Connection, limit_s: float | None) -> str:
    """Return what SQLite finds wrong in so many seconds, "ok" for nothing."""
    timer = Timer(limit_s or 0, connection.interrupt)
    if limit_s is not None:
        timer.start()
    try:
        return str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.OperationalError as error:
        if str(error) != "interrupted":
            raise
        return "ok"
    finally:
        timer.cancel()


def suspicion(name: str) -> Path:
    """Return the empty file that says that damage was met in the store of this name."""
    return Path(f"{name}.suspect")


def is_blank(path: Path) -> bool:
    """Whether a file is empty, or begins with nothing but zeros, as after a crash of its disk."""
    with path.open("rb") as file:
        return not any(file.read(HEAD_BYTES))


def set_aside(path: Path, now: float, *, logs: bool = True) -> Path:
    """Rename the file and its `logs`, so that nothing of it reaches the next one."""
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%dT%H%M%SZ")
    names = (f"{path}.corrupt-{stamp}{'-' * bool(again)}{again or ''}" for again in count())
    aside = next(Path(name) for name in names if not Path(name).exists())
    path.rename(aside)
    for end in ("-wal", "-shm") if logs else ():
        with suppress(FileNotFoundError):
            Path(f"{path}{end}").rename(f"{aside}{end}")
    return aside


def connected(name: str) -> sqlite3.Connection:
    """Return a connection of which transactions are begun by hand."""
    return sqlite3.connect(
        name,
        timeout=BUSY_TIMEOUT_S,
        isolation_level=None,
        check_same_thread=False,
        uri=name.startswith("file:"),
    )
