"""Load puts the sources together: default < environment < configuration file < command line.

Runs at start; reads nothing but its arguments and the configuration file.
"""

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from flower_ng.errors import SettingsError
from flower_ng.settings import command_line, conf_file, environment
from flower_ng.settings.checks import TASKS_COLUMNS
from flower_ng.settings.declared import OPTIONS, Settings
from flower_ng.settings.given import Given
from flower_ng.settings.nearest import meant
from flower_ng.settings.option import Option

BY_NAME: Final[Mapping[str, Option]] = {option.name: option for option in OPTIONS}
#: Tasks in a history that lasts, unless somebody gave a number.
LASTING_TASKS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, where each that was given came from, and what the operator should know of it.

    `places` are as `--port`, `FLOWER_PORT` or `flowerconfig.py: port`, by the option's name.
    """

    settings: Settings
    warnings: Sequence[str]
    places: Mapping[str, str] = field(default_factory=dict, compare=False)

    def place(self, name: str) -> str:
        """How an option's place is called in messages."""
        return self.places.get(name, f"--{name}")


def load(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: Path,
    *,
    celery_options: Collection[str] = (),
) -> Loaded:
    """Read every source; SettingsError, in one line, for whatever is wrong.

    `celery_options` are the names that belong before the sub-command.
    """
    arguments = command_line.read(argv, BY_NAME, celery_options)
    variables = environment.read(environ, BY_NAME)
    path = conf_path({**variables, **arguments.given}, cwd)
    written, misspelt = conf_file.read(path, BY_NAME) if path else ({}, [])
    warnings = [*environment.warnings(environ, BY_NAME), *misspelt, *arguments.warnings]
    return settle({**variables, **written, **arguments.given}, cwd, warnings)


def load_arguments(argv: Sequence[str], cwd: Path, **defaults: Any) -> Loaded:
    """Read the command line alone, over defaults of the caller's own."""
    arguments = command_line.read(argv, BY_NAME)
    own = {name: Given(BY_NAME[name], "default", value) for name, value in defaults.items()}
    return settle({**own, **arguments.given}, cwd, arguments.warnings)


def conf_path(given: Mapping[str, Given], cwd: Path) -> Path | None:
    """Where the configuration file is; only the one that nobody asked for may be missing."""
    default = BY_NAME["conf"].default
    name = given["conf"].value if "conf" in given else default
    path = cwd / Path(name).expanduser()
    return None if name == default and not path.exists() else path


def settle(given: Mapping[str, Given], cwd: Path, warnings: Sequence[str]) -> Loaded:
    """The settings, their file names made whole, with what only shows in company checked."""
    values = {name: one.value for name, one in given.items()}
    values |= {name: str(path) for name, path in tls_files(given, cwd)}
    if values.get("db"):
        values["db"] = history_path(values["db"], cwd)
    if (values.get("persistent") or values.get("history")) and "max_tasks" not in values:
        values.setdefault("history_max_tasks", LASTING_TASKS)
    settings = Settings(**values)
    if bool(settings.certfile) != bool(settings.keyfile):
        raise SettingsError("'certfile' and 'keyfile' belong together: give both, or neither")
    places = {name: one.place for name, one in given.items()}
    return Loaded(settings, [*warnings, *unknown_columns(given)], places)


def tls_files(given: Mapping[str, Given], cwd: Path) -> Iterator[tuple[str, Path]]:
    """The files of TLS with their whole paths; SettingsError if one is missing."""
    for name in ("certfile", "keyfile", "ca_certs"):
        if name in given and given[name].value:
            path = cwd / Path(given[name].value).expanduser()
            if not path.is_file():
                raise SettingsError(
                    f"Invalid '{given[name].place}' option: there is no file {path}"
                )
            yield name, path


def history_path(name: str, cwd: Path) -> str:
    """The path of the history's file, without its suffix; inside of what is a folder."""
    path = cwd / Path(name).expanduser()
    has_file = Path(f"{path}.sqlite3").exists()
    is_folder = name.endswith(("/", os.sep)) or (path.is_dir() and not has_file)
    return str(path / str(BY_NAME["db"].default) if is_folder else Path(name).expanduser())


def unknown_columns(given: Mapping[str, Given]) -> Iterator[str]:
    """Warn of columns that don't exist; they are left out, as in Flower."""
    if "tasks_columns" in given:
        one = given["tasks_columns"]
        for slug in filter(None, map(str.strip, one.value.split(","))):
            if slug not in TASKS_COLUMNS:
                near = meant(slug, TASKS_COLUMNS)
                yield f"Ignored the column {slug!r} of {one.place}: there is none{near}"
