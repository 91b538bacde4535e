"""A PostgreSQL connection in the shape of sqlite3's, with errors of its own. One thread at a time.

The store's SQL is the same for both kinds of database (see `tables.dialect`), and so is what it may
expect of a connection: `?` for parameters, a transaction begun inside of `with`. A query is ended
on the server once nobody wants its answer; integers, booleans and JSON are as in SQLite.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import count
from selectors import DefaultSelector
from time import monotonic
from types import TracebackType
from typing import Any, Final, Self, TypeVar, cast

import psycopg
from psycopg import errors
from psycopg.abc import PQGen
from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import TransactionStatus
from psycopg.types.string import TextLoader
from psycopg.waiting import Ready, Wait

from flower_ng.store.tables.dialect import (
    BEGIN,
    SCHEMA,
    WRITING,
    EndedError,
    RefusedError,
    StoreError,
)

#: Between two looks at whether a query is still wanted.
LOOK_S: Final = 0.02
#: A server that does not let go of a query in this time is taken for gone.
CANCEL_S: Final = 2.0

_Result = TypeVar("_Result")


class Session(psycopg.Connection[Any]):
    """A connection whose queries end when `over()` is true: `errors.QueryCanceled`."""

    over: Callable[[], bool] | None = None

    def wait(
        self, gen: PQGen[_Result], interval: float = LOOK_S, timeout: float | None = None
    ) -> _Result:
        """Go through a query's steps as its socket allows; overrides psycopg's."""
        del timeout  # psycopg's own, for steps that it ends itself
        looks = self._looks()
        with DefaultSelector() as selector:
            try:
                wanted = next(gen)
                while True:
                    wanted = gen.send(self._ready(selector, wanted, interval, looks))
            except StopIteration as end:
                return cast("_Result", end.value)

    def _ready(
        self, selector: DefaultSelector, wanted: Wait, interval: float, looks: Iterator[None]
    ) -> Ready:
        """Return what the socket is ready for, as soon as that is something."""
        selector.register(self.pgconn.socket, wanted)
        try:
            while not (ready := selector.select(interval)):
                next(looks)
        finally:
            selector.unregister(self.pgconn.socket)
        return Ready(ready[0][1])

    def _looks(self) -> Iterator[None]:
        """Look whether the query is over; once it is, have it cancelled, and give up in the end."""
        while self.over is None or not self.over():
            yield
        with suppress(psycopg.Error):
            self.cancel_safe(timeout=CANCEL_S)
        end = monotonic() + CANCEL_S
        while monotonic() < end:
            yield
        self.pgconn.finish()
        raise psycopg.OperationalError("the server did not answer")


class _Integer(Dumper):
    """Integers and booleans, as numbers of 64 bits."""

    oid = psycopg.adapters.types["int8"].oid

    def dump(self, obj: Any) -> bytes:
        if not -(2**63) <= obj < 2**63:
            raise OverflowError("int too large for a column of 64 bits")
        return b"%d" % obj


def adapters() -> AdaptersMap:
    """Return how Python's values become PostgreSQL's, and back: JSON stays text."""
    made = AdaptersMap(psycopg.adapters)
    for kind in (int, bool):
        made.register_dumper(kind, _Integer)
    made.register_loader("json", TextLoader)
    return made


#: What may be said once more on a new connection, when the old one turns out to be gone.
_REPEATED: Final = ("BEGIN", "SELECT", "WITH")
#: A text in quotes, which is left alone, or a parameter.
_PARAMETER: Final = re.compile(r"'[^']*'|\?")

#: Ends with the transaction.
_IN_TURN: Final = f"SELECT pg_advisory_xact_lock({WRITING}, {SCHEMA})"


#: How a server refuses that "is starting up", "is shutting down" or "is in recovery mode".
_STARTS: Final = "the database system is"


class _LostError(StoreError):
    """There is no connection, or no longer."""


class PostgresConnection:
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
        if text == BEGIN:
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


def is_away(error: Exception) -> bool:
    """Whether nobody answered, or a server that starts or stops; else settings are wrong."""
    text = str(error)
    return isinstance(error, _LostError) and ("FATAL" not in text or _STARTS in text)


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
