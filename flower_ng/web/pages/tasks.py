"""Tasks is the list of all tasks: searched, sorted, page by page; answered by the store."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo
from typing import Final

from flower_ng.errors import SearchError, Unavailable
from flower_ng.store import Field, TaskPage, TaskQuery, TaskRow, fields, parse_search
from flower_ng.web import format as fmt
from flower_ng.web.base import Cluster, NavCount, Page
from flower_ng.web.links import Links
from flower_ng.web.mistake import Mistake, mistake
from flower_ng.web.paging import Choice, Column, Heading, Listing, Pager, pager
from flower_ng.web.whole import Whole, whole

#: The columns that `tasks_columns` may name, with how a cell shows its value.
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
        Column("Retries", "retries", "number", is_largest_first=True),
        Column("Revoked", "revoked", "moment", is_largest_first=True),
        Column("Exception", "exception", "text"),
        Column("Expires", "expires", "text"),
        Column("ETA", "eta", "text"),
    )
} | {"uuid": Column("UUID", None, "uuid")}
DEFAULT_COLUMNS: Final = ("name", "uuid", "state", "received", "runtime", "worker")
STATES: Final = {
    "All": "",
    "Started": "STARTED",
    "Succeeded": "SUCCESS",
    "Failed": "FAILURE",
    "Retried": "RETRY",
}
PRESETS: Final = ("state", "worker", "name")
#: What finds a whole value.
WHOLE: Final = {"state": "state:", "worker": "worker:=", "name": "name:="}
#: Rows of a page unless somebody chose.
SIZE: Final = 50
#: More columns than this are scrolled sideways.
MOST_FITTING: Final = 8
#: A cell shows no more of a text; the task's own page has it all.
CELL_LENGTH: Final = 160


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a task; `kind` says how it is shown, `moment` is UTC seconds."""

    kind: str
    label: str
    text: str
    url: str | None = None
    moment: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One task."""

    uuid: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tasks are asked for: a search, or exact values, shown as the search that they mean."""

    search: str
    presets: Mapping[str, str]

    @property
    def filters(self) -> dict[str, str]:
        """What links to other parts of this list carry."""
        return dict(self.presets) or {"search": self.search}


@dataclass(frozen=True, slots=True)
class TasksView:
    """The list; `problem` is why there is none. `total` counts all tasks."""

    title: str
    search: str
    problem: Mistake | None
    fields: tuple[Field, ...]
    states: tuple[Choice, ...]
    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]
    pager: Pager
    whole: Whole
    total: int
    sort: str
    size: int
    default_sort: str
    default_size: int
    all_url: str
    is_natural_time: bool
    is_wide: bool
    now: float
    timezone: tzinfo


