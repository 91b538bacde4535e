"""The configuration file as a source of options: Python that is run; its globals are options.

Runs at start.
"""

import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flower_ng.errors import SettingsError
from flower_ng.settings.given import Given
from flower_ng.settings.option import Option, from_python


def read(path: Path, options: Mapping[str, Option]) -> dict[str, Given]:
    """Run the file and take the globals that are options; others mean nothing.

    SettingsError if it can't be run or holds a wrong value.
    """
    found = run(path)
    return {
        name: Given.read(options[name], f"{path.name}: {name}", from_python, found[name])
        for name in options
        if name in found
    }


def run(path: Path) -> dict[str, Any]:
    """Run the file as Python and return its globals."""
    names: dict[str, Any] = {"__file__": str(path), "__name__": "flowerconfig"}
    try:
        code = compile(path.read_bytes(), path, "exec")
        exec(code, names)  # noqa: S102 - it is the user's own file, and Python by contract
    except OSError as error:
        raise SettingsError(
            f"Cannot read the configuration file {path}: {error.strerror}"
        ) from error
    except Exception as error:
        raise SettingsError(
            f"The configuration file {path} failed{line(error, path)}: "
            f"{type(error).__name__}: {error}"
        ) from error
    return names


def line(error: Exception, path: Path) -> str:
    """Say in which line of the file it went wrong, where that is known."""
    if isinstance(error, SyntaxError):
        return f" in line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    numbers = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f" in line {numbers[-1]}" if numbers else ""
