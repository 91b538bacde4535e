"""The console script `flower-ng [celery's options] [a word] [options]`. Main thread.

Celery's command takes half a second to import; a probe, which containers start again and again, and
the other words that need no Celery app do without it.
"""

import sys
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

import click

from flower_ng.cli import (
    alias,
    command,
    demo_command,
    doctor_command,
    hash_command,
    import_command,
    probe_command,
    token_command,
)

OWN_WORDS: Final = frozenset({"--help", "--version"})  # ours, although Celery has them too
#: The words that need no Celery app, with the command of each.
WITHOUT_APP: Final[Mapping[str, click.Command]] = {
    "demo": demo_command,
    "hash-password": hash_command,
    "import": import_command,
    "probe": probe_command,
    "token": token_command,
}


def main() -> None:
    """Run the console script: the dashboard, or what the first word says."""
    arguments = sys.argv[1:]
    word = arguments[0] if arguments else ""
    if word in OWN_WORDS:
        command.main(arguments, prog_name="flower-ng")
    before, rest = ([], arguments) if word in WITHOUT_APP else parted(arguments)
    word = rest[0] if rest else ""
    if word == "demo" and before:
        sys.exit(f"The demo brings its own Celery app: leave out {' '.join(before)}")
    if word in WITHOUT_APP:
        WITHOUT_APP[word].main(rest[1:], prog_name=f"flower-ng {word}")
    if word == "doctor":
        celerys, ours = sorted_out(rest[1:])
        celery([*before, *celerys, "doctor", *ours], prog_name="flower-ng")
    celery([*before, "flower_ng", *rest], prog_name="flower-ng")


def celery(arguments: Sequence[str] | None = None, prog_name: str | None = None) -> None:
    """Run Celery's own command with ours among its sub-commands, registered or not."""
    umbrella().add_command(command)
    umbrella().add_command(alias)
    umbrella().add_command(doctor_command)
    umbrella().main(arguments, prog_name=prog_name, auto_envvar_prefix="CELERY")


@cache
def umbrella() -> click.Group:
    """Celery's own command."""
    from celery.bin.celery import celery as group  # noqa: PLC0415 - see the first lines

    return group


def parted(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Celery's options, with their values, and the rest."""
    flags = names_where(takes_value=False) - OWN_WORDS
    valued = names_where(takes_value=True)
    end = 0
    while end < len(arguments) and arguments[end].partition("=")[0] in flags | valued:
        end += 2 if arguments[end] in valued else 1
    return list(arguments[:end]), list(arguments[end:])


def sorted_out(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Celery's options, with their values, wherever they stand, and the rest."""
    celerys: list[str] = []
    ours: list[str] = []
    rest = list(arguments)
    while rest:
        found, rest = parted(rest)
        celerys += found
        ours += rest[:1]
        rest = rest[1:]
    return celerys, ours


def names_where(*, takes_value: bool) -> set[str]:
    """The spellings of Celery's options that do, or don't, take a value."""
    options = [option for option in umbrella().params if isinstance(option, click.Option)]
    return {name for option in options if option.is_flag != takes_value for name in option.opts}
