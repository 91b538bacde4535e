"""The arms of a query: a SELECT for each part, for rows in no part, and for changed ones. Pure.

Together they see each task once, as it is: a row of a part that is dead or stale is passed over,
and stale ones that are still there come from the main table.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any, Final, TypeAlias

from flower_ng.store.old_index import Part
from flower_ng.store.parts import PartRows
from flower_ng.store.period import ALL, Period, period
from flower_ng.store.task_query import TaskQuery
from flower_ng.store.view import View
from flower_ng.store.where import Clause, TaskTable, where

UNION: Final = " UNION ALL "
#: A sample of a part is taken in so many pieces, evenly spread: ids may tell the time.
PIECES: Final = 16


@dataclass(frozen=True, slots=True)
class Way:
    """How the rows of a part are gone through.

    By an index, or by their place, which is the order of their ids; with `match`, an FTS5
    expression, those that have trigrams. `is_sorted`: they come in the order that the query wants.
    `conditions` are what the index needs to hear; each row meets one of them.
    """

    index: str | None = None
    is_sorted: bool = False
    match: str | None = None
    conditions: Sequence[str] = ("",)


@dataclass(frozen=True, slots=True)
class Columns:
    """What is selected, from the row `p` of a part and from the task `t`, as SQL.

    `is_payload`: the part's rows need their task for it.
    """

    part: str
    table: str
    is_payload: bool = False


#: What else rows of a part must meet: one of some conditions, each of which gets an arm.
Further: TypeAlias = Callable[[Part], Sequence[str]]


def anything(_: Part) -> Sequence[str]:
    """Ask nothing more."""
    return ("",)


@dataclass(slots=True)
class Arms:
    """The arms of one query at one moment; parameters have names, and are the same for all."""

    view: View
    narrow: Clause
    table: Clause
    period: Period = ALL
    parameters: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, view: View, query: TaskQuery, now: float) -> "Arms":
        """Return the arms for all tasks that match a query."""
        narrow, table = where(query, PartRows(), now), where(query, TaskTable(), now)
        parameters = {f"p{number}": value for number, value in enumerate(narrow.parameters)}
        return cls(view, _named(narrow), _named(table), period(query, now), parameters)

    def parameter(self, value: Any) -> str:
        """Add a parameter; return what stands for it."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"

    @property
    def parts(self) -> Sequence[Part]:
        """The parts that may have tasks that match."""
        parts = self.view.directory.parts
        return [part for part in parts if part.live and self.period.share(part) > 0]

    def of_parts(
        self,
        columns: Columns,
        way: Way,
        end: str = "",
        also: Further = anything,
        share: float = 1.0,
    ) -> list[str]:
        """Return an arm for each part and each further condition; `end` goes behind each.

        With a `share`, only so many of each part's rows are looked at, from all over it.
        """
        words = self.parameter(way.match) if way.match else ""
        return [
            f"SELECT {columns.part} FROM {self._rows(part, columns, way, share)}"
            f" WHERE {self._conditions(part, way, [words, said, more], share)}{end}"
            for part in self.parts
            for said in way.conditions
            for more in also(part)
        ]

    def of_rest(self, columns: Columns, end: str = "", also: str = "") -> list[str]:
        """Return the arms for what is in no part as it is now."""
        mark, epoch = self.view.directory.mark, self.view.directory.epoch
        arms = [f"task t NOT INDEXED WHERE t.id > {mark}"]
        if self.view.has_stale:
            changed = f"s.epoch > {epoch} AND s.id <= {mark}"
            arms.append(f"stale s CROSS JOIN task t ON t.id = s.id WHERE {changed}")
        wanted = [condition for condition in (self.table.text, also) if condition]
        more = "".join(f" AND {condition}" for condition in wanted)
        return [f"SELECT {columns.table} FROM {arm}{more}{end}" for arm in arms]

    def superseded(self, columns: str = "1") -> list[str]:
        """Return arms for the rows of parts that match, but changed since."""
        if not self.view.has_stale:
            return []
        epoch = self.view.directory.epoch
        joined = " CROSS JOIN task t ON t.id = p.id" if self.narrow.payload else ""
        wanted = f" AND {self.narrow.text}" if self.narrow else ""
        return [
            f"SELECT {columns} FROM stale s CROSS JOIN part{part.number} p"
            f" INDEXED BY part{part.number}_id ON p.id = s.id{joined} WHERE s.epoch > {epoch}"
            f" AND s.id BETWEEN {part.low} AND {part.high} AND p.dead IS NULL{wanted}"
            for part in self.parts
        ]

    def _rows(self, part: Part, columns: Columns, way: Way, share: float) -> str:
        number = part.number
        if way.match:
            rows = f"text{number} f CROSS JOIN part{number} p ON p.r = f.rowid"
        elif way.index:
            rows = f"part{number} p INDEXED BY part{number}_{way.index}"
        else:
            rows = f"part{number} p NOT INDEXED"
        if share < 1 and not way.match:
            rows = f"{_pieces(part, share)} CROSS JOIN {rows}"
        if columns.is_payload or self.narrow.payload:
            rows += " CROSS JOIN task t ON t.id = p.id"
        return rows

    def _conditions(self, part: Part, way: Way, further: Sequence[str], share: float) -> str:
        words, *others = further
        conditions = [
            f"f.text{part.number} MATCH {words}" if way.match else "",
            _sampled(part, way, share) if share < 1 else "",
            "p.dead IS NULL" if part.live < part.rows else "",
            *others,
            self.narrow.text,
            self._is_current(),
        ]
        return " AND ".join(condition for condition in conditions if condition) or "true"

    def _is_current(self) -> str:
        if not self.view.has_stale:
            return ""
        epoch = self.view.directory.epoch
        return f"NOT EXISTS (SELECT 1 FROM stale s WHERE s.id = p.id AND s.epoch > {epoch})"


def _pieces(part: Part, share: float) -> str:
    """Return the relation of the places between which a sample is taken."""
    starts = [part.rows * piece / PIECES for piece in range(PIECES)]
    listed = ", ".join(f"({start}, {start + part.rows * share / PIECES})" for start in starts)
    return f"(SELECT column1 AS low, column2 AS high FROM (VALUES {listed})) s"


def _sampled(part: Part, way: Way, share: float) -> str:
    """Return the condition for a sample; that of a match is its first rows, for it starts anew."""
    if way.match:
        return f"f.rowid <= {ceil(part.rows * share)}"
    return "p.r > s.low AND p.r <= s.high"


def _named(clause: Clause) -> Clause:
    """Return a clause whose parameters have names; it has no other question marks."""
    first, *others = clause.text.split("?")
    text = first + "".join(f":p{number}{part}" for number, part in enumerate(others))
    return Clause(text, clause.parameters, clause.payload)


def together(arms: Sequence[str]) -> str:
    """Return all arms as one relation, each of which may have an order and a limit of its own."""
    return UNION.join(f"SELECT * FROM ({arm})" for arm in arms)
