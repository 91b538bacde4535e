"""TaskQuery, and a search as a tree of conditions. Frozen records; pure."""

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

#: Where an ordinary word is looked for.
WORD_COLUMNS = (
    "uuid", "name", "state", "worker", "args", "kwargs", "result", "exception", "original_name",
)  # fmt: skip

#: Where the part of a text, or how it begins, is looked for, where that is not the column alone.
PARTS_IN: Final = {"name": ("name", "original_name")}

Relation: TypeAlias = Literal["<", "<=", ">", ">="]
#: What a value counts from: nothing, the time of asking, the last midnight (UTC) before it.
Base: TypeAlias = Literal["zero", "now", "today"]


@dataclass(frozen=True, slots=True)
class Word:
    """The text stands somewhere in one of the WORD_COLUMNS."""

    text: str


@dataclass(frozen=True, slots=True)
class InField:
    """The text stands somewhere in the column, or one of its PARTS_IN."""

    column: str
    text: str


@dataclass(frozen=True, slots=True)
class Begins:
    """The column, or one of its PARTS_IN, begins with the text."""

    column: str
    text: str


@dataclass(frozen=True, slots=True)
class Is:
    """The column is the text."""

    column: str
    text: str


@dataclass(frozen=True, slots=True)
class Has:
    """The column has a value."""

    column: str


@dataclass(frozen=True, slots=True)
class HasPair:
    """The keyword arguments hold `"key=value"`; without `is_whole`, one that begins so."""

    text: str
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Compare:
    """The quantity, a name of `sql.where`, stands in the relation to a number, counted from `base`.

    Seconds, or UTC seconds; a task that lacks the quantity does not match.
    """

    quantity: str
    relation: Relation
    value: float
    base: Base = "zero"


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not match; so a task that lacks what it asks about does match."""

    part: "Search"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part matches."""

    parts: "tuple[Search, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of the parts matches."""

    parts: "tuple[Search, ...]"


Search: TypeAlias = Word | InField | Begins | Is | Has | HasPair | Compare | Not | AllOf | AnyOf


DAY_S: Final = 86_400
#: Characters of the shortest text that an index of trigrams can look up.
MIN_LITERAL: Final = 3


def since(wanted: Compare, now: float) -> float:
    """Return the number that a condition compares with, when it is asked at `now`."""
    starts = {"zero": 0.0, "now": now, "today": now - now % DAY_S}
    return starts[wanted.base] + wanted.value


def short_texts(search: Search | None) -> tuple[str, ...]:
    """Return the texts of a search that are too short for an index of trigrams."""
    match search:
        case AllOf(parts) | AnyOf(parts):
            return tuple(text for part in parts for text in short_texts(part))
        case Not(part):
            return short_texts(part)
        case Word(text) | InField(_, text):
            return (text,) if len(text) < MIN_LITERAL else ()
        case _:
            return ()


#: What tasks are filtered by, as whole values, and counted by; and the columns that hold it.
FACETS: Final = {
    "state": "state",
    "name": "name",
    "worker": "worker",
    "queue": "queue",
    "exception": "exception_class",
}


@dataclass(frozen=True, slots=True)
class TaskQuery:
    """Which tasks, in which order, and which of them.

    `state`, `name`, `worker`, `queue` and `exception` (its class) are whole values, their case
    ignored. The received range (UTC seconds) includes both ends, and tasks that no one received
    pass it. Without `sort` the newest come first, whatever the direction; an attribute that tasks
    do not have sorts by id.
    """

    search: Search | None = None
    state: str | None = None
    name: str | None = None
    worker: str | None = None
    received_start: float | None = None
    received_end: float | None = None
    sort: str | None = None
    descending: bool = False
    offset: int = 0
    limit: int | None = None
    queue: str | None = None
    exception: str | None = None

    @property
    def is_of_all(self) -> bool:
        """Whether each task matches."""
        filters = (getattr(self, name) for name in FACETS)
        conditions = (self.search, self.received_start, self.received_end, *filters)
        return all(one is None for one in conditions)
