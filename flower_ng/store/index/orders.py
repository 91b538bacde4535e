"""Orders that the index has, and where they end. On a reading thread."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import tantivy

from flower_ng.store.index.commits import Commit
from flower_ng.store.index.documents import NUMBERS, STARTS
from flower_ng.store.search.conditions import TaskQuery
from flower_ng.store.sql.statements import attribute, is_descending
from flower_ng.store.tables.schema import COLUMNS

#: Columns of few values, by the fields that they are sorted by.
_TEXTS: Final = {
    **{name: f"{name}_folded" for name in ("state", "name", "worker", "queue")},
    "retries": "retries_text_folded",
}
#: Columns that every task has.
_ALWAYS: Final = frozenset({"state", "timestamp"})
#: For so long a value is near the end of a field, while tasks change.
EDGE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Order:
    """An order that the index has: by the field of a column, ties by id; or by id alone.

    That of a `start` is rough: it has those of equal starts, which are few of ids, in any order.
    """

    column: str
    field: str
    kind: Literal["id", "number", "text", "start"]
    is_descending: bool
    may_lack: bool = False

    @property
    def by_id(self) -> "Order":
        """The order of tasks that are equal."""
        return Order("uuid", "uuid", "id", self.is_descending)

    @classmethod
    def of(cls, query: TaskQuery) -> "Order | None":
        """Return the order of a query, None where the index has not that."""
        column, descending = attribute(query.sort), is_descending(query)
        if column == "uuid" or column not in COLUMNS:
            return cls("uuid", "uuid", "id", descending)
        if column in _TEXTS:
            return cls(column, _TEXTS[column], "text", descending, column not in _ALWAYS)
        if column in NUMBERS:
            return cls(column, column, "number", descending, column not in _ALWAYS)
        if column in STARTS:
            return cls(column, f"{column}_start", "start", descending, may_lack=True)
        return None


class Edges:
    """Remembers a value near each end of a field, beyond which `near` tasks are, or about so many.

    Whoever wants the first few tasks in the order of the field looks among those: to sort all of a
    million takes 10 ms. On any reading thread.
    """

    def __init__(self, near: int) -> None:
        self.near = near
        self._values: dict[tuple[str, bool], tuple[float, int, Any]] = {}

    def value(self, commit: Commit, field: str, now: float, *, is_descending: bool) -> Any:
        """Return the value; None where not so many tasks have one. It is looked for at times."""
        key = field, is_descending
        at, mark, value = self._values.get(key, (-EDGE_S, -1, None))
        if mark == commit.mark or 0 <= now - at < EDGE_S:
            return value
        order = tantivy.Order.Desc if is_descending else tantivy.Order.Asc
        hits = commit.searcher.search(
            tantivy.Query.all_query(),
            limit=1,
            count=False,
            order_by_field=field,
            offset=self.near,
            order=order,
        ).hits
        value = hits[0][0] if hits else None
        self._values[key] = now, commit.mark, value
        return value
