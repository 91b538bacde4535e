"""A PostgreSQL connection in sqlite3's shape, with sqlite3's errors. One thread at a time.

The store's SQL is the same for both kinds of database (see dialect), and so is what it may expect
of a connection: `?` for parameters, a transaction begun inside of `with`, the errors of PEP 249.
"""

import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import count
from types import TracebackType
from typing import Any, Final, Self, cast

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine, PoolProxiedConnection
from sqlalchemy.exc import SQLAlchemyError

from flower_ng.store.dialect import POSTGRESQL, SCHEMA, WRITING
from flower_ng.store.session import Session

#: What may be said once more on a new connection, when the old one turns out to be gone.
_REPEATED: Final = ("BEGIN", "SELECT", "WITH")
#: A text in quotes, which is left alone, or a parameter.
_PARAMETER: Final = re.compile(r"'[^']*'|\?")

#: Ends with the transaction.
_IN_TURN: Final = f"SELECT pg_advisory_xact_lock({WRITING}, {SCHEMA})"


class _LostError(Exception):
    """There is no connection, or no longer."""


class Connection:
    """One connection of `engine`'s pool, opened when it is needed, and again after it was lost.

    Raises sqlite3's errors: OperationalError for what may pass, as a database that is away, with
    the text `interrupted` for a query that took too long or is unwanted; DataError for what the
    database will never take. NUL, which it knows in no text, becomes U+FFFD.

    As in SQLite, BEGIN IMMEDIATE waits until no one else writes: dashboards that share a database
    write much the same rows, and in turn they never deadlock.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pooled: PoolProxiedConnection | None = None
        self._over: Callable[[], bool] | None = None

    def execute(self, text: str, parameters: Sequence[Any] = ()) -> "psycopg.RawCursor[Any]":
        """Run one statement; its rows are here when this returns."""
        may_repeat = (
            self._pooled is not None and text.lstrip().startswith(_REPEATED) and self._is_idle()
        )
        try:
            try:
                return self._execute(text, parameters)
            except _LostError:
                if not may_repeat:
                    raise
                return self._execute(text, parameters)
        except _LostError as error:
            raise sqlite3.OperationalError(str(error)) from error

    def set_progress_handler(self, over: Callable[[], bool], steps: int) -> None:
        """End queries from now on when `over()` is true; it is asked many times a second."""
        del steps
        self._over = over

    def close(self) -> None:
        """Give the connection back to the pool."""
        if self._pooled is not None:
            self._pooled.close()
            self._pooled = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the transaction that was begun inside."""
        if self._pooled is None or self._is_idle():
            return
        if kind is None:
            self.execute("COMMIT")
        else:
            with suppress(sqlite3.Error):
                self.execute("ROLLBACK")

    def _execute(self, text: str, parameters: Sequence[Any]) -> "psycopg.RawCursor[Any]":
        if text == POSTGRESQL.begin:
            self._execute("BEGIN", ())
            text = _IN_TURN
        session = self._session()
        session.over = self._over
        cursor = psycopg.RawCursor(session)
        try:
            try:
                return cursor.execute(_numbered(text), parameters)
            except psycopg.DataError:
                if not _have_nul(parameters):
                    raise
                return cursor.execute(_numbered(text), _without_nul(parameters))
        except psycopg.Error as error:
            if session.closed:
                self._forget()
                raise _LostError(_line(error)) from error
            raise _fault(error) from error

    def _session(self) -> Session:
        if self._pooled is None:
            try:
                self._pooled = self._engine.raw_connection()
            except (SQLAlchemyError, psycopg.Error) as error:
                raise _LostError(_line(error)) from error
        return cast("Session", self._pooled.driver_connection)

    def _is_idle(self) -> bool:
        return self._session().info.transaction_status == TransactionStatus.IDLE

    def _forget(self) -> None:
        if self._pooled is not None:
            self._pooled.invalidate()
            self._pooled = None


def _fault(error: psycopg.Error) -> sqlite3.Error:
    match error:
        case errors.QueryCanceled():
            return sqlite3.OperationalError("interrupted")
        case psycopg.DataError():
            return sqlite3.DataError(_line(error))
        case _:
            return sqlite3.OperationalError(_line(error))


def _line(error: Exception) -> str:
    """Return the first line of a database's words, without those of the library around it."""
    cause = getattr(error, "orig", None) or error
    return str(cause).strip().partition("\n")[0] or type(cause).__name__


@lru_cache(maxsize=512)
def _numbered(text: str) -> str:
    """Return a statement with its parameters as PostgreSQL numbers them."""
    numbers = count(1)
    return _PARAMETER.sub(lambda found: f"${next(numbers)}" if found[0] == "?" else found[0], text)


def _have_nul(parameters: Sequence[Any]) -> bool:
    return any(isinstance(value, str) and "\0" in value for value in parameters)


def _without_nul(parameters: Sequence[Any]) -> list[Any]:
    return [
        value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in parameters
    ]
