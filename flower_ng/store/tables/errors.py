"""What the databases behind the store fail with, told apart in one way for both kinds. Pure."""

import sqlite3
from typing import Final


class StoreError(Exception):
    """The database failed, for now: it is away, or busy. The text is one line of its words."""


class RefusedError(StoreError):
    """The database will never take this: a number that no column holds, a key that is too long.

    `tasks` is how many of those to be written are meant, None for all.
    """

    def __init__(self, words: str, tasks: int | None = None) -> None:
        super().__init__(words)
        self.tasks = tasks


class EndedError(StoreError):
    """A query was ended before its answer: it took too long, or nobody wants it any more."""


#: What is refused each time, however often it is tried.
REFUSALS: Final = (sqlite3.DataError, RefusedError)
#: What a statement may raise; sqlite3's errors are SQLite's own.
DATABASE_ERRORS: Final = (sqlite3.Error, StoreError)


def may_pass(error: BaseException) -> bool:
    """Return whether the same may be written later; else it would fail again each time."""
    return isinstance(error, DATABASE_ERRORS) and not isinstance(error, REFUSALS)


def was_ended(error: BaseException) -> bool:
    """Return whether a query was ended before its answer."""
    is_sqlites = isinstance(error, sqlite3.OperationalError) and str(error) == "interrupted"
    return is_sqlites or isinstance(error, EndedError)
