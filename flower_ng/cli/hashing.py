"""Hashing prints a line for the file of `htpasswd`, from the command line. Main thread."""

import sys
from collections.abc import Sequence

import click

from flower_ng.web.auth.htpasswd import MOST_BYTES, hashed


def hash_password(arguments: Sequence[str]) -> None:
    """Hash the password of the one user that is named."""
    if len(arguments) != 1 or not arguments[0].strip() or ":" in arguments[0]:
        raise click.ClickException(
            "Name one user, without a colon: flower-ng hash-password ann; the password is asked for"
        )
    click.echo(f"{arguments[0].strip()}:{hashed(_password())}")


def _password() -> str:
    if sys.stdin.isatty():
        password = str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not password or len(password.encode()) > MOST_BYTES:
        raise click.ClickException(
            f"The password has {len(password.encode())} bytes: give one of 1 to {MOST_BYTES}"
        )
    return password
