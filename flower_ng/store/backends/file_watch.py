"""Tells whether the open file of a store is still what its name names. On any one thread."""

from pathlib import Path
from typing import Final

#: The file itself, and SQLite's log beside it.
_ENDS: Final = ("", "-wal", "-shm")


class FileWatch:
    """Remembers the files under a name by device and inode, and the size of the first.

    SQLite keeps what it has opened: it goes on with files that nobody will find again.
    """

    def __init__(self, name: str) -> None:
        self._names = [Path(f"{name}{end}") for end in _ENDS]
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
