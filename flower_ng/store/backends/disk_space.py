"""How much room a store may take where nobody said: `usual_max_bytes`. At the start."""

import shutil
import tempfile
from pathlib import Path
from typing import Final

#: No store is larger unless somebody says so.
MOST_BYTES: Final = 10_000_000_000


#: What a store in memory may take where nothing can be written.
MEMORY_BYTES: Final = 500_000_000


def usual_max_bytes(path: Path | None) -> int:
    """Return 10 GB, or half of what would be free on the disk without the store, if that is less.

    `path` is the store's, None for a temporary one. What the store takes already counts as free:
    else each start would leave it half of what the last one did.
    """
    try:
        folder = existing(path.parent) if path else Path(tempfile.gettempdir())
        free = shutil.disk_usage(folder).free
    except OSError:  # there is no such folder: opening the store will say so
        return MOST_BYTES
    kept = (f"{path.name}.sqlite3*", f"{path.name}.index/*") if path else ()
    own = sum(_size(file) for pattern in kept for file in folder.glob(pattern))
    return min(MOST_BYTES, (free + own) // 2)


def existing(folder: Path) -> Path:
    """Return the folder, or the nearest above it that is there."""
    return next(one for one in (folder.absolute(), *folder.absolute().parents) if one.is_dir())


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
