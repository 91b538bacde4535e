"""Loads the options: defaults < environment < configuration file < command line.

Runs at start; reads only its arguments and the configuration file.
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
from flower_ng.settings.nearest import suggestion
from flower_ng.settings.option import Option

BY_NAME: Final[Mapping[str, Option]] = {option.name: option for option in OPTIONS}
#: Default limit of tasks in a history that survives restarts.
LASTING_TASKS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, where each value came from, and warnings for the operator.

    `places` maps an option's name to `--port`, `FLOWER_PORT` or `flowerconfig.py: port`.
    """

    settings: Settings
    warnings: Sequence[str]
    places: Mapping[str, str] = field(default_factory=dict, compare=False)

    def place(self, name: str) -> str:
        """Return where an option was set, as messages name it."""
        return self.places.get(name, f"--{name}")


def load(
    argv: Sequence[str],
    environ: Mapping[str, str],
    cwd: Path,
    *,
    celery_options: Collection[str] = (),
) -> Loaded:
    """Read every source; SettingsError, in one line, for a wrong value.

    `celery_options` are names of Celery's options, which belong before the sub-command.
    """
    arguments = command_line.read(argv, BY_NAME, celery_options)
    variables = environment.read(environ, BY_NAME)
    path = conf_path({**variables, **arguments.given}, cwd)
    written, misspelt = conf_file.read(path, BY_NAME) if path else ({}, [])
    warnings = [*environment.warnings(environ, BY_NAME), *misspelt, *arguments.warnings]
    return settle({**variables, **written, **arguments.given}, cwd, warnings)


def load_arguments(argv: Sequence[str], cwd: Path, **defaults: Any) -> Loaded:
    """Read only the command line, over the caller's defaults."""
    arguments = command_line.read(argv, BY_NAME)
    own = {name: Given(BY_NAME[name], "default", value) for name, value in defaults.items()}
    return settle({**own, **arguments.given}, cwd, arguments.warnings)


def conf_path(given: Mapping[str, Given], cwd: Path) -> Path | None:
    """Return the path of the configuration file, None if the default one is missing."""
    default = BY_NAME["conf"].default
    name = given["conf"].value if "conf" in given else default
    path = cwd / Path(name).expanduser()
    return None if name == default and not path.exists() else path


def settle(given: Mapping[str, Given], cwd: Path, warnings: Sequence[str]) -> Loaded:
    """Build the settings: file names made absolute, options that depend on each other checked."""
    values = {name: source.value for name, source in given.items()}
    values |= {name: str(path) for name, path in tls_files(given, cwd)}
    if values.get("db"):
        values["db"] = history_path(values["db"], cwd)
    if (values.get("persistent") or values.get("history")) and "max_tasks" not in values:
        values.setdefault("history_max_tasks", LASTING_TASKS)
    settings = Settings(**values)
    if bool(settings.certfile) != bool(settings.keyfile):
        raise SettingsError("'certfile' and 'keyfile' belong together: set both, or neither")
    places = {name: source.place for name, source in given.items()}
    return Loaded(settings, [*warnings, *unknown_columns(given)], places)


def tls_files(given: Mapping[str, Given], cwd: Path) -> Iterator[tuple[str, Path]]:
    """Yield the TLS files with absolute paths; SettingsError if one is missing."""
    for name in ("certfile", "keyfile", "ca_certs"):
        if name in given and given[name].value:
            path = cwd / Path(given[name].value).expanduser()
            if not path.is_file():
                raise SettingsError(
                    f"Invalid '{given[name].place}' option: there is no file {path}"
                )
            yield name, path


def history_path(name: str, cwd: Path) -> str:
    """Return the path of the history's file without its suffix; a folder gets the default name."""
    path = cwd / Path(name).expanduser()
    has_file = Path(f"{path}.sqlite3").exists()
    is_folder = name.endswith(("/", os.sep)) or (path.is_dir() and not has_file)
    return str(path / str(BY_NAME["db"].default) if is_folder else Path(name).expanduser())


def unknown_columns(given: Mapping[str, Given]) -> Iterator[str]:
    """Yield a warning for each unknown column; it is left out, as in Flower."""
    if "tasks_columns" in given:
        given_columns = given["tasks_columns"]
        for slug in filter(None, map(str.strip, given_columns.value.split(","))):
            if slug not in TASKS_COLUMNS:
                near = suggestion(slug, TASKS_COLUMNS)
                yield f"Ignored unknown column {slug!r} of {given_columns.place}{near}"
