"""Actions on all tasks of a list: the links that export them, the form that forgets them; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Listing

FORMS: Final = ("csv", "ndjson")


@dataclass(frozen=True, slots=True)
class BulkActions:
    """The links below a list of tasks.

    `exports` are addresses by form. `forgets` are the fields of the form that forgets them all,
    empty where nothing is filtered; `count` is how many they are, None until somebody counts them
    at `count_url`.
    """

    exports: Mapping[str, str]
    forgets: Mapping[str, str]
    forget_url: str
    count: int | None
    count_url: str


def bulk_actions(listing: Listing, links: Links, count: int | None) -> BulkActions:
    """Return what can be done with the tasks of a listing, which is searched or filtered."""
    filters = {name: value for name, value in listing.filters.items() if value}
    export = {**filters, "sort": listing.sort}
    return BulkActions(
        exports={form: links.page("/tasks/export", {**export, "format": form}) for form in FORMS},
        forgets=filters,
        forget_url=links.action("tasks/forget"),
        count=count,
        count_url=links.page("/tasks", {**filters, "counted": "true"}),
    )
