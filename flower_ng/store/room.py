"""How much room a store may take where nobody said: `usual_max_bytes`. At the start."""

import shutil
import tempfile
from pathlib import Path
from typing import Final

#: No store is larger unless somebody says so.
MOST_BYTES: Final = 10_000_000_000


def usual_max_bytes(path: Path | None) -> int:
    """Return 10 GB, or half of what would be free on the disk without the store, if that is less.

    `path` is the store's, None for a temporary one. What the store takes already counts as free:
    else each start would leave it half of what the last one did.
    """
    folder = path.parent if path else Path(tempfile.gettempdir())
    try:
        free = shutil.disk_usage(folder).free
    except OSError:  # no such folder yet; opening the store will say so
        return MOST_BYTES
    own = sum(map(_size, folder.glob(f"{path.name}.*sqlite3*"))) if path else 0
    return min(MOST_BYTES, (free + own) // 2)


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
