"""Load puts the sources together: default < environment < configuration file < command line.

Runs at start; reads nothing but its arguments and the configuration file.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from flower_ng.errors import SettingsError
from flower_ng.settings import command_line, conf_file, environment
from flower_ng.settings.declared import OPTIONS, Settings
from flower_ng.settings.given import Given
from flower_ng.settings.option import Option

BY_NAME: Final[Mapping[str, Option]] = {option.name: option for option in OPTIONS}
#: Tasks in a history that lasts, unless somebody gave a number.
LASTING_TASKS: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, and what the operator should know about how they came to be."""

    settings: Settings
    warnings: Sequence[str]


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
    written = conf_file.read(path, BY_NAME) if path else {}
    settings = settle({**variables, **written, **arguments.given}, cwd)
    return Loaded(settings, [*environment.warnings(environ, BY_NAME), *arguments.warnings])


def load_arguments(argv: Sequence[str], cwd: Path, **defaults: Any) -> Loaded:
    """Read the command line alone, over defaults of the caller's own."""
    arguments = command_line.read(argv, BY_NAME)
    own = {name: Given(BY_NAME[name], "default", value) for name, value in defaults.items()}
    return Loaded(settle({**own, **arguments.given}, cwd), arguments.warnings)


def conf_path(given: Mapping[str, Given], cwd: Path) -> Path | None:
    """Where the configuration file is; only the one that nobody asked for may be missing."""
    default = BY_NAME["conf"].default
    name = given["conf"].value if "conf" in given else default
    path = cwd / Path(name).expanduser()
    return None if name == default and not path.exists() else path


def settle(given: Mapping[str, Given], cwd: Path) -> Settings:
    """The settings, their file names made whole, with what only shows in company checked."""
    values = {name: one.value for name, one in given.items()}
    values |= {name: str(path) for name, path in tls_files(values, cwd)}
    if (values.get("persistent") or values.get("history")) and "max_tasks" not in values:
        values.setdefault("history_max_tasks", LASTING_TASKS)
    settings = Settings(**values)
    if bool(settings.certfile) != bool(settings.keyfile):
        raise SettingsError("'certfile' and 'keyfile' belong together: give both, or neither")
    return settings


def tls_files(values: Mapping[str, object], cwd: Path) -> Iterator[tuple[str, Path]]:
    """The files of TLS with their whole paths; SettingsError if one is missing."""
    for name in ("certfile", "keyfile", "ca_certs"):
        if values.get(name):
            path = cwd / Path(str(values[name])).expanduser()
            if not path.is_file():
                raise SettingsError(f"Invalid '--{name}' option: there is no file {path}")
            yield name, path
