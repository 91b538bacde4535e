"""The table of the rollups, and the statements that write and read it. Pure.

One row is one tally: of a kind and name, for the `step_s` seconds from `start`. Several dashboards
may share the table: minutes are rows of the `writer` that saw them, coarser rows have none.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

import msgspec

from flower_ng.store.rollups.tallies import TALLIES, Coverage, Tally

#: The newest rows of a kind lie together: a minute's rows are few pages, and so is a range.
TABLES: Final = (
    (
        "CREATE TABLE IF NOT EXISTS rollup (step_s INTEGER NOT NULL, kind TEXT NOT NULL,"
        " start INTEGER NOT NULL, name TEXT NOT NULL, writer TEXT NOT NULL, body TEXT NOT NULL,"
        " PRIMARY KEY (step_s, kind, start, name, writer)) WITHOUT ROWID"
    ),
)
#: Rows a statement: sqlite3 lets go of the interpreter at each, and may wait to get it back.
CHUNK_ROWS: Final = 100

_KEY = "step_s, kind, start, name, writer"

#: Reads what `found` gives, by kind.
ROWS: Final[Mapping[str, msgspec.json.Decoder[list[tuple[int, str, str, Any]]]]] = {
    kind: msgspec.json.Decoder(list[tuple[int, str, str, tally]])  # type: ignore[valid-type]
    for kind, tally in TALLIES.items()
}


class Covered(NamedTuple):
    """What one writer saw of a bucket; more is better."""

    is_whole: bool
    observed_ms: int
    writer: str
    coverage: Coverage


class Key(NamedTuple):
    """What tells one tally from all others; no two dashboards have one `writer`."""

    step_s: int
    kind: str
    start: int
    name: str
    writer: str


def put(connection: sqlite3.Connection, rows: Iterable[tuple[Key, Tally]]) -> None:
    """Put these tallies in the place of what is there: all of them, or none where it raises."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for text, parameters in _upserts(rows):
            connection.execute(text, parameters)


def found(condition: str) -> str:
    """Return a query for one JSON array of `[start, name, writer, tally]`; see ROWS.

    The condition may go on with an order and a limit.
    """
    row = "json_array(start, name, writer, json(body))"
    rows = f"SELECT start, name, writer, body FROM rollup WHERE {condition}"
    return f"SELECT json_group_array({row}) FROM ({rows}) found"


def chosen(covered: Iterable[tuple[int, str, str, Coverage]]) -> dict[int, Covered]:
    """Return for each start the writer that saw most: two saw the same events, so none is added."""
    best: dict[int, Covered] = {}
    for start, _, writer, coverage in covered:
        one = Covered(coverage.dropped == 0, coverage.observed_ms, writer, coverage)
        if start not in best or one[:3] > best[start][:3]:
            best[start] = one
    return best


def marks(values: Sequence[object]) -> str:
    """Return as many parameters' places as there are values, in brackets."""
    return f"({', '.join('?' * len(values))})"


def _upserts(rows: Iterable[tuple[Key, Tally]]) -> Iterator[tuple[str, list[Any]]]:
    """Yield statements that put these tallies in the place of what is there, with parameters."""
    left = iter(rows)
    while chunk := list(islice(left, CHUNK_ROWS)):
        values = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(chunk))
        replaced = f"ON CONFLICT ({_KEY}) DO UPDATE SET body = excluded.body"
        text = f"INSERT INTO rollup ({_KEY}, body) VALUES {values} {replaced}"
        yield text, [value for key, tally in chunk for value in (*key, _json(tally))]


def _json(tally: Tally) -> str:
    return msgspec.json.encode(tally).decode()
