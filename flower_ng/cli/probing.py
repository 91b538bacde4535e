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
from flower_ng.settings import Settings, load

TIMEOUT_S: Final = 5.0
OK: Final = 200


def probe(arguments: Sequence[str]) -> None:
    """Ask the dashboard that the options name; its answer goes to the output."""
    try:
        words = [word for word in arguments if word != "--live"]
        settings = load(words, os.environ, Path.cwd()).settings
        status, body = asked(settings, "/livez" if "--live" in arguments else "/readyz")
    except (FlowerError, OSError, HTTPException) as error:
        raise click.ClickException(f"The dashboard does not answer: {error}") from error
    click.echo(body)
    sys.exit(0 if status == OK else 1)


def asked(settings: Settings, path: str) -> tuple[int, str]:
    """Return status and text; OSError or HTTPException when there is no answer."""
    link = connection(settings)
    try:
        link.request("GET", f"/{(settings.url_prefix or '').strip('/')}{path}".replace("//", "/"))
        answer = link.getresponse()
        return answer.status, answer.read().decode(errors="replace").strip()
    finally:
        link.close()


def connection(settings: Settings) -> HTTPConnection:
    """Make a connection to where the dashboard with these options listens, on this machine."""
    if settings.unix_socket:
        return Local(settings.unix_socket)
    host = settings.address if settings.address not in {"", "0.0.0.0", "::"} else "127.0.0.1"  # noqa: S104 - it is not bound
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
