"""Serving runs the dashboard from its options to its end, on an asyncio loop in the main thread."""

import asyncio
import contextlib
import ctypes
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
from flower_ng.cli.log_format import formatter
from flower_ng.cli.log_limit import LogLimit
from flower_ng.ending import Ending
from flower_ng.errors import FlowerError
from flower_ng.host_lookup import limit_lookups
from flower_ng.redaction import Redactor
from flower_ng.settings import Loaded, load, load_arguments

log = logging.getLogger(__name__)

#: Python's default of 700 has collections look at the rows of each batch, which are no garbage;
#: and the second generation, looked at while a thread holds all others, has 20,000 objects at most.
GC_THRESHOLDS = (5_000, 4, 200)
#: The C library of Linux gives each thread a heap of its own, up to eight for each processor, and
#: keeps what is freed in each: beside a hundred MB in use three hundred more. `mallopt` calls the
#: option for that M_ARENA_MAX.
M_ARENA_MAX, HEAPS = -8, 2
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
    ending = Ending()
    ending.limit()
    serve(capp, loaded, ending, quiet=quiet)


def show(arguments: Sequence[str]) -> None:
    """Serve the dashboard of the demo; only the command line counts here."""
    with in_one_line():
        loaded = load_arguments(arguments, Path.cwd(), **DEMO_DEFAULTS)
    ending = Ending()
    ending.listen()
    sys.exit(demo.run(lambda capp, notice: serve(capp, loaded, ending, notice=notice)))


@contextlib.contextmanager
def in_one_line() -> Iterator[None]:
    """End the program with one line and exit code 1 for what we raise on purpose."""
    try:
        yield
    except FlowerError as error:
        raise click.ClickException(str(error)) from error


def serve(
    capp: Celery, loaded: Loaded, ending: Ending, *, quiet: bool = False, notice: str = ""
) -> int:
    """Serve until SIGTERM or SIGINT and return 0; one line and exit code 1 if it can't start."""
    share_heaps()
    start_logging(loaded)
    limit_lookups()
    for warning in loaded.warnings:
        log.warning(warning)
    capp.loader.import_default_modules()
    ending.listen()
    with in_one_line():
        try:
            asyncio.run(run(capp, loaded, ending, quiet=quiet, notice=notice))
        finally:
            ending.begun()
    return 0


def start_logging(loaded: Loaded) -> None:
    """Log as Tornado's options say; `debug` lowers the usual level."""
    settings = loaded.settings
    level = "debug" if settings.debug and settings.logging.lower() == "info" else settings.logging
    mode = settings.log_rotate_mode.lower()
    try:
        enable_pretty_logging(replace(settings, logging=level, log_rotate_mode=mode))
    except OSError as error:
        raise click.ClickException(
            f"Invalid '{loaded.place('log_file_prefix')}' option: {settings.log_file_prefix!r}"
            f" cannot be written ({error.strerror}): name a file in a folder that can"
        ) from error
    limit = LogLimit()
    # With redact=off too: a log goes further than the pages, and holds broker URLs of libraries.
    redactor = Redactor(
        "strict" if settings.redact.lower() == "strict" else "default", settings.redact_keys
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(limit)
        form = settings.log_format.lower()
        handler.setFormatter(formatter(form, redactor, handler.formatter))


async def run(capp: Celery, loaded: Loaded, ending: Ending, *, quiet: bool, notice: str) -> None:
    """Run the dashboard until a signal ends it; whatever happens, it is stopped in order."""
    settings = loaded.settings
    flower = Flower(capp, settings, notice=notice)
    if settings.debug and not notice:  # the demo's workers would be left behind
        autoreload.start()
    try:
        await start(flower, loaded)
        spare_collections()
        for line in () if quiet else (*banner(flower), *filter(None, [notice])):
            log.info(line)
        with renewing(flower):
            await ending.wait()
    finally:
        await flower.stop()


@contextlib.contextmanager
def renewing(flower: Flower) -> Iterator[None]:
    """Have SIGHUP, which else ends the program, take up a renewed certificate; on the loop."""
    if not flower.is_encrypted or not hasattr(signal, "SIGHUP"):
        yield
        return
    loop, running = asyncio.get_running_loop(), set[asyncio.Task[None]]()

    def renew() -> None:
        task = loop.create_task(flower.renew_certificate())
        running.add(task)
        task.add_done_callback(running.discard)

    loop.add_signal_handler(signal.SIGHUP, renew)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGHUP)


def share_heaps() -> None:
    """Have the threads to come share HEAPS heaps, unless the environment says how many."""
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    if "MALLOC_ARENA_MAX" not in os.environ and "glibc.malloc.arena_max" not in tunables:
        with contextlib.suppress(AttributeError, OSError, TypeError):  # another C library
            ctypes.CDLL(None).mallopt(M_ARENA_MAX, HEAPS)


def spare_collections() -> None:
    """Have collections of garbage look at less: not at what was imported, which stays for ever."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)


async def start(flower: Flower, loaded: Loaded) -> None:
    """Start the dashboard; FlowerError says why it can't listen."""
    try:
        await flower.start()
    except OSError as error:
        raise FlowerError(cannot_listen(error, loaded)) from error


def cannot_listen(error: OSError, loaded: Loaded) -> str:
    """Say which option's value can't be listened on, why, and what to do."""
    settings, why = loaded.settings, error.strerror or str(error)
    if error.errno == errno.EADDRINUSE and not settings.unix_socket:
        return f"Port {settings.port} is in use: end what listens there, or choose another: --port"
    name, fix = "address", "name an address of this machine, or leave it out for all of them"
    if settings.unix_socket:
        name, fix = "unix_socket", "name another path"
    elif error.errno == errno.EACCES:
        name, fix = "port", "take one above 1023"
    value = getattr(settings, name)
    return f"Invalid '{loaded.place(name)}' option: cannot listen at {value!r} ({why}): {fix}"


def banner(flower: Flower) -> Iterator[str]:
    """What is served where, and from which broker."""
    places = [f"unix socket {flower.socket_path}"] if flower.socket_path else flower.urls
    yield f"flower_ng {__version__} at {', '.join(places)}"
    yield f"Broker: {flower.cluster.broker_url}"
    yield flower.access
    yield from filter(None, (flower.believed, flower.advice))
    yield f"Registered tasks: {', '.join(flower.cluster.registered_tasks())}"
