"""Probing asks a dashboard whether it is ready, as containers do: exit code 0 or 1. Main thread."""

import os
import socket
import ssl
import sys
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Final

import click

from flower_ng.errors import FlowerError
from flower_ng.settings import Settings, load, load_arguments
from flower_ng.web.http.services import normal_prefix

TIMEOUT_S: Final = 5.0
OK: Final = 200


def probe(arguments: Sequence[str]) -> None:
    """Ask the dashboard that the options name; its answer goes to the output."""
    try:
        settings = options([word for word in arguments if word != "--live"])
        status, body = asked(settings, "/livez" if "--live" in arguments else "/readyz")
    except FlowerError as error:
        raise click.ClickException(str(error)) from error
    except (OSError, HTTPException) as error:
        raise click.ClickException(f"The dashboard does not answer: {error}") from error
    click.echo(body)
    sys.exit(0 if status == OK else 1)


def options(words: Sequence[str]) -> Settings:
    """Read the options as the dashboard does; one of the command line that is unknown is an error.

    Elsewhere it is a warning: it may be meant for another version of the dashboard.
    """
    unknown = load_arguments(words, Path.cwd()).warnings
    if unknown:
        raise click.UsageError("\n".join(unknown).replace("Ignored unknown", "Unknown"))
    loaded = load(words, os.environ, Path.cwd())
    for warning in loaded.warnings:
        click.echo(warning, err=True)
    return loaded.settings


def asked(settings: Settings, path: str) -> tuple[int, str]:
    """Return status and text; OSError or HTTPException when there is no answer."""
    failures: list[OSError] = []
    for host in hosts(settings.address):
        try:
            return answer(connection(settings, host), settings, path)
        except TimeoutError:
            raise
        except OSError as error:  # nobody listens there: where it listens on all, try the next
            failures.append(error)
    raise failures[0]


def hosts(address: str) -> tuple[str, ...]:
    """Where a dashboard that listens at this address can be asked on this machine."""
    everywhere = {"": ("127.0.0.1", "::1"), "0.0.0.0": ("127.0.0.1",), "::": ("::1",)}  # noqa: S104 - it is not bound
    return everywhere.get(address, (address,))


def answer(link: HTTPConnection, settings: Settings, path: str) -> tuple[int, str]:
    """Ask one connection, and close it."""
    try:
        link.request("GET", f"{normal_prefix(settings.url_prefix)}{path}")
        response = link.getresponse()
        return response.status, response.read().decode(errors="replace").strip()
    finally:
        link.close()


def connection(settings: Settings, host: str) -> HTTPConnection:
    """Make a connection to where the dashboard with these options listens, on this machine."""
    if settings.unix_socket:
        return Local(settings.unix_socket)
    if settings.certfile:  # its certificate is for its public name, and this is the same machine
        context = ssl._create_unverified_context()  # noqa: S323, SLF001 - as said
        return HTTPSConnection(host, settings.port, timeout=TIMEOUT_S, context=context)
    return HTTPConnection(host, settings.port, timeout=TIMEOUT_S)


class Local(HTTPConnection):
    """A connection through a unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(self._path)