class Tasks(Page):
    """`/tasks`, with `search` or the presets `state`, `worker` and `name`.

    With `counted` the number of tasks is exact, however long it takes to count them.
    """

    path = "/tasks"
    nav = "Tasks"
    template = "pages/tasks.html"

    @classmethod
    def count(cls, cluster: Cluster) -> NavCount:
        """How many tasks run now, by the heartbeats of the workers that are online."""
        running = sum(worker.active or 0 for worker in cluster.state.alive_workers())
        return NavCount(running, f"{fmt.number(running)} running")

    async def view(self, *_none: str) -> TasksView:
        """Ask the store for one page."""
        slugs = column_slugs(self.services.options.tasks_columns)
        wanted = self._wanted()
        usual = Listing("/tasks", sort=_default_sort(slugs), size=SIZE)
        listing = usual.asked(self.get_argument, wanted.filters)
        try:
            query = _query(wanted, listing)
            page = await self.cluster.store.tasks(query)
            if not page.exact and self.get_argument("counted", default=False, type=bool):
                count = await self.cluster.store.count(query)
                page = replace(page, filtered=count, exact=True)
        except (SearchError, Unavailable) as error:
            problem = mistake(error, wanted.search)
            return self._view(wanted, listing, slugs, TaskPage([], 0, 0), problem)
        return self._view(wanted, listing, slugs, page, None)

    def _wanted(self) -> Wanted:
        search = self.get_argument("search", default=None)
        given = {name: self.get_argument(name, default="") for name in PRESETS}
        presets = {name: value for name, value in given.items() if value}
        return Wanted(search, {}) if search is not None else Wanted(as_search(presets), presets)

    def _view(
        self,
        wanted: Wanted,
        listing: Listing,
        slugs: Sequence[str],
        page: TaskPage,
        problem: Mistake | None,
    ) -> TasksView:
        links = Links(self.services.prefix)
        usual = listing.default or listing
        rows = (self.cluster.format_task(row) for row in page.rows)
        return TasksView(
            title="Tasks",
            search=wanted.search,
            problem=problem,
            fields=fields(),
            states=_states(wanted, listing, links),
            headings=listing.headings(links, [COLUMNS[slug] for slug in slugs]),
            rows=tuple(Row(row.uuid, tuple(_cells(row, slugs, links))) for row in rows),
            pager=pager(
                listing, links, shown=len(page.rows), count=page.filtered, is_exact=page.exact
            ),
            whole=whole(listing, links, page.filtered if page.exact else None),
            total=page.total,
            sort=listing.sort,
            size=listing.size,
            default_sort=usual.sort,
            default_size=usual.size,
            all_url=listing.url(links, filters={}),
            is_natural_time=self.services.options.natural_time,
            is_wide=len(slugs) > MOST_FITTING,
            now=self.services.clock(),
            timezone=self.cluster.timezone,
        )


def column_slugs(option: str) -> tuple[str, ...]:
    """The columns that the option names, in its order, unknown ones left out."""
    named = (slug.strip() for slug in option.split(","))
    return tuple(dict.fromkeys(slug for slug in named if slug in COLUMNS)) or DEFAULT_COLUMNS


def _default_sort(slugs: Sequence[str]) -> str:
    """The newest first, by Received; without that column, the last of the first column first."""
    sortable = [slug for slug in slugs if COLUMNS[slug].key]
    return f"-{'received' if 'received' in slugs else next(iter(sortable), 'received')}"


def _query(wanted: Wanted, listing: Listing) -> TaskQuery:
    presets = wanted.presets
    return TaskQuery(
        search=None if presets else parse_search(wanted.search),
        state=presets.get("state"),
        name=presets.get("name"),
        worker=presets.get("worker"),
        sort=listing.key,
        descending=listing.is_descending,
        offset=listing.offset,
        limit=listing.size,
    )


def as_search(presets: Mapping[str, str]) -> str:
    """The search that says the same as exact values."""
    return " ".join(f"{WHOLE[name]}{quoted(value)}" for name, value in presets.items())


def quoted(value: str) -> str:
    """A value as one word of a search."""
    if not set(value) & set(' \t\n\r\v\f()"\\'):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _states(wanted: Wanted, listing: Listing, links: Links) -> tuple[Choice, ...]:
    """The buttons for states; they keep the worker and the name that are asked for."""
    kept = {name: value for name, value in wanted.presets.items() if name != "state"}
    current = wanted.presets.get("state", "")
    searched = wanted.search.removeprefix("state:") if not wanted.presets else current
    return tuple(
        Choice(
            label,
            listing.url(links, filters={"state": state, **kept}),
            state == (current or searched).upper(),
        )
        for label, state in STATES.items()
    )


def _cells(row: TaskRow, slugs: Iterable[str], links: Links) -> Iterable[Cell]:
    for slug in slugs:
        column, value = COLUMNS[slug], getattr(row, slug)
        yield Cell(
            column.kind,
            column.label,
            text=_text(column.kind, value),
            url=_url(column.kind, value, links),
            moment=value if column.kind == "moment" else None,
        )


def _text(kind: str, value: object) -> str:
    if kind == "duration" and isinstance(value, int | float):
        return fmt.duration(value)
    whole = fmt.text(value)
    return fmt.cut(whole, CELL_LENGTH) if kind == "text" else whole


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
