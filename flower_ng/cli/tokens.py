"""Tokens are made, listed and revoked here, from the command line. Main thread."""

import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from flower_ng import drop_in
from flower_ng.errors import SettingsError
from flower_ng.settings import load
from flower_ng.settings.amounts import is_duration, seconds
from flower_ng.web.auth.roles import Role
from flower_ng.web.auth.tokens import METRICS, TokenRecord, create_token, read_tokens, revoke_token


def create(arguments: Sequence[str], *, role: str, scope: str, expires: str) -> str:
    """Make the token that is named first, and return it."""
    name, file = _asked(arguments)
    if scope not in ("", METRICS):
        raise SettingsError(f"--scope={scope} is unknown: write {METRICS}, or leave it out")
    if scope and role:
        raise SettingsError(f"A token with --scope={scope} has no role: leave --role out")
    if not scope and Role.named(role) is None:
        raise SettingsError("Say what the token may do: --role=viewer, operator or admin")
    if fault := is_duration(expires):
        raise SettingsError(f"Invalid '--expires': {expires!r} {fault}")
    age_s, now = seconds(expires), time.time()
    ends = None if age_s is None else now + age_s
    return create_token(file, name, role=role.lower(), scope=scope, expires=ends, now=now)


def lines(arguments: Sequence[str]) -> list[str]:
    """What is known of each token, the oldest first."""
    file = _file(arguments)
    return [_line(record) for record in read_tokens(file)]


def revoke(arguments: Sequence[str]) -> str:
    """Take away the token that is named first, and return its name."""
    name, file = _asked(arguments)
    revoke_token(file, name)
    return name


def _line(record: TokenRecord) -> str:
    may = f"scope {record.scope}" if record.scope else record.role
    ends = "never expires" if record.expires is None else f"expires {_date(record.expires)}"
    return f"{record.name}  {may}  created {_date(record.created)}  {ends}"


def _date(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _asked(arguments: Sequence[str]) -> tuple[str, str]:
    if not arguments or arguments[0].startswith("-") or not arguments[0].isprintable():
        raise SettingsError("Name the token first, such as: flower-ng token create prometheus")
    return arguments[0], _file(arguments[1:])


def _file(arguments: Sequence[str]) -> str:
    drop_in.install()
    file = load(list(arguments), os.environ, Path.cwd()).settings.tokens
    if not file:
        raise SettingsError("Name the file of tokens that the dashboard reads: --tokens=PATH")
    return file
