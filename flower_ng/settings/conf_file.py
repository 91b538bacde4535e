"""Reads options from the configuration file: Python code whose globals are options. At start."""

import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from flower_ng.errors import SettingsError
from flower_ng.settings.given import Given, masked
from flower_ng.settings.nearest import nearest
from flower_ng.settings.option import Option, from_python

#: From this similarity on (0 to 1), a global counts as a misspelt option.
ALIKE: Final = 0.75


def read(path: Path, options: Mapping[str, Option]) -> tuple[dict[str, Given], list[str]]:
    """Run the file; return its globals that are options, and warnings of misspelt ones.

    Other globals are ignored. SettingsError if the file fails or holds a wrong value.
    """
    names = run(path)
    given = {
        name: Given.read(options[name], f"{path.name}: {name}", from_python, names[name])
        for name in options
        if name in names
    }
    return given, list(misspelt(names, options, path))


def misspelt(names: Mapping[str, Any], options: Mapping[str, Option], path: Path) -> Iterator[str]:
    """Yield a warning for each plain value whose name is nearly an option's."""
    for name, value in names.items():
        is_plain = value is None or isinstance(value, str | int | float | list | tuple)
        if name not in options and not name.startswith("_") and is_plain:
            near = nearest(name, options, ALIKE)
            if near:
                where = f"{name} in {path.name}"
                yield f"Ignored unknown option {where}; did you mean {near}?"


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
            f"{type(error).__name__}: {masked(' '.join(str(error).split()))}"
        ) from error
    return names


def line(error: BaseException, path: Path) -> str:
    """Return ` in line N` of the file where the error arose, empty if that is unknown."""
    if isinstance(error, SyntaxError):
        return f" in line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    numbers = [frame.lineno for frame in frames if frame.filename == str(path)]
    return f" in line {numbers[-1]}" if numbers else ""
