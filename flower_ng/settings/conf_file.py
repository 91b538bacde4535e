"""The configuration file as a source of options: Python that is run; its globals are options.

Runs at start.
"""

import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from flower_ng.errors import SettingsError
from flower_ng.settings.given import Given
from flower_ng.settings.nearest import nearest
from flower_ng.settings.option import Option, from_python

#: How alike a global and an option are, 0 to 1, that one is taken for the other misspelt.
ALIKE: Final = 0.75


def read(path: Path, options: Mapping[str, Option]) -> tuple[dict[str, Given], list[str]]:
    """Run the file and take the globals that are options, and warnings of what resembles one.

    Other globals mean nothing. SettingsError if it can't be run or holds a wrong value.
    """
    found = run(path)
    given = {
        name: Given.read(options[name], f"{path.name}: {name}", from_python, found[name])
        for name in options
        if name in found
    }
    return given, list(misspelt(found, options, path))


def misspelt(found: Mapping[str, Any], options: Mapping[str, Option], path: Path) -> Iterator[str]:
    """Warn of plain values whose names are nearly those of options; others are helpers."""
    for name, value in found.items():
        is_plain = value is None or isinstance(value, str | int | float | list | tuple)
        if name not in options and not name.startswith("_") and is_plain:
            near = nearest(name, options, ALIKE)
            if near:
                where = f"{name} in {path.name}"
                yield f"Ignored {where}: there is no such option; did you mean {near}?"


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
    except (Exception, SystemExit) as error:
        raise SettingsError(
            f"The configuration file {path} failed{line(error, path)}: "
            f"{type(error).__name__}: {error}"
        ) from error
    return names


def line(error: BaseException, path: Path) -> str:
    """Say in which line of the file it went wrong, where that is known."""
    if isinstance(error, SyntaxError):
        return f" in line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    numbers = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f" in line {numbers[-1]}" if numbers else ""
