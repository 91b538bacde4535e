"""Long lists for programs: page by cursor, counted by value and over time. On the loop."""

from dataclasses import replace

import msgspec

from flower_ng.errors import BadRequest
from flower_ng.store import FACETS, MOST_BUCKETS
from flower_ng.web.api.asked import asked, filtered
from flower_ng.web.api.export import record
from flower_ng.web.http.base import Endpoint, Need
from flower_ng.web.http.moments import instant

#: Tasks of a page: usually, and at most.
USUAL_TASKS = 100
MOST_TASKS = 1000
#: Values of a field: usually, and at most.
USUAL_VALUES = 20
MOST_VALUES = 1000
USUAL_BUCKETS = 60


class ListingEndpoint(Endpoint):
    """What counts by numbers that a request gives."""

    def number(self, name: str, usual: int, most: int) -> int:
        """Return a whole number from 1 to `most`; BadRequest for others."""
        number: int = self.get_argument(name, default=usual, type=int)
        if not 1 <= number <= most:
            raise BadRequest(f"{name} must be from 1 to {most}, not {number}")
        return number


class TasksPage(ListingEndpoint):
    """One page after the other, to the end of a list of any length; not one of Flower's."""

    path = r"/api/tasks/page"
    need = Need.READ
    summary = "List tasks page by page"

    async def get(self) -> None:
        """Answer `{tasks, next, total, exact}`."""
        query, store = asked(self), self.cluster.store
        limit = self.number("limit", USUAL_TASKS, MOST_TASKS)
        page = await self.while_here(store.after(query, self.get_argument("cursor", ""), limit))
        count = await self.while_here(store.tasks(replace(query, limit=0)))
        self.write_json(
            {
                "tasks": [record(self.cluster.format_for_api(row)) for row in page.rows],
                "next": page.next,
                "total": count.filtered,
                "exact": count.exact,
            }
        )


class TasksFacets(ListingEndpoint):
    """How many of the tasks that match have which state, name, worker, …; not one of Flower's."""

    path = r"/api/tasks/facets"
    need = Need.READ
    summary = "Count tasks by value"

    async def get(self) -> None:
        """Answer `{facets: {field: [{value, count}]}, exact}`."""
        fields = self.get_argument("fields", default="") or ",".join(FACETS)
        names = tuple(dict.fromkeys(name.strip() for name in fields.split(",")))
        limit = self.number("limit", USUAL_VALUES, MOST_VALUES)
        found = await self.while_here(self.cluster.store.facets(filtered(self), names, limit))
        facets = {
            field: [{"value": value, "count": count} for value, count in counts]
            for field, counts in found.counts.items()
        }
        self.write_json({"facets": facets, "exact": found.exact})


class TasksHistogram(ListingEndpoint):
    """How many of the tasks that match were received when; not one of Flower's."""

    path = r"/api/tasks/histogram"
    need = Need.READ
    summary = "Count tasks over time"

    async def get(self) -> None:
        """Answer `{starts_s, step_s, counts: {state: [number]}, exact}`."""
        now = self.services.clock()
        start = instant("start", self.get_argument("start", default="-1h"), now)
        end = instant("end", self.get_argument("end", default="now"), now)
        if start >= end:
            raise BadRequest("start must be before end")
        buckets = self.number("buckets", USUAL_BUCKETS, MOST_BUCKETS)
        found = self.cluster.store.histogram(filtered(self), start, end, buckets)
        self.write_json(msgspec.to_builtins(await self.while_here(found)))
