"""Draws static/favicon.ico: the flower of static/img/logo.svg in 32 x 32 pixels."""

import math
import struct
import zlib
from pathlib import Path

SIZE = 32
SAMPLES = 4  # each pixel is the mean of SAMPLES x SAMPLES points
PETAL, CENTRE = (0x7D, 0x56, 0xD8), (0xF4, 0xBD, 0x4A)
TARGET = Path(__file__).resolve().parent.parent / "static" / "favicon.ico"


def colour(x: float, y: float) -> tuple[int, int, int] | None:
    """The colour of a point, None where nothing is drawn; the middle is (0, 0)."""
    if math.hypot(x, y) <= 5.4:  # noqa: PLR2004 - the logo's own numbers, here and below
        return CENTRE
    for turn in range(5):
        angle = math.radians(72 * turn)
        across = x * math.cos(angle) + y * math.sin(angle)
        along = y * math.cos(angle) - x * math.sin(angle)
        if (across / 4.9) ** 2 + ((along + 8.4) / 6.6) ** 2 <= 1:
            return PETAL
    return None


def pixel(column: int, row: int) -> bytes:
    """Red, green, blue and opacity of a pixel."""
    steps = [(step + 0.5) / SAMPLES - SIZE / 2 for step in range(SAMPLES)]
    points = [colour(column + dx, row + dy) for dx in steps for dy in steps]
    seen = [point for point in points if point is not None]
    if not seen:
        return bytes(4)
    mean = (round(sum(channel) / len(seen)) for channel in zip(*seen, strict=True))
    return bytes((*mean, round(255 * len(seen) / len(points))))


def png() -> bytes:
    """The picture as PNG."""
    rows = (b"\0" + b"".join(pixel(column, row) for column in range(SIZE)) for row in range(SIZE))
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 6, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def main() -> None:
    """Write the icon: a directory of one entry, then the PNG."""
    picture = png()
    entry = struct.pack("<BBBBHHII", SIZE, SIZE, 0, 0, 1, 32, len(picture), 22)
    TARGET.write_bytes(struct.pack("<HHH", 0, 1, 1) + entry + picture)


if __name__ == "__main__":
    main()
