"""The commands as click sees them: `celery -A proj flower_ng` and `flower-ng demo`. Main thread.

A sub-command of Celery, found through the entry-point group `celery.commands`; everything before
its name is Celery's own. Celery imports this module for each of its commands, workers included:
what serves is imported only when it is to serve.
"""

import itertools
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, Final

import click

from flower_ng import __version__
from flower_ng.settings import OPTIONS, Option

METAVARS: Final[Mapping[type | None, str]] = {
    bool: "BOOL",
    int: "INT",
    float: "FLOAT",
    str: "TEXT",
    None: "FUNCTION",
}


class OptionsCommand(click.Command):
    """A command whose options are those of Settings, read by `load` and listed by `--help`."""

    def __init__(
        self,
        name: str,
        callback: Any,
        summary: str,
        usage: Sequence[str],
        options: Sequence[click.Option] = (),
    ) -> None:
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
                *options,
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
    from flower_ng.cli import serving  # noqa: PLC0415 - see the first lines of this module

    context = click.get_current_context()
    found = context.obj
    serving.watch(found.app, arguments, option_names(context.parent), quiet=found.quiet)


def show(arguments: Sequence[str]) -> None:
    """Serve the dashboard of the demo."""
    from flower_ng.cli import serving  # noqa: PLC0415 - see the first lines of this module

    serving.show(arguments)


def bring(arguments: Sequence[str]) -> None:
    """Bring what a Flower kept into the history."""
    from flower_ng.cli import importing  # noqa: PLC0415 - see the first lines of this module

    importing.bring(arguments)


def ask(arguments: Sequence[str]) -> None:
    """Ask a dashboard on this machine whether it is ready."""
    from flower_ng.cli import probing  # noqa: PLC0415 - see the first lines of this module

    probing.probe(arguments)


def examine(arguments: Sequence[str], *, as_json: bool, **_preload: Any) -> None:
    """Look once at the cluster of the Celery app that the group has found, and tell."""
    from flower_ng.cli import doctoring  # noqa: PLC0415 - see the first lines of this module

    context = click.get_current_context()
    found = context.obj
    names = option_names(context.parent)
    context.exit(
        doctoring.examine(
            found.app, arguments, names, as_json=as_json, has_colour=not found.no_color
        )
    )


def hash_password(arguments: Sequence[str]) -> None:
    """Print a line of a user and the hash of a password."""
    from flower_ng.cli import hashing  # noqa: PLC0415 - see the first lines of this module

    hashing.hash_password(arguments)


def create_token(arguments: Sequence[str], *, role: str, scope: str, expires: str) -> None:
    """Make a token and print it."""
    from flower_ng.cli import serving, tokens  # noqa: PLC0415 - see the first lines of this module

    with serving.in_one_line():
        click.echo(tokens.create(arguments, role=role, scope=scope, expires=expires))


def list_tokens(arguments: Sequence[str]) -> None:
    """Print what is known of each token."""
    from flower_ng.cli import serving, tokens  # noqa: PLC0415 - see the first lines of this module

    with serving.in_one_line():
        for line in tokens.lines(arguments):
            click.echo(line)


def revoke_token(arguments: Sequence[str]) -> None:
    """Take a token away."""
    from flower_ng.cli import serving, tokens  # noqa: PLC0415 - see the first lines of this module

    with serving.in_one_line():
        click.echo(f"Revoked {tokens.revoke(arguments)}; the dashboard knows within a second.")


def option_names(context: click.Context | None) -> set[str]:
    """Every spelling of the group's own options, dashes included."""
    parameters = context.command.params if context else []
    return {name for parameter in parameters for name in parameter.opts}


SUMMARY = "Monitor and manage a Celery cluster from the browser."
USAGE = (
    "celery [CELERY OPTIONS] flower_ng [OPTIONS]",
    "flower-ng [CELERY OPTIONS] [demo] [OPTIONS]",
    "flower-ng import FLOWER_DB [OPTIONS]",
    "flower-ng probe [--live] [OPTIONS]",
    "flower-ng doctor [CELERY OPTIONS] [--json] [OPTIONS]",
    "flower-ng hash-password USER",
    "flower-ng token create|list|revoke [NAME] [OPTIONS]",
)
command = OptionsCommand("flower_ng", watch, SUMMARY, USAGE)
alias = OptionsCommand("flower-ng", watch, SUMMARY, USAGE)
demo_command = OptionsCommand(
    "demo", show, "Show the dashboard on a sample shop.", ["flower-ng demo [OPTIONS]"]
)
import_command = OptionsCommand(
    "import",
    bring,
    "Import the file of Flower's option db into the history that the options name. Flower's file is"
    " not changed.",
    ["flower-ng import FLOWER_DB [OPTIONS]"],
)
probe_command = OptionsCommand(
    "probe",
    ask,
    "Ask a dashboard on this machine, found by its options, whether it is ready (with --live:"
    " whether it is up). Exit code 0 means yes.",
    ["flower-ng probe [--live] [OPTIONS]"],
)
hash_command = click.Command(
    "hash-password",
    callback=hash_password,
    help="Ask for a password, or read it from standard input, and print a line for the file of"
    " --htpasswd.",
    params=[click.Argument(["arguments"], nargs=-1, metavar="USER")],
)
_REST: Final = {"ignore_unknown_options": True}
token_command = click.Group(
    "token",
    help="Make, list and revoke the tokens of scripts, in the file of --tokens.",
    commands=[
        click.Command(
            "create",
            callback=create_token,
            help="Make a token and print it, once.",
            params=[
                click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED, metavar="NAME"),
                click.Option(["--role"], default="", help="viewer, operator or admin."),
                click.Option(["--scope"], default="", help="metrics: it is for /metrics alone."),
                click.Option(["--expires"], default="0", help="For how long, such as 90d."),
            ],
            context_settings=_REST,
        ),
        click.Command(
            "list",
            callback=list_tokens,
            help="List all tokens.",
            params=[click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED, metavar="")],
            context_settings=_REST,
        ),
        click.Command(
            "revoke",
            callback=revoke_token,
            help="Revoke a token.",
            params=[
                click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED, metavar="NAME")
            ],
            context_settings=_REST,
        ),
    ],
)
doctor_command = OptionsCommand(
    "doctor",
    examine,
    "Check broker, result backend and workers once: reports what works, what can't be determined,"
    " and which setting would change it. Exit code 0: all good; 1: something needs attention; 2:"
    " something is broken.",
    ["flower-ng doctor [CELERY OPTIONS] [--json] [OPTIONS]"],
    [click.Option(["--json", "as_json"], is_flag=True, help="Print the report as JSON.")],
)
