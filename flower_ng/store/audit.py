"""AuditLog keeps who did what, as notes of one kind. On the loop; read by the reading threads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

import msgspec

from flower_ng.audit_record import AuditEntry
from flower_ng.store.sql.engine import ReadConnection
from flower_ng.store.writing.write_behind import BY_TIME, Notes, by_time

#: Entries that are looked at for one answer, and of which one is made.
MOST_LOOKED_AT: Final = 20_000
MOST_ENTRIES: Final = 500

_READ: Final = "SELECT key, record FROM note WHERE kind = ? AND key < ? ORDER BY key DESC LIMIT ?"
#: Behind every key.
_END: Final = "~"
_decode = msgspec.json.Decoder(AuditEntry).decode


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which entries: the newest before a cursor; `who`, `action` and `outcome` have to be equal."""

    limit: int = 100
    before: str = ""
    who: str = ""
    action: str = ""
    outcome: str = ""

    def matches(self, entry: AuditEntry) -> bool:
        """Whether an entry is asked for."""
        return (
            self.who in ("", entry.who)
            and self.action in ("", entry.action)
            and self.outcome in ("", entry.outcome)
        )


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, the newest first; `next` is the cursor for more, empty where none follow.

    A page may have fewer entries than asked for, or none, and more follow: it took long enough.
    """

    entries: tuple[AuditEntry, ...]
    next: str


class AuditLog:
    """Writes entries behind the scenes, where the notes are kept."""

    def __init__(self, notebook: Notes) -> None:
        self._notebook = notebook
        self._numbers = count()

    def put(self, entry: AuditEntry) -> None:
        """Have an entry written."""
        key = f"{by_time(entry.at)}-{next(self._numbers):06d}"
        self._notebook.put(BY_TIME, key, msgspec.json.encode(entry).decode(), entry.at)

    async def settled(self) -> None:
        """Return when what was put is written, or can't be now."""
        await self._notebook.settled()


def page_of(
    query: AuditQuery, most_looked_at: int = MOST_LOOKED_AT
) -> Callable[[ReadConnection], AuditPage]:
    """Return what reads a page on a reading thread."""

    def read(connection: ReadConnection) -> AuditPage:
        found: list[AuditEntry] = []
        entries = _entries(connection, query.before or _END, most_looked_at)
        for number, (key, entry) in enumerate(entries, 1):
            if query.matches(entry):
                found.append(entry)
            if len(found) >= min(query.limit, MOST_ENTRIES) or number == most_looked_at:
                return AuditPage(tuple(found), key)
        return AuditPage(tuple(found), "")

    return read


def _entries(
    connection: ReadConnection, before: str, most: int
) -> Iterator[tuple[str, AuditEntry]]:
    rows = connection.execute(_READ, (BY_TIME, before, most))
    while (row := rows.fetchone()) is not None:
        key, record = row
        yield key, _decode(record)
