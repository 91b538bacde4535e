"""Reads a GNU dbm file, which is rarely to be had as a module, as bytes: nothing locks it. Pure.

Standard format, 64-bit offsets, little-endian: what every build of gdbm writes on today's machines.
A header names the directory, the directory the buckets, a bucket its items; an item is where its
key and value lie, one behind the other.
"""

from collections.abc import Iterator
from mmap import mmap
from struct import Struct, calcsize, unpack_from
from typing import Final

MAGIC: Final = (0x13579ACF).to_bytes(4, "little")

#: Behind the magic number and the size of a block: where the directory begins, its bytes.
_DIRECTORY: Final = Struct("<8xqi")
#: Of a bucket: its free places and its depth in bits, then how many items it holds.
_BUCKET_COUNT_AT: Final = calcsize("<i4x") + 6 * calcsize("<i4xq") + calcsize("<i")
_ITEMS_AT: Final = _BUCKET_COUNT_AT + calcsize("<i")
_BUCKET_BYTES_AT: Final = 24
#: Hash, beginning of the key, place, bytes of the key, bytes of the value.
_ITEM: Final = Struct("<i4sqii")
_NO_HASH: Final = -1


def value(file: mmap, key: bytes) -> bytes | None:
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
