"""Importing brings what a Flower kept into the history, from the command line. Main thread."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from flower_ng import drop_in
from flower_ng.assemble import history_limits
from flower_ng.errors import FlowerError, SettingsError
from flower_ng.redaction import Redactor
from flower_ng.settings import Settings, load
from flower_ng.store import ImportResult, Store, found_at


def bring(arguments: Sequence[str]) -> None:
    """Import the file that the first argument names, with the options of the dashboard."""
    try:
        imported = imported_from(arguments)
    except FlowerError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{imported}.")


def imported_from(arguments: Sequence[str]) -> ImportResult:
    """Import into the history that the options of every source name."""
    if not arguments or arguments[0].startswith("-"):
        raise SettingsError("Name what Flower's option db named: flower-ng import FLOWER_DB")
    shelf = found_at(Path(arguments[0]))
    drop_in.install()
    loaded = load(["--persistent", *arguments[1:]], os.environ, Path.cwd())
    for warning in loaded.warnings:
        click.echo(warning, err=True)
    store = store_of(loaded.settings)
    store.start()
    try:
        return store.import_flower(shelf)
    finally:
        store.stop()


def store_of(settings: Settings) -> Store:
    """Build the store that the dashboard would have."""
    return Store(
        Path(settings.db),
        max_tasks=settings.history_max_tasks or settings.max_tasks,
        history=settings.history,
        limits=history_limits(settings),
        redactor=Redactor(settings.redact, settings.redact_keys),
    )
