"""Notices that a SQLite file is damaged or was taken away, and saves what it held.

At the start; while the store is used, on any one thread.
"""

import os
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
#: Ends of the names of SQLite's log beside a file.
_LOGS: Final = ("-wal", "-shm")


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
    for end in _LOGS if logs else ():
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


class FileWatch:
    """Remembers the files under a name by device and inode, and the size of the first.

    SQLite keeps what it has opened: it goes on with files that nobody will find again.
    """

    def __init__(self, name: str) -> None:
        self._names = [Path(f"{name}{end}") for end in ("", *_LOGS)]
        self._seen: dict[Path, tuple[int, int]] = {}
        self._size = 0

    def fault(self) -> str:
        """Return what was done to the files since the first look, empty for nothing.

        What cannot be looked at is left to who reads and writes it.
        """
        for name in self._names:
            try:
                if fault := self._fault_of(name):
                    return f"{name} {fault}"
            except OSError:
                continue
        return ""

    def _fault_of(self, name: Path) -> str:
        before = self._seen.get(name)
        try:
            found = name.stat()
        except (FileNotFoundError, NotADirectoryError):
            return "was deleted" if before else ""
        now = (found.st_dev, found.st_ino)
        if before not in {None, now}:
            return "was replaced by another file"
        self._seen[name] = now
        if name is not self._names[0]:
            return ""  # SQLite itself cuts its log
        if found.st_size < self._size:
            return f"was cut from {self._size:,} to {found.st_size:,} bytes"
        self._size = found.st_size
        return ""


def saved(connection: sqlite3.Connection, path: Path) -> Path | None:
    """Copy all that a connection still reads to a new file beside `path`.

    Returns that file, and None where what is read is damaged, or no file can be written.
    """
    new = Path(f"{path}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        new.unlink(missing_ok=True)
        os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        with closing(connected(str(new))) as copy:
            connection.backup(copy)
        return None if damage(new) else new
    except (OSError, sqlite3.Error):
        return None


def make_way(path: Path, new: Path | None, now: float) -> Path | None:
    """Free the name for a file; return where what bore it is kept, None where nothing did.

    Logs under the name are of what was saved as `new`: another file would be damaged by them.
    """
    aside = set_aside(path, now, logs=new is None) if path.exists() else None
    for end in _LOGS:
        with suppress(OSError):
            Path(f"{path}{end}").unlink()
    return aside
