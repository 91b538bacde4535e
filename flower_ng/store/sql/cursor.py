"""Keyset is the place in a sorted list where the next page begins, as an opaque text. Pure."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass

import msgspec

from flower_ng.errors import BadRequest
from flower_ng.store.search.query import TaskQuery
from flower_ng.store.tables.rows import TaskRow
from flower_ng.store.tables.schema import COLUMNS, case_folded

#: Flower's second names.
SYNONYMS = {"root": "root_id", "parent": "parent_id"}

Key = float | str | None


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Behind the task with this key and id, in the order of `sort`.

    A list does not shift under it: what comes in front of it later is not on a later page, and a
    task whose key changes may be on two or on none.
    """

    sort: str
    is_descending: bool
    key: Key
    uuid: str

    @classmethod
    def of(cls, query: TaskQuery, key: Key, uuid: str) -> "Place":
        """Return a task's place in a query's list."""
        return cls(attribute(query.sort), is_descending(query), key, uuid)


@dataclass(frozen=True, slots=True)
class CursorPage:
    """Some rows of a list, and the cursor of those that follow; None behind the last."""

    rows: list[TaskRow]
    next: str | None


def attribute(sort: str | None) -> str:
    """Return the column that a TaskQuery's `sort` names."""
    return "timestamp" if sort is None else SYNONYMS.get(sort, sort)


def is_descending(query: TaskQuery) -> bool:
    """Whether the largest come first."""
    return query.descending or query.sort is None


def place_of(query: TaskQuery, cursor: str | None) -> Place | None:
    """Return the place that a cursor names, None without one.

    Raises BadRequest for what is no cursor, or one of a list in another order.
    """
    if not cursor:
        return None
    try:
        place = msgspec.json.decode(urlsafe_b64decode(cursor), type=Place)
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise BadRequest(f"Invalid cursor '{cursor[:40]}', begin without one") from None
    if (place.sort, place.is_descending) != (attribute(query.sort), is_descending(query)):
        raise BadRequest("The cursor is of a list in another order, begin without one")
    return place


def cursor_behind(query: TaskQuery, row: TaskRow) -> str:
    """Return the cursor of what follows a row."""
    place = Place.of(query, _key(attribute(query.sort), row), row.uuid)
    return urlsafe_b64encode(msgspec.json.encode(place)).decode()


def _key(sort: str, row: TaskRow) -> Key:
    """Return what a row is sorted by: texts case-folded, whole numbers as texts."""
    value = getattr(row, sort) if sort in COLUMNS else None
    if isinstance(value, str):
        return case_folded(sort, value)
    return str(value) if COLUMNS.get(sort) == "INTEGER" and value is not None else value
