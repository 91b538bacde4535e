"""The columns of a list of tasks, and how their values are shown; pure."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import floor, log10
from typing import Any, Final

from flower_ng.store import TaskRow
from flower_ng.web.pages.tasks.by_runtime import runtime_s
from flower_ng.web.pages.tasks.search_terms import exact_term, quoted
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.links import Links, segment
from flower_ng.web.ui.paging import Column
from flower_ng.web.ui.phases import NO_END, OVER
from flower_ng.web.ui.progress import percent_of

#: The columns that `tasks_columns` and a page's `columns` may name, and how a cell is shown.
COLUMNS: Final[Mapping[str, Column]] = {
    column.key or "": column
    for column in (
        Column("Name", "name", "name"),
        Column("State", "state", "state"),
        Column("args", "args", "text"),
        Column("kwargs", "kwargs", "text"),
        Column("Result", "result", "text"),
        Column("Received", "received", "moment", is_largest_first=True),
        Column("Started", "started", "moment", is_largest_first=True),
        Column("Runtime", "runtime", "duration", is_largest_first=True),
        Column("Worker", "worker", "worker"),
        Column("Exchange", "exchange", "text"),
        Column("Routing Key", "routing_key", "text"),
        Column("Queue", "queue", "text"),
        Column("Retries", "retries", "number", is_largest_first=True),
        Column("Revoked", "revoked", "moment", is_largest_first=True),
        Column("Exception", "exception", "text"),
        Column("Expires", "expires", "told"),
        Column("ETA", "eta", "told"),
        Column("Sent", "sent", "moment", is_largest_first=True),
        Column("Updated", "timestamp", "moment", is_largest_first=True),
    )
} | {"uuid": Column("UUID", None, "uuid")}
DEFAULT_COLUMNS: Final = ("name", "uuid", "state", "received", "runtime", "worker")
#: More columns than this are scrolled sideways.
MOST_FITTING: Final = 8
#: A cell shows no more of a text; the task's own page has it all.
LENGTH: Final = 160
#: Searches take no longer durations.
_MOST_S: Final = 10**9
#: What does not arrive in a request: Tornado replaces it by a blank.
_CONTROL: Final = re.compile(r"[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a task; `kind` says how it is shown, `moment` is UTC seconds.

    `term` is the search for tasks with the same value, empty where there is none; `is_so_far` says
    that the value still grows, `note` who told a state where no event did for sure, `percent`
    how far a task said that it is.
    """

    kind: str
    label: str
    text: str
    url: str | None = None
    moment: float | None = None
    term: str = ""
    is_so_far: bool = False
    note: str = ""
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One task; `path` is its id as a step of an address, `is_over` says that it has ended."""

    uuid: str
    cells: tuple[Cell, ...]
    path: str
    is_over: bool


def column_slugs(named: str, usual: tuple[str, ...] = DEFAULT_COLUMNS) -> tuple[str, ...]:
    """The columns that a text names, in its order, unknown ones left out; else the usual ones."""
    slugs = (slug.strip() for slug in named.split(","))
    return tuple(dict.fromkeys(slug for slug in slugs if slug in COLUMNS)) or usual


def row_of(
    task: TaskRow, slugs: Iterable[str], links: Links, now: float, *, is_in_doubt: bool = False
) -> Row:
    """The cells of one task; `now` is UTC seconds.

    Whether one that `is_in_doubt` still runs is unknown.
    """
    cells = _cells(task, slugs, links, now)
    return Row(
        task.uuid,
        tuple(map(_without_end, cells) if is_in_doubt else cells),
        segment(task.uuid),
        task.state in OVER,
    )


def _without_end(cell: Cell) -> Cell:
    """The cell, which says no run time of a task whose end is unknown."""
    return replace(cell, text=NO_END, is_so_far=False) if cell.is_so_far else cell


def _cells(task: TaskRow, slugs: Iterable[str], links: Links, now: float) -> Iterator[Cell]:
    for slug in slugs:
        column = COLUMNS[slug]
        value = runtime_s(task, now) if slug == "runtime" else getattr(task, slug)
        at = _moment(column.kind, value)
        kind = column.kind if column.kind != "told" else "text" if at is None else "moment"
        yield Cell(
            kind,
            column.label,
            text=_text(kind, value),
            url=_url(kind, value, links),
            moment=at,
            term=_term(slug, task.exception_class if slug == "exception" else value),
            is_so_far=slug == "runtime" and value is not None and task.runtime is None,
            note=task.state_source or "" if slug == "state" else "",
            percent=percent_of(task) if slug == "state" else None,
        )


def _moment(kind: str, value: Any) -> float | None:
    """A time in UTC seconds; one that its sender wrote only where it names its offset."""
    if kind == "told":
        return fmt.iso_seconds(value)
    return value if kind == "moment" else None


def _text(kind: str, value: object) -> str:
    if kind == "duration" and isinstance(value, int | float):
        return fmt.duration(value)
    told = fmt.text(value)
    return fmt.cut(told, LENGTH) if kind == "text" else told


def _url(kind: str, value: object, links: Links) -> str | None:
    if not value:
        return None
    match kind:
        case "name":
            return links.tasks(name=str(value))
        case "uuid":
            return links.task(str(value))
        case "worker":
            return links.worker(str(value))
    return None


def _term(slug: str, value: object) -> str:
    make = _TERMS.get(slug)
    return make(str(value)) if make and value not in (None, "") else ""


def _holding(field: str) -> Callable[[str], str]:
    """Searches for the text in a field, where it is not blank and not too long for a search."""

    def held(text: str) -> str:
        shown = _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
        return f"{field}:{quoted(shown)}" if text.strip() and len(shown) <= LENGTH else ""

    return held


def _lasting(runtime_s: float) -> str:
    """Searches for tasks that took this time or longer: cut, not rounded, so that it finds its own.

    Searches take no exponents, and nine digits behind the point.
    """
    if not 0 <= runtime_s < _MOST_S:
        return ""
    magnitude = floor(log10(runtime_s)) if runtime_s else 0
    digits = min(max(2 - magnitude, 0), 9)
    return f"runtime:>={floor(runtime_s * 10**digits) / 10**digits:.{digits}f}"


_TERMS: Final[Mapping[str, Callable[[str], str]]] = {
    "name": lambda value: exact_term("name", value),
    "state": lambda value: exact_term("state", value),
    "worker": lambda value: exact_term("worker", value),
    "queue": lambda value: exact_term("queue", value),
    "exchange": lambda value: exact_term("exchange", value),
    "routing_key": lambda value: exact_term("routing_key", value),
    "exception": lambda value: exact_term("exception_class", value),
    "args": _holding("args"),
    "kwargs": lambda value: "" if "=" in value else _holding("kwargs")(value),
    "result": _holding("result"),
    "retries": lambda value: f"retries:{value}",
    "runtime": lambda value: _lasting(float(value)),
}
