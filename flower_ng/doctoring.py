"""Tells the doctor about our own options: what they hide, and whether the history can be written.

Trying the database blocks, so this runs in the thread pool.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from flower_ng.brokers import mask
from flower_ng.database_url import settings_of
from flower_ng.doctor import OwnOptions
from flower_ng.errors import SettingsError
from flower_ng.settings import Settings

CONNECT_S: Final = 3


def own(
    settings: Settings, warnings: Sequence[str] = (), *, fault: str | None = None
) -> OwnOptions:
    """Return our own options as the doctor judges them; `warnings` are of those without effect.

    `fault` is why the history can't be written; without it, its place is looked at.
    """
    return OwnOptions(
        enable_events=settings.enable_events,
        inspect_interval_s=settings.inspect_interval,
        has_broker_api=settings.broker_api is not None,
        has_receiver=bool(settings.webhook_url or settings.notify),
        is_history_lasting=bool(settings.history) or has_file(settings),
        history=place(settings),
        history_fault=trouble(settings) if fault is None else fault,
        hidden=dict(hidden(settings)),
        warnings=warnings,
    )


def hidden(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield each option that somebody chose and that hides something, and what."""
    if settings.purge_offline_workers is not None:
        after = f"{settings.purge_offline_workers} s"
        yield "purge_offline_workers", f"a worker that is offline is forgotten after {after}"
    if settings.tasks_columns != Settings().tasks_columns:
        yield "tasks_columns", f"the Tasks page has these columns only: {settings.tasks_columns}"
    if settings.read_only:
        yield "read_only", "nothing can be steered"


def place(settings: Settings) -> str:
    """Return where tasks are kept, in words."""
    if settings.history:
        return mask(settings.history)
    return str(file_of(settings)) if has_file(settings) else "in a temporary file"


def trouble(settings: Settings) -> str:
    """Say why tasks can't be kept there, empty where they can."""
    if settings.history:
        return database_fault(settings.history)
    return file_fault(file_of(settings)) if has_file(settings) else ""


def has_file(settings: Settings) -> bool:
    """Say whether a file outlasts the dashboard."""
    return settings.persistent and bool(settings.db)


def file_of(settings: Settings) -> Path:
    """Return the file of a history that lasts."""
    return Path(f"{settings.db}.sqlite3").absolute()


def file_fault(path: Path) -> str:
    """Say why a file can't be written; a look that leaves it alone. Missing folders are made."""
    wanted = next(one for one in (path, *path.parents) if one.exists())
    if wanted != path and not wanted.is_dir():
        return f"{wanted} is no folder"
    return "" if os.access(wanted, os.W_OK) else f"{wanted} must not be written by this user"


def database_fault(url: str) -> str:
    """Say why a PostgreSQL can't be written."""
    try:
        import psycopg  # noqa: PLC0415 - an extra
    except ImportError:
        return "install it with pip install 'flower-ng[postgresql]'"
    try:
        settings: dict[str, Any] = {"connect_timeout": f"{CONNECT_S}", **settings_of(url)}
        with psycopg.connect(**settings) as session:
            (is_read_only,) = session.execute("SHOW transaction_read_only").fetchone() or ("off",)
    except psycopg.Error as error:
        return mask(str(error))
    except SettingsError as error:
        return error.message
    return "it is read-only" if is_read_only == "on" else ""
