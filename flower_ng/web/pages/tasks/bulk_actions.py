"""Actions on many tasks of a list: those that are ticked, or all that match; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flower_ng.monitor.remote.batch_actions import FORGET_MANY, MANY, RERUN_MANY
from flower_ng.monitor.remote.task_actions import RERUN
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Listing

FORMS: Final = ("csv", "ndjson")


@dataclass(frozen=True, slots=True)
class BulkAction:
    """A button below the list: what it does to the chosen tasks, and whether only admins may."""

    label: str
    url: str
    is_danger: bool
    administers: bool


@dataclass(frozen=True, slots=True)
class BulkActions:
    """What stands below a list of tasks.

    `exports` are addresses by form, of all that match; `export_url` takes the chosen ones. `count`
    is how many match, None where nobody has counted them. What follows `again_url` is a task.
    """

    exports: Mapping[str, str]
    export_url: str
    actions: tuple[BulkAction, ...]
    again_url: str
    count: int | None
    is_filtered: bool


def bulk_actions(listing: Listing, links: Links, count: int | None) -> BulkActions:
    """Return what can be done with the tasks of a listing, which is searched or filtered."""
    filters = {name: value for name, value in listing.filters.items() if value}
    export = {**filters, "sort": listing.sort}
    return BulkActions(
        exports={form: links.page("/tasks/export", {**export, "format": form}) for form in FORMS},
        export_url=links.page("/tasks/export", {}),
        actions=tuple(
            BulkAction(
                one.label, links.action(one.route), one is not RERUN_MANY, one is FORGET_MANY
            )
            for one in MANY
        ),
        again_url=f"{links.action(RERUN.route)}/",
        count=count,
        is_filtered=bool(filters),
    )
