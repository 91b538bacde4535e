"""The command line: `celery -A proj flower_ng`, `flower-ng`, `flower-ng demo`. Main thread.

A sub-command of Celery, found through the entry-point group `celery.commands`; everything before
its name is Celery's own.
"""

import asyncio
import contextlib
import errno
import itertools
import logging
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import click
from celery import Celery
from celery.bin.celery import celery as umbrella
from tornado import autoreload
from tornado.log import enable_pretty_logging

from flower_ng import __version__, demo, drop_in
from flower_ng.app import Flower
from flower_ng.errors import FlowerError
from flower_ng.settings import OPTIONS, Loaded, Option, Settings, load, load_arguments

log = logging.getLogger(__name__)

OWN_WORDS: Final = frozenset({"--help", "--version"})  # ours, although Celery has them too
METAVARS: Final[Mapping[type | None, str]] = {
    bool: "BOOL",
    int: "INT",
    float: "FLOAT",
    str: "TEXT",
    None: "FUNCTION",
}


class Command(click.Command):
    """A command whose options are those of Settings, read by `load` and listed by `--help`."""

    def __init__(self, name: str, callback: Any, summary: str, usage: Sequence[str]) -> None:
        super().__init__(
            name,
            callback=callback,
            help=summary,
            params=[
                click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED),
                click.Option(
                    ["--version"],
                    is_flag=True,
                    is_eager=True,
                    expose_value=False,
                    callback=print_version,
                    help="Show the version and exit.",
                ),
            ],
            context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
        )
        self.usage = usage

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write how the command is started."""
        for line in self.usage:
            formatter.write_usage(*line.split(" ", 1))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options by group, then `--version` and `--help`."""
        for group, options in itertools.groupby(OPTIONS, attrgetter("group")):
            with formatter.section(group):
                formatter.write_dl([(usage(option), description(option)) for option in options])
        super().format_options(ctx, formatter)


def usage(option: Option) -> str:
    """How the option is written: `--basic_auth=TEXT,…`."""
    return f"{option.flag}={METAVARS[option.type]}{',…' if option.multiple else ''}"


def description(option: Option) -> str:
    """What the option does, and its default where it has one."""
    return f"{option.help} [{option.default_text}]" if option.default_text else option.help


def print_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's signature
    """Print the version and exit."""
    if wanted:
        click.echo(f"flower_ng {__version__}")
        ctx.exit()


def watch(arguments: Sequence[str], **_preload: Any) -> None:
    """Serve the dashboard of the Celery app that the group has found.

    `_preload` are options that an app adds to all of Celery's commands.
    """
    context = click.get_current_context()
    drop_in.install()
    with in_one_line():
        loaded = load(
            arguments, os.environ, Path.cwd(), celery_options=option_names(context.parent)
        )
    drop_in.install(loaded.settings)
    serve(context.obj.app, loaded, quiet=context.obj.quiet)


def show(arguments: Sequence[str]) -> None:
    """Serve the dashboard of the demo; only the command line counts here."""
    with in_one_line():
        loaded = load_arguments(arguments, Path.cwd(), address="127.0.0.1")
    sys.exit(demo.run(lambda capp, notice: serve(capp, loaded, notice=notice)))


def option_names(context: click.Context | None) -> set[str]:
    """Every spelling of the group's own options, dashes included."""
    parameters = context.command.params if context else []
    return {name for parameter in parameters for name in parameter.opts}


@contextlib.contextmanager
def in_one_line() -> Iterator[None]:
    """End the program with one line and exit code 1 for what we raise on purpose."""
    try:
        yield
    except FlowerError as error:
        raise click.ClickException(str(error)) from error


def serve(capp: Celery, loaded: Loaded, *, quiet: bool = False, notice: str = "") -> int:
    """Serve until SIGTERM or SIGINT and return 0; one line and exit code 1 if it can't start."""
    start_logging(loaded.settings)
    for warning in loaded.warnings:
        log.warning(warning)
    capp.loader.import_default_modules()
    with in_one_line():
        asyncio.run(run(capp, loaded.settings, quiet=quiet, notice=notice))
    return 0


