"""Session is psycopg's connection as the store needs it. One thread at a time.

A query is ended on the server once nobody wants it; integers, booleans and JSON are as in SQLite.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from selectors import DefaultSelector
from time import monotonic
from typing import Any, Final, TypeVar, cast

import psycopg
from psycopg.abc import PQGen
from psycopg.adapt import AdaptersMap, Dumper
from psycopg.types.string import TextLoader
from psycopg.waiting import Ready, Wait

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
