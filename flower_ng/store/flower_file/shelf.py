"""Detects the dbm format of Flower's file and reads the pickles in it. Blocking.

Python takes the first form of dbm that it has: SQLite (3.13 and newer), gdbm, ndbm, dumb. Nothing
is locked, nothing is written: what would do so is copied to a temporary folder first.
"""

import dbm.dumb
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from mmap import ACCESS_READ, mmap
from pathlib import Path
from struct import Struct, calcsize, unpack_from
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Final

GDBM_MAGIC: Final = (0x13579ACF).to_bytes(4, "little")

#: Behind the magic number and the size of a block: where the directory begins, its bytes.
_DIRECTORY: Final = Struct("<8xqi")
#: Of a bucket: its free places and its depth in bits, then how many items it holds.
_BUCKET_COUNT_AT: Final = calcsize("<i4x") + 6 * calcsize("<i4xq") + calcsize("<i")
_ITEMS_AT: Final = _BUCKET_COUNT_AT + calcsize("<i")
_BUCKET_BYTES_AT: Final = 24
#: Hash, beginning of the key, place, bytes of the key, bytes of the value.
_ITEM: Final = Struct("<i4sqii")
_NO_HASH: Final = -1


def gdbm_value(file: mmap, key: bytes) -> bytes | None:
    """Return the value of a key, None where the file lacks it; ValueError where it is damaged."""
    for place, key_bytes, value_bytes in _items(file):
        if _cut(file, place, key_bytes) == key:
            return _cut(file, place + key_bytes, value_bytes)
    return None


def _items(file: mmap) -> Iterator[tuple[int, int, int]]:
    """Yield where each item lies: place, bytes of the key, bytes of the value."""
    (bucket_bytes,) = unpack_from("<i", _cut(file, _BUCKET_BYTES_AT, 4))
    for place in _buckets(file):
        bucket = _cut(file, place, bucket_bytes)
        for hashed, _, at, key_bytes, value_bytes in _ITEM.iter_unpack(_whole_items(bucket)):
            if hashed != _NO_HASH:
                yield at, key_bytes, value_bytes


def _buckets(file: mmap) -> list[int]:
    """Return the places of the buckets, each once."""
    place, size = _DIRECTORY.unpack_from(_cut(file, 0, _DIRECTORY.size))
    directory = _cut(file, place, size - size % 8)
    return list(dict.fromkeys(unpack_from(f"<{len(directory) // 8}q", directory)))


def _whole_items(bucket: bytes) -> bytes:
    items = bucket[_ITEMS_AT:]
    return items[: len(items) - len(items) % _ITEM.size]


def _cut(file: mmap, place: int, size: int) -> bytes:
    if place < 0 or size < 0 or place + size > len(file):
        raise ValueError(f"it points past its end, to byte {place + size}")
    return file[place : place + size]


KEYS: Final = (b"events", b"counter")

#: What a form's file begins with; ndbm is Berkeley DB, which says so in one of three places.
_SQLITE: Final = b"SQLite format 3\0"
_BERKELEY: Final = (0x061561).to_bytes(4, "big")
_BERKELEY_PLACES: Final = ((0, 4), (12, 16))
#: Behind `db`: the forms choose their own ends.
_ENDS: Final = ("", ".db", ".dat", ".pag")
#: A path that names one of two files names both.
_DUMB_ENDS: Final = frozenset({".dat", ".dir", ".bak"})

_NO_NDBM: Final = (
    "it was written with dbm.ndbm, which this Python lacks: run `flower-ng import` with the Python"
    " that ran Flower, or with Debian's or Ubuntu's own (package libpython3-stdlib)"
)


class UnreadableError(Exception):
    """Why a file is not taken in: what is wrong with it, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A file that Flower may have left: `form` is SQLite, gdbm, ndbm or dumb."""

    path: Path
    form: str

    @property
    def version(self) -> str:
        """Its size in bytes and when it was changed, in nanoseconds."""
        stat = self.path.stat()
        return f"{stat.st_size} {stat.st_mtime_ns}"

    def pickles(self) -> tuple[bytes | None, ...]:
        """Return the values of KEYS, None for one that is missing.

        Raises UnreadableError, OSError, ValueError and what the forms raise of their own.
        """
        return _READERS[self.form](self.path)


def shelf_at(db: Path) -> Shelf | None:
    """Return the newest shelf that a Flower with this `db` may have left, None without one."""
    stem = db.with_suffix("") if db.suffix in _DUMB_ENDS else db
    shelves = [shelf for end in _ENDS if (shelf := _recognised(Path(f"{stem}{end}")))]
    return max(shelves, key=lambda shelf: shelf.path.stat().st_mtime_ns, default=None)


def _recognised(path: Path) -> Shelf | None:
    try:
        form = _form(path) if path.is_file() else None
    except (OSError, sqlite3.Error):  # not for us to read, a name that is too long, torn
        return None
    return Shelf(path, form) if form else None


def _form(path: Path) -> str | None:
    with path.open("rb") as file:
        head = file.read(16)
    if head == _SQLITE:
        return "SQLite" if _tables(path) == [("Dict",)] else None
    if head.startswith(GDBM_MAGIC):
        return "gdbm"
    if any(head[start:end] in {_BERKELEY, _BERKELEY[::-1]} for start, end in _BERKELEY_PLACES):
        return "ndbm"
    is_dumb = path.suffix == ".dat" and path.with_suffix(".dir").is_file()
    return "dumb" if is_dumb else None


def _tables(path: Path) -> list[tuple[str]]:
    with _sqlite_opened(path) as connection:
        return connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()


def _sqlite(path: Path) -> tuple[bytes | None, ...]:
    with _sqlite_opened(path) as connection:
        rows = dict(connection.execute("SELECT CAST(key AS BLOB), CAST(value AS BLOB) FROM Dict"))
    return tuple(rows.get(key) for key in KEYS)


@contextmanager
def _sqlite_opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file as it lies there; a copy where a log beside it has more."""
    log = Path(f"{path}-wal")
    if not log.is_file():
        with closing(_immutable(path)) as connection:
            yield connection
        return
    with TemporaryDirectory(prefix="flower_ng-") as folder:
        copy = shutil.copy(path, folder)
        shutil.copy(log, folder)
        with closing(sqlite3.connect(copy)) as connection:
            yield connection


def _immutable(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def _gdbm(path: Path) -> tuple[bytes | None, ...]:
    with path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as content:
        return tuple(gdbm_value(content, key) for key in KEYS)


def _ndbm(path: Path) -> tuple[bytes | None, ...]:
    """Read a copy: the library would lock the file."""
    if sys.platform == "win32":
        raise UnreadableError(_NO_NDBM)
    try:
        import dbm.ndbm  # noqa: PLC0415 - few builds of Python have it
    except ImportError as error:
        raise UnreadableError(_NO_NDBM) from error
    with TemporaryDirectory(prefix="flower_ng-") as folder:
        shutil.copy(path, Path(folder) / "copy.db")
        with dbm.ndbm.open(str(Path(folder) / "copy"), "r") as content:
            return tuple(content.get(key) for key in KEYS)


def _dumb(path: Path) -> tuple[bytes | None, ...]:
    with dbm.dumb.open(str(path.with_suffix("")), "r") as content:
        return tuple(content.get(key) for key in KEYS)


_READERS: Final[Mapping[str, Callable[[Path], tuple[bytes | None, ...]]]] = MappingProxyType(
    {"SQLite": _sqlite, "gdbm": _gdbm, "ndbm": _ndbm, "dumb": _dumb}
)