def start_logging(settings: Settings) -> None:
    """Log as Tornado's options say; `debug` lowers the usual level."""
    level = "debug" if settings.debug and settings.logging.lower() == "info" else settings.logging
    mode = settings.log_rotate_mode.lower()
    try:
        enable_pretty_logging(replace(settings, logging=level, log_rotate_mode=mode))
    except OSError as error:
        raise click.ClickException(f"Invalid '--log_file_prefix' option: {error}") from error


async def run(capp: Celery, settings: Settings, *, quiet: bool, notice: str) -> None:
    """Run the dashboard until a signal ends it; whatever happens, it is stopped in order."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    flower = Flower(capp, settings, notice=notice)
    if settings.debug and not notice:  # the demo's workers would be left behind
        autoreload.start()
    try:
        await start(flower, settings)
        for line in () if quiet else banner(flower):
            log.info(line)
        await ended.wait()
    finally:
        await flower.stop()


async def start(flower: Flower, settings: Settings) -> None:
    """Start the dashboard; FlowerError says why it can't listen."""
    try:
        await flower.start()
    except OSError as error:
        raise FlowerError(cannot_start(error, settings)) from error


def cannot_start(error: OSError, settings: Settings) -> str:
    """Say why, and what to do."""
    if error.errno == errno.EADDRINUSE:
        return f"Port {settings.port} is in use: end what listens there, or choose another: --port"
    return f"Cannot start: {error}"


def banner(flower: Flower) -> Iterator[str]:
    """What is served where, and from which broker."""
    places = [f"unix socket {flower.socket_path}"] if flower.socket_path else flower.urls
    yield f"flower_ng {__version__} at {', '.join(places)}"
    yield f"Broker: {flower.cluster.broker_url}"
    yield f"Registered tasks: {', '.join(flower.cluster.registered_tasks())}"


SUMMARY = "Watch and steer a Celery cluster from the browser."
USAGE = (
    "celery [CELERY OPTIONS] flower_ng [OPTIONS]",
    "flower-ng [CELERY OPTIONS] [demo] [OPTIONS]",
)
command = Command("flower_ng", watch, SUMMARY, USAGE)
alias = Command("flower-ng", watch, SUMMARY, USAGE)
demo_command = Command(
    "demo", show, "Show the dashboard on a pretended shop.", ["flower-ng demo [OPTIONS]"]
)


def main() -> None:
    """Run the console script: the dashboard, or the demo if that is the first word."""
    before, rest = parted(sys.argv[1:])
    if rest[:1] == ["demo"] and before:
        sys.exit(f"The demo brings its own Celery app: leave out {' '.join(before)}")
    if rest[:1] == ["demo"]:
        demo_command.main(rest[1:], prog_name="flower-ng demo")
    celery([*before, "flower_ng", *rest], prog_name="flower-ng")


def celery(arguments: Sequence[str] | None = None, prog_name: str | None = None) -> None:
    """Run Celery's own command with ours among its sub-commands, registered or not."""
    umbrella.add_command(command)
    umbrella.add_command(alias)
    umbrella.main(arguments, prog_name=prog_name, auto_envvar_prefix="CELERY")


def parted(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Celery's options, with their values, and the rest."""
    flags = names_where(takes_value=False) - OWN_WORDS
    valued = names_where(takes_value=True)
    end = 0
    while end < len(arguments) and arguments[end].partition("=")[0] in flags | valued:
        end += 2 if arguments[end] in valued else 1
    return list(arguments[:end]), list(arguments[end:])


def names_where(*, takes_value: bool) -> set[str]:
    """The spellings of Celery's options that do, or don't, take a value."""
    options = [option for option in umbrella.params if isinstance(option, click.Option)]
    return {name for option in options if option.is_flag != takes_value for name in option.opts}
