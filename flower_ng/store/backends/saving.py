"""Saves what an open SQLite file holds when its name leads to it no more. On the store thread."""

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from flower_ng.store.backends.damage import connected, damage, set_aside

_LOGS: Final = ("-wal", "-shm")


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
