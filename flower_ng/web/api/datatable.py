"""The rows of the Tasks page's table, in the protocol of DataTables. On the loop."""

from dataclasses import replace
from typing import Any

from flower_ng.errors import SearchError
from flower_ng.search import suggestions
from flower_ng.store import TaskPage, TaskQuery, parse_search
from flower_ng.web.api.asked import bounded
from flower_ng.web.http.base import Access, Handler, Need

#: The longest page: what a browser can show, and what the loop can write in one go.
MOST_ROWS = 10_000


class TasksDataTable(Handler):
    """A page's route that answers JSON: pages' rule of access, pages' family of errors."""

    path = r"/tasks/datatable"
    need = Need.READ
    access = Access.PAGE

    async def get(self) -> None:
        """Answer one page; a wrong search is an empty page with `searchError`.

        One that is likely to be a mistake is answered as Flower does, with `searchWarning`.
        """
        draw: int = self.get_argument("draw", type=int, required=True)
        query = self._query()
        search = self.get_argument("search[value]", default="")
        try:
            page = await self.cluster.store.tasks(replace(query, search=parse_search(search)))
        except SearchError as error:
            page = await self.cluster.store.tasks(replace(query, limit=0))
            answer = {"data": [], "recordsTotal": page.total, "recordsFiltered": 0}
            self.write_json({"draw": draw, **answer, "searchError": error.message})
        else:
            warnings = [doubt.message for doubt in suggestions(search)]
            warning = {"searchWarning": " ".join(warnings)} if warnings else {}
            self.write_json({"draw": draw, **self._answer(page), **warning})

    async def post(self) -> None:
        """Answer the same to a form, whose arguments may be longer than a URL."""
        await self.get()

    def _query(self) -> TaskQuery:
        start: int = self.get_argument("start", type=int, required=True)
        length: int = self.get_argument("length", type=int, required=True)
        column: int = self.get_argument("order[0][column]", type=int, required=True)
        sort = self.get_argument(f"columns[{column}][data]", default="")
        descending = self.get_argument("order[0][dir]", default="") == "desc"
        return TaskQuery(
            sort=sort or None,
            descending=descending,
            offset=bounded(start),
            limit=min(bounded(length), MOST_ROWS),
        )

    def _answer(self, page: TaskPage) -> dict[str, Any]:
        answer: dict[str, Any] = {
            "data": [self.cluster.format_task(row).record() for row in page.rows],
            "recordsTotal": page.total,
            "recordsFiltered": page.filtered,
        }
        return answer if page.exact else {**answer, "recordsFilteredExact": False}
