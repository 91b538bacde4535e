"""Batch shows how far one batch is, and what came of each of its tasks."""

from dataclasses import dataclass
from typing import Final

from flower_ng.batch_record import BatchItem, BatchState, ItemState
from flower_ng.monitor.remote.batch_actions import (
    MOST_RATE,
    PAUSE_BATCH,
    RATE_BATCH,
    RESUME_BATCH,
    STOP_BATCH,
)
from flower_ng.web.http.base import Need, Page
from flower_ng.web.lookups.batch_view import BatchView, batch_view
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Choice

SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One task of the batch, with what was sent for it, and the state of that; empty if unknown."""

    item: BatchItem
    url: str
    new_url: str
    new_state: str


@dataclass(frozen=True, slots=True)
class BatchButton:
    """A button that does something to the batch."""

    label: str
    url: str
    is_danger: bool


@dataclass(frozen=True, slots=True)
class BatchPageView:
    """One batch; `next_url` leads to more of its tasks, empty where there are none.

    `rate_url` is where a new rate is sent, empty where it can't be changed any more.
    """

    title: str
    shown: BatchView
    tabs: tuple[Choice, ...]
    rows: tuple[ItemRow, ...]
    next_url: str
    buttons: tuple[BatchButton, ...]
    rate_url: str
    most_rate: int
    search_url: str
    outlasts: bool


class BatchPage(Page):
    """`/batches/{id}`, with `outcome` and `after`."""

    path = r"/batches/(.+)"
    need = Need.OPERATE
    nav = "Actions"
    template = "pages/batch.html"

    async def view(self, batch_id: str) -> BatchPageView:
        """Read the batch and a part of its list; NotFound for no such batch."""
        links, store = Links(self.services.prefix), self.cluster.store
        status = await self.cluster.batches.status(batch_id)
        asked = self.get_argument("outcome", default="")
        states = (ItemState(asked),) if asked in list(ItemState) else ()
        after: int = self.get_argument("after", default=-1, type=int)
        items = await store.batches.items(batch_id, states, after, SHOWN + 1)
        rows = await self._rows(items[:SHOWN], links)
        shown = batch_view(status, links)
        query = {"outcome": asked} if states else {}
        more = {**query, "after": str(items[SHOWN - 1].place)} if len(items) > SHOWN else {}
        batch, path = status.batch, f"/batches/{batch_id}"
        actions = {
            BatchState.RUNNING: (PAUSE_BATCH, STOP_BATCH),
            BatchState.PAUSED: (RESUME_BATCH, STOP_BATCH),
        }.get(batch.state, ())
        return BatchPageView(
            title=f"{shown.words}: {batch.count:,}",
            shown=shown,
            tabs=(
                Choice("All", links.page(path, {}), not states),
                *(
                    Choice(f"{name} {number:,}", links.page(path, {"outcome": name}), name == asked)
                    for name, number in shown.counts
                ),
            ),
            rows=tuple(rows),
            next_url=links.page(path, more) * bool(more),
            buttons=tuple(
                BatchButton(one.label, links.action(one.route, batch_id), one is STOP_BATCH)
                for one in actions
            ),
            rate_url=links.action(RATE_BATCH.route, batch_id) * bool(actions),
            most_rate=MOST_RATE,
            search_url=links.tasks(search=batch.search) if batch.search else "",
            outlasts=self.cluster.batches.outlast_us,
        )

    async def _rows(self, items: list[BatchItem], links: Links) -> list[ItemRow]:
        sent = await self.cluster.store.those([one.new_id for one in items if one.new_id])
        states = {row.uuid: row.state for row in sent}
        return [
            ItemRow(
                one,
                links.task(one.uuid),
                links.task(one.new_id) if one.new_id else "",
                states.get(one.new_id, ""),
            )
            for one in items
        ]
