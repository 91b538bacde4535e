"""What both pages of the schedule have: links from one to the other, arguments in a line; pure."""

from typing import Final

from flower_ng.store import TaskRow
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.paging import Choice

PARTS: Final = {"/schedule": "Beat", "/schedule/waiting": "Waiting for ETA"}
#: What stands for no arguments at all.
NOTHING: Final = frozenset({"()", "[]", "{}", ""})


def schedule_tabs(links: Links, path: str) -> tuple[Choice, ...]:
    """Return a link for each part; the one with this path is where we are."""
    return tuple(Choice(name, links.page(one, {}), one == path) for one, name in PARTS.items())


def arguments_of(row: TaskRow) -> str:
    """Return the arguments of a task in one line, empty where it has none."""
    return " ".join(text for text in (row.args or "", row.kwargs or "") if text not in NOTHING)
