"""Serving runs the dashboard from its options to its end, on an asyncio loop in the main thread."""

import asyncio
import contextlib
import errno
import gc
import logging
import os
import signal
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click
from celery import Celery
from tornado import autoreload
from tornado.log import enable_pretty_logging

from flower_ng import __version__, demo, drop_in
from flower_ng.app import Flower
from flower_ng.errors import FlowerError
from flower_ng.settings import Loaded, Settings, load, load_arguments

log = logging.getLogger(__name__)

#: Python's default of 700 has collections look at the rows of each batch, which are no garbage;
#: and the second generation, looked at while a thread holds all others, has 20,000 objects at most.
GC_THRESHOLDS = (5_000, 4, 200)
#: Folders are slower than brokers, and the demo's machine may be busy: three seconds for replies.
DEMO_DEFAULTS = {"address": "127.0.0.1", "inspect_timeout": 3000.0, "home": "overview"}


def watch(
    capp: Celery, arguments: Sequence[str], celery_options: Collection[str], *, quiet: bool
) -> None:
    """Serve the dashboard of a Celery app, with the options of every source."""
    drop_in.install()
    with in_one_line():
        loaded = load(arguments, os.environ, Path.cwd(), celery_options=celery_options)
    drop_in.install(loaded.settings)
    serve(capp, loaded, quiet=quiet)


def show(arguments: Sequence[str]) -> None:
    """Serve the dashboard of the demo; only the command line counts here."""
    with in_one_line():
        loaded = load_arguments(arguments, Path.cwd(), **DEMO_DEFAULTS)
    sys.exit(demo.run(lambda capp, notice: serve(capp, loaded, notice=notice)))


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
        spare_collections()
        for line in () if quiet else (*banner(flower), *filter(None, [notice])):
            log.info(line)
        await ended.wait()
    finally:
        await flower.stop()


def spare_collections() -> None:
    """Have collections of garbage look at less: not at what was imported, which stays for ever."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


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
