"""A PostgreSQL connection in sqlite3's shape, with errors of its own. One thread at a time.

The store's SQL is the same for both kinds of database (see dialect), and so is what it may expect
of a connection: `?` for parameters, a transaction begun inside of `with`.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import count
from time import monotonic
from types import TracebackType
from typing import Any, Final, Self

import psycopg
from psycopg import errors
from psycopg.pq import TransactionStatus

from flower_ng.store.backends.postgresql_session import Session
from flower_ng.store.tables.dialect import POSTGRESQL, SCHEMA, WRITING
from flower_ng.store.tables.errors import EndedError, RefusedError, StoreError

#: What may be said once more on a new connection, when the old one turns out to be gone.
_REPEATED: Final = ("BEGIN", "SELECT", "WITH")
#: A text in quotes, which is left alone, or a parameter.
_PARAMETER: Final = re.compile(r"'[^']*'|\?")

#: Ends with the transaction.
_IN_TURN: Final = f"SELECT pg_advisory_xact_lock({WRITING}, {SCHEMA})"


class _LostError(StoreError):
    """There is no connection, or no longer."""


class Connection:
    """One connection, which `connect` opens when it is needed, and again after it was lost.

    A statement has `limit_s` seconds, waiting for others included, whatever the server is up to.
    Raises the errors of `failure`. NUL, which PostgreSQL knows in no text, becomes U+FFFD.

    As in SQLite, BEGIN IMMEDIATE waits until no one else writes: dashboards that share a database
    write much the same rows, and in turn they never deadlock.
    """

    def __init__(self, connect: Callable[[], Session], limit_s: float) -> None:
        self._connect = connect
        self._limit_s = limit_s
        self._open: Session | None = None
        self._over: Callable[[], bool] = lambda: False

    def execute(self, text: str, parameters: Sequence[Any] = ()) -> "psycopg.RawCursor[Any]":
        """Run one statement; its rows are here when this returns."""
        may_repeat = (
            self._open is not None and text.lstrip().startswith(_REPEATED) and self._is_idle()
        )
        try:
            return self._execute(text, parameters)
        except _LostError:
            if not may_repeat:
                raise
            return self._execute(text, parameters)

    def set_progress_handler(self, over: Callable[[], bool], steps: int) -> None:
        """End queries from now on when `over()` is true; it is asked many times a second."""
        del steps
        self._over = over

    def close(self) -> None:
        """Close what is open; a later statement opens it again."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the transaction that was begun inside."""
        if self._open is None or self._is_idle():
            return
        if kind is None:
            self.execute("COMMIT")
        else:
            with suppress(StoreError):
                self.execute("ROLLBACK")

    def _execute(self, text: str, parameters: Sequence[Any]) -> "psycopg.RawCursor[Any]":
        if text == POSTGRESQL.begin:
            self._execute("BEGIN", ())
            text = _IN_TURN
        session = self._session()
        end = monotonic() + self._limit_s
        session.over = lambda: self._over() or monotonic() > end
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
                self._open = None
                raise _LostError(line_of(error)) from error
            raise _fault(error) from error

    def _session(self) -> Session:
        if self._open is None:
            try:
                self._open = self._connect()
            except psycopg.Error as error:
                raise _LostError(line_of(error)) from error
        return self._open

    def _is_idle(self) -> bool:
        return self._session().info.transaction_status == TransactionStatus.IDLE


def line_of(error: psycopg.Error) -> str:
    """Return the first line of the server's words, or libpq's."""
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _fault(error: psycopg.Error) -> StoreError:
    match error:
        case errors.QueryCanceled():
            return EndedError(line_of(error))
        case psycopg.DataError() | errors.ProgramLimitExceeded():
            return RefusedError(line_of(error))
        case _:
            return StoreError(line_of(error))


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
