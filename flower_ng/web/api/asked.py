"""Reads which tasks a request asks for: search, filters, order. On the loop."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from flower_ng.errors import BadRequest
from flower_ng.search import Search, suggestions
from flower_ng.store import TaskQuery, parse_search
from flower_ng.web.http.handler import Handler

#: The header that says what in a search is likely to be a mistake.
SEARCH_WARNING: Final = "Flower-Search-Warning"
#: The filters, and the arguments that give them; Flower has no others.
FLOWERS: Final[Mapping[str, tuple[str, ...]]] = {
    "state": ("state",),
    "name": ("taskname",),
    "worker": ("workername",),
}
FILTERS: Final[Mapping[str, tuple[str, ...]]] = {
    "state": ("state",),
    "name": ("taskname", "name"),
    "worker": ("workername", "worker"),
    "queue": ("queue",),
    "exception": ("exception",),
}
PERIOD: Final = ("received_start", "received_end")
#: What tasks may be sorted by: what they have one value of.
SORTABLE: Final = (
    "name", "uuid", "state", "received", "started", "runtime", "worker", "queue", "retries",
    "timestamp", "sent", "succeeded", "failed", "retried", "revoked", "rejected", "eta", "expires",
    "exception", "args", "kwargs", "result", "exchange", "routing_key", "client", "root_id",
    "parent_id", "clock",
)  # fmt: skip
#: More than any store holds, and still a number that SQLite can count with.
MOST_ROWS: Final = 2**31


def asked(handler: Handler) -> TaskQuery:
    """Return all tasks that match the request's arguments, in the order of its `sort`.

    Raises BadRequest, SearchError included, for what cannot be meant.
    """
    sort = handler.get_argument("sort", default="")
    key = sort.removeprefix("-")
    if sort and key not in SORTABLE:
        raise BadRequest(f"Invalid sort '{sort}', expected one of {', '.join(SORTABLE)}")
    return replace(filtered(handler), sort=key or None, descending=sort.startswith("-"))


def filtered(handler: Handler, filters: Mapping[str, tuple[str, ...]] = FILTERS) -> TaskQuery:
    """Return the tasks that match, the newest first.

    A search with a word that is likely to be a mistake is answered as Flower does to Flower's
    filters, with a warning in a header; else what is no field is refused.
    """
    wanted: dict[str, Any] = {name: _filter(handler, names) for name, names in filters.items()}
    start, end = (_minute(handler, name) for name in PERIOD)
    return TaskQuery(
        search=_search(handler, is_strict=filters is FILTERS),
        received_start=start,
        received_end=end,
        **wanted,
    )


def told_query(handler: Handler) -> str:
    """Return in one line which tasks `filtered` finds; empty for all."""
    names = ("search", *(name for names in FILTERS.values() for name in names), *PERIOD)
    given = ((name, handler.get_argument(name, default="")) for name in names)
    return " ".join(
        value if name == "search" else f"{name}={value}" for name, value in given if value
    )


def _search(handler: Handler, *, is_strict: bool) -> Search | None:
    text = handler.get_argument("search", default="")
    search = parse_search(text)
    for doubt in suggestions(text):
        if is_strict and doubt.is_field:
            raise BadRequest(f"{doubt.message} In quotes it is text")
        handler.add_header(SEARCH_WARNING, doubt.message)
    return search


def bounded(number: int) -> int:
    """Return a number of rows that the store can count with; negative ones mean 0."""
    return min(max(number, 0), MOST_ROWS)


def _filter(handler: Handler, arguments: tuple[str, ...]) -> str | None:
    values = (handler.get_argument(argument, default="") for argument in arguments)
    return next((value for value in values if value not in {"", "All"}), None)


def _minute(handler: Handler, argument: str) -> float | None:
    """Return a time of the server's own clock as UTC seconds."""
    value = handler.get_argument(argument, default="")
    if not value:
        return None
    try:
        return datetime.strptime(value, "%Y-%m-%d %H:%M").timestamp()  # noqa: DTZ007 - local
    except (ValueError, OverflowError):
        raise BadRequest(
            "Invalid received_start or received_end, expected format 'YYYY-MM-DD HH:MM'"
        ) from None
