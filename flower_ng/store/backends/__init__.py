"""Opens a history in PostgreSQL, or explains what is missing for it."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from flower_ng.errors import SettingsError

if TYPE_CHECKING:
    from flower_ng.store.backends.postgresql import Database


def opened_history(url: str, warn: Callable[[str], None]) -> "Database":
    """Open the database that a URL names.

    Raises SettingsError where it cannot be used, or where the extra is not installed.
    """
    try:
        from flower_ng.store.backends.postgresql import opened_database  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise SettingsError(
            f"A history in PostgreSQL needs more ({error}): pip install 'flower-ng[postgresql]'"
        ) from error
    return opened_database(url, warn)


def why_unusable(url: str) -> str:
    """Return why the database that a URL names cannot be used, empty where it can; blocks."""
    try:
        opened_history(url, lambda _: None).close()
    except SettingsError as error:
        return error.message
    return ""
