"""The statement that merges many tasks at once in PostgreSQL. Pure; on the store thread.

The rule is upsert's. The rows come as one JSON text: made in C, it costs the interpreter a third of
what a parameter for each value does, and a quarter of arrays for unnest.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import msgspec

from flower_ng.store.tables.dialect import POSTGRESQL
from flower_ng.store.tables.schema import STORED
from flower_ng.store.writing.upsert import Row, shape

_NUL: Final = b"\\u0000"


def bulk(rows: Sequence[Row], max_events: int) -> tuple[str, list[Any]]:
    """Return the statement that merges rows, in which no task is there twice, with parameters.

    NUL, which PostgreSQL knows in no text, becomes U+FFFD. Raises UnicodeError for a lone surrogate
    and OverflowError for a number of more than 64 bits.
    """
    text = _json(rows)
    if _NUL in text:
        text = _json([list(map(_without_nul, row)) for row in rows])
    return _statement(max_events), [text.decode()]


def _json(rows: Sequence[Row]) -> bytes:
    return msgspec.json.encode(
        [
            {name: value for name, value in zip(STORED, row, strict=True) if value is not None}
            for row in rows
        ]
    )


def _without_nul(value: Any) -> Any:
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


@cache
def _statement(max_events: int) -> str:
    names = ", ".join(STORED)
    typed = ", ".join(f"{name} {POSTGRESQL.type(kind)}" for name, kind in STORED.items())
    return (
        f"INSERT INTO task ({names}) SELECT {names}"
        f" FROM json_to_recordset(CAST(? AS json)) AS merged({typed})"
        f" {shape(max_events).insert.on_conflict}"
    )
