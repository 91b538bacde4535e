"""Order: what tasks are sorted by, and which come before or after one of them, as SQL. Pure.

Flower's order: tasks that lack the value first, then by value, ties by task id; all of that
backwards when descending.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

from flower_ng.store.arms import Columns
from flower_ng.store.dialect import SQLITE, Dialect, Direction
from flower_ng.store.keyset import attribute, is_descending
from flower_ng.store.parts import PartRows
from flower_ng.store.schema import COLUMNS, FOLDED
from flower_ng.store.task_query import TaskQuery
from flower_ng.store.where import PAYLOAD, Source, TaskTable

#: Columns that every task has.
_ALWAYS: Final = frozenset({"uuid", "state", "timestamp", "clock"})


@dataclass(frozen=True, slots=True)
class Order:
    """An order by a column, or by task id alone where tasks have no such column: `""`."""

    column: str
    direction: Direction

    @classmethod
    def of(cls, query: TaskQuery) -> "Order":
        """Return the order that a query asks for."""
        column = attribute(query.sort)
        return cls(column if column in COLUMNS else "", "DESC" if is_descending(query) else "ASC")

    @property
    def is_payload(self) -> bool:
        """Whether a part's rows need their task for it."""
        return self.column in PAYLOAD

    @property
    def beyond(self) -> Literal["<", ">"]:
        """How what is behind compares."""
        return "<" if self.direction == "DESC" else ">"

    @property
    def may_lack(self) -> bool:
        """Whether some tasks may lack the value."""
        return self.column not in _ALWAYS

    def key(self, source: Source) -> str:
        """Return the SQL for a task's value, null where it lacks that."""
        if not self.column:
            return "NULL"
        if self.column in FOLDED:
            return source.folded(self.column)
        raw = source.raw(self.column)
        return source.dialect.text(raw) if COLUMNS[self.column] == "INTEGER" else raw

    def columns(self) -> Columns:
        """Return what is merged by: the value, the task's id and the row's."""
        part, table = self.key(PartRows()), self.key(TaskTable())
        return Columns(
            f"{part} AS key, p.uuid AS uuid, p.id AS id",
            f"{table} AS key, t.uuid AS uuid, t.id AS id",
            is_payload=self.is_payload,
        )

    def by(self, key: str, uuid: str, dialect: Dialect = SQLITE) -> str:
        """Return the ORDER BY of a value and an id."""
        return f"ORDER BY {dialect.ordered(key, self.direction)}, {uuid} {self.direction}"

    def up_to(self, key: str, last: Any, parameter: str) -> list[str]:
        """Return conditions, of which one holds for each task that is not behind a value."""
        if self.direction == "DESC":
            return ["true"] if last is None else [f"{key} >= {parameter}"]
        if last is None:
            return [f"{key} IS NULL"]
        lacking = [f"{key} IS NULL"] if self.may_lack else []
        return [*lacking, f"{key} <= {parameter}"]

    def behind(self, key: str, last: Any, value: str, tie: str) -> list[str]:
        """Return conditions, of which one holds for each task behind one with the value `last`.

        `value` is the parameter for that, `tie` the condition for those that have the same.
        """
        if last is None:
            others = [f"{key} IS NOT NULL"] if self.direction == "ASC" and self.column else []
            return [f"{key} IS NULL AND {tie}", *others]
        lacking = [f"{key} IS NULL"] if self.direction == "DESC" and self.may_lack else []
        return [f"{key} = {value} AND {tie}", f"{key} {self.beyond} {value}", *lacking]
