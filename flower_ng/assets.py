"""Finds templates and static files, and computes their version. At the start.

A wheel carries the two folders inside the package; a checkout has them beside it.
"""

import hashlib
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def templates() -> Path:
    """The folder of the page templates."""
    return folder("templates")


def static() -> Path:
    """The folder of the style sheets, scripts and images."""
    return folder("static")


def folder(name: str, package: Path = PACKAGE) -> Path:
    """The folder inside the package, else the one beside it."""
    inside = package / name
    return inside if inside.is_dir() else package.parent / name


def digest(root: Path) -> str:
    """Sixteen hex digits that change whenever a file below `root` does, or its path."""
    sha = hashlib.sha256()
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        content = path.read_bytes()
        sha.update(f"{path.relative_to(root).as_posix()}\0{len(content)}\0".encode())
        sha.update(content)
    return sha.hexdigest()[:16]
