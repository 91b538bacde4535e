"""Room on the disk that is kept for deleting: where the disk is full, that needs some itself."""

import os
import shutil
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

#: What SQLite's log may hold when it has to be moved into the file, and a step of deletions writes.
SPARE_BYTES: Final = 24 << 20
#: It is taken where so many times more is free.
AMPLE: Final = 2


class SpareRoom:
    """The file `<name>.spare`, which holds room and nothing else. On the store thread."""

    def __init__(self, name: str) -> None:
        self._database = Path(name)
        self._path = Path(f"{name}.spare")

    def keep(self) -> None:
        """Take the room, where the disk has plenty and it is not taken yet."""
        if self._path.exists() or sys.platform == "win32":
            return
        with suppress(OSError):  # without it the store goes on as well
            if shutil.disk_usage(self._database.parent).free >= AMPLE * SPARE_BYTES:
                spare = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
                try:
                    os.posix_fallocate(spare, 0, SPARE_BYTES)
                except OSError:
                    self._path.unlink()
                finally:
                    os.close(spare)

    def give_up(self, connection: sqlite3.Connection) -> None:
        """Give the room to the database."""
        self._path.unlink(missing_ok=True)
        empty_log(connection)


def empty_log(connection: sqlite3.Connection) -> None:
    """Move SQLite's log into its file, as far as there is room, and give its own room back."""
    with suppress(sqlite3.OperationalError):
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()


def is_full(error: BaseException) -> bool:
    """Whether that is SQLite's error of a full disk."""
    return getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
