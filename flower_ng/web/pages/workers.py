"""Workers is the front page: who is there, how busy, with what success."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from flower_ng.monitor.rows import WorkerRow, worker_rows
from flower_ng.web import format as fmt
from flower_ng.web.base import Cluster, NavCount, Page
from flower_ng.web.links import Links
from flower_ng.web.paging import Column, Heading, Listing, Pager, pager

COLUMNS: Final = (
    Column("Worker", "name"),
    Column("Status", "status"),
    Column("Active", "active", "number", is_largest_first=True),
    Column("Processed", "processed", "number", is_largest_first=True),
    Column("Failed", "failed", "number", is_largest_first=True),
    Column("Succeeded", "succeeded", "number", is_largest_first=True),
    Column("Load Average", "load", "number", is_largest_first=True),
)
LISTING: Final = Listing("/workers", sort="name", size=50)


@dataclass(frozen=True, slots=True)
class Count:
    """A number and the list that proves it; `url` is None for nothing and for what is not known."""

    value: int | None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One worker: `active` and `load` are not known of one that is offline."""

    name: str
    url: str
    is_online: bool
    heard: str
    active: Count
    processed: Count
    failed: Count
    succeeded: Count
    load: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Total:
    """The sums over some workers: those that are online, all of them, and their tasks."""

    online: int
    known: int
    active: Count
    processed: Count
    failed: Count
    succeeded: Count


@dataclass(frozen=True, slots=True)
class WorkersView:
    """The front page; `every_s` is the least time between two refreshes, None for none at all."""

    title: str
    total: Total
    shown: Total
    lines: tuple[Line, ...]
    headings: tuple[Heading, ...]
    pager: Pager
    search: str
    sort: str
    refresh_url: str
    every_s: int | None


class Workers(Page):
    """`/` and `/workers`; with `json=1` the rows as JSON."""

    path = "/"
    aliases = ("/workers",)
    nav = "Workers"
    template = "pages/workers.html"

    @classmethod
    def count(cls, cluster: Cluster) -> NavCount:
        """How many workers are online; alarming when none of those known is."""
        workers = cluster.state.workers.values()
        online = sum(map(cluster.state.is_alive, workers))
        return NavCount(online, f"{online} of {len(workers)} online", bool(workers) and not online)

    async def view(self, *_none: str) -> WorkersView | None:
        """Show the workers, or write their rows."""
        is_json = self.get_argument("json", default=False, type=bool)
        if self.get_argument("refresh", default=False, type=bool):
            self.cluster.inspector.inspect()  # nobody waits for it
        services = self.services
        rows = worker_rows(
            self.cluster.state, services.clock(), services.options.purge_offline_workers
        )
        if not is_json:
            return self._view(rows)
        self.write_json({"data": [row.record() for row in rows]})
        return None

    def _view(self, rows: Sequence[WorkerRow]) -> WorkersView:
        links, now = Links(self.services.prefix), self.services.clock()
        search = self.get_argument("search", default="")
        listing = LISTING.asked(self.get_argument, {"search": search})
        lines = [_line(row, links, now) for row in rows]
        found = _sorted([line for line in lines if _holds(line.name, search)], listing)
        shown = found[listing.offset : listing.offset + listing.size]
        return WorkersView(
            title="Workers",
            total=_total(lines, links),
            shown=_total(found, links),
            lines=tuple(shown),
            headings=listing.headings(links, COLUMNS),
            pager=pager(listing, links, shown=len(shown), count=len(found)),
            search=search,
            sort=listing.sort,
            refresh_url=links.action("workers"),
            every_s=self._every_s(),
        )

    def _every_s(self) -> int | None:
        wanted: int = self.get_argument("autorefresh", default=1, type=int)
        return max(1, wanted) if self.services.options.auto_refresh else None


def _line(row: WorkerRow, links: Links, now: float) -> Line:
    worker, name = row.worker, row.worker.hostname

    def count(value: int | None, state: str | None) -> Count:
        return Count(value, links.tasks(worker=name, state=state) if value else None)

    return Line(
        name=name,
        url=links.worker(name),
        is_online=row.is_online,
        heard=fmt.ago(worker.heard_at or None, now),
        active=count(worker.active if row.is_online else None, "STARTED"),
        processed=count(row.counts.get("task-received", 0), None),
        failed=count(row.counts.get("task-failed", 0), "FAILURE"),
        succeeded=count(row.counts.get("task-succeeded", 0), "SUCCESS"),
        load=(worker.loadavg or ()) if row.is_online else (),
    )


def _total(lines: Sequence[Line], links: Links) -> Total:
    def total(counts: Iterable[Count], state: str | None) -> Count:
        value = sum(count.value or 0 for count in counts)
        return Count(value, links.tasks(state=state) if value else None)

    return Total(
        online=sum(line.is_online for line in lines),
        known=len(lines),
        active=total((line.active for line in lines), "STARTED"),
        processed=total((line.processed for line in lines), None),
        failed=total((line.failed for line in lines), "FAILURE"),
        succeeded=total((line.succeeded for line in lines), "SUCCESS"),
    )


_KEYS: Final[dict[str, Callable[[Line], Any]]] = {
    "name": lambda line: _natural(line.name),
    "status": lambda line: line.is_online,
    "active": lambda line: line.active.value,
    "processed": lambda line: line.processed.value,
    "failed": lambda line: line.failed.value,
    "succeeded": lambda line: line.succeeded.value,
    "load": lambda line: line.load or None,
}


def _sorted(lines: list[Line], listing: Listing) -> list[Line]:
    """The lines in the order asked for, by name where equal; what is not known comes last."""
    key = _KEYS.get(listing.key, _KEYS["name"])
    by_name = sorted(lines, key=_KEYS["name"])
    known = [line for line in by_name if key(line) is not None]
    unknown = [line for line in by_name if key(line) is None]
    return sorted(known, key=key, reverse=listing.is_descending) + unknown


def _holds(name: str, search: str) -> bool:
    return search.casefold() in name.casefold()


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sort `w10` after `w9`."""
    parts = re.findall(r"([0-9]+)|([^0-9]+)", name.casefold())
    return [(0, int(digits), "") if digits else (1, 0, text) for digits, text in parts]
