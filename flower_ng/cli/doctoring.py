"""Doctoring looks at a cluster from the command line, without a dashboard. Main thread.

Exit code: 0 all is fine, 1 something needs attention, 2 something is broken, or it can't start.
"""

import asyncio
import json
import logging
import os
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import click
from celery import Celery
from tornado.ioloop import IOLoop

from flower_ng import __version__, drop_in
from flower_ng.brokers import brokers_for, mask
from flower_ng.brokers.urls import readable
from flower_ng.doctor import CheckMark, Doctor, Report, Surveyor
from flower_ng.doctor.text import lines, plain
from flower_ng.doctor.threads import Daemons
from flower_ng.doctoring import own
from flower_ng.errors import FlowerError
from flower_ng.monitor.ingest.events import EventsThread
from flower_ng.monitor.ingest.inbox import Inbox
from flower_ng.monitor.state.state import ClusterState
from flower_ng.settings import Loaded, load, load_arguments

COLOURS: Final = {
    CheckMark.BROKEN: "red",
    CheckMark.ATTENTION: "yellow",
    CheckMark.UNKNOWN: "cyan",
    CheckMark.NOTE: "blue",
    CheckMark.OK: "green",
}


class CannotBegin(click.ClickException):
    """Nothing could be looked at."""

    exit_code = 2


def examine(
    capp: Celery,
    arguments: Sequence[str],
    celery_options: Collection[str],
    *,
    as_json: bool,
    has_colour: bool,
) -> int:
    """Look at the cluster of a Celery app, print what was found, and return the exit code."""
    loaded = options(arguments, celery_options)
    logging.disable(logging.ERROR)  # the report says what would be logged
    report = begun(capp, loaded)
    if as_json:
        click.echo(json.dumps(plain(report), indent=2))
        return report.code
    click.echo(f"flower_ng {__version__} looks at {capp.main}\n")
    for line in lines(report, lambda word, mark: click.style(word, fg=COLOURS[mark])):
        click.echo(line, color=None if has_colour else False)
    return report.code


def begun(capp: Celery, loaded: Loaded) -> Report:
    """Look; CannotBegin where the app is unusable: its modules or its broker's address."""
    try:
        capp.loader.import_default_modules()
        return asyncio.run(looked(capp, loaded))
    except FlowerError as error:
        raise CannotBegin(error.message) from error
    except Exception as error:
        words = mask(f"{type(error).__name__}: {error}")
        raise CannotBegin(f"The app or its broker's address can't be used: {words}") from error


def options(arguments: Sequence[str], celery_options: Collection[str]) -> Loaded:
    """Read the options as a dashboard would; an unknown one is an error here."""
    drop_in.install()
    try:
        unknown = load_arguments(arguments, Path.cwd()).warnings
        if unknown:
            raise click.UsageError("\n".join(unknown).replace("Ignored unknown", "Unknown"))
        return load(arguments, os.environ, Path.cwd(), celery_options=celery_options)
    except FlowerError as error:
        raise click.UsageError(str(error)) from error


async def looked(capp: Celery, loaded: Loaded) -> Report:
    """Look once, and close what was opened."""
    settings, pool = loaded.settings, Daemons()
    events = EventsThread(
        capp, IOLoop.current(), state=ClusterState(), inbox=Inbox(), enable_events=False
    )
    broker = brokers_for(
        readable(capp.conf.broker_read_url, events.servers.every),
        lambda: events.servers.current,
        pool,
        management_url=settings.broker_api,
    )
    surveyor = Surveyor(
        capp,
        pool,
        broker,
        events,
        lambda: own(settings, loaded.warnings),
        reply_s=settings.inspect_timeout / 1000,
    )
    events.start()
    try:
        return await Doctor(surveyor.survey).look()
    finally:
        await asyncio.to_thread(events.stop)
