"""AuditLog keeps who did what, as notes of one kind. On the loop; read by the reading threads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Final

import msgspec

from flower_ng.audit_record import AuditEntry
from flower_ng.store.notes import BY_TIME, Notes, by_time
from flower_ng.store.sql.engine import ReadConnection

#: Entries that are looked at for one answer, and of which one is made.
MOST_LOOKED_AT: Final = 20_000
MOST_ENTRIES: Final = 500

#: What is recorded of people, not of what they do to the cluster.
LOGINS: Final = ("login", "logout", "logout/all")

_READ: Final = "SELECT key, record FROM note WHERE kind = ? AND key < ?"
_NEWEST: Final = " ORDER BY key DESC LIMIT ?"
#: Entries that hold a text, as it stands in JSON.
_HOLDING: Final = " AND record LIKE ? ESCAPE '!'"
#: Behind every key.
_END: Final = "~"
_decode = msgspec.json.Decoder(AuditEntry).decode


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which entries: the newest before a cursor; `who`, `action` and `outcome` have to be equal.

    With `subject` those about a task, a worker, a queue of this name; `actions_only`: no logins.
    """

    limit: int = 100
    before: str = ""
    who: str = ""
    action: str = ""
    outcome: str = ""
    subject: str = ""
    actions_only: bool = False

    def matches(self, entry: AuditEntry) -> bool:
        """Whether an entry is asked for."""
        return (
            self.who in ("", entry.who)
            and self.action in ("", entry.action)
            and self.outcome in ("", entry.outcome)
            and not (self.actions_only and entry.action in LOGINS)
            and (not self.subject or self.subject in subjects_of(entry))
        )


def subjects_of(entry: AuditEntry) -> tuple[str, ...]:
    """Return what an entry is about: its target, and workers and queues that it names."""
    named = (entry.parameters.get(name, "") for name in ("workername", "queue"))
    return (entry.target, *named)


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
        entries = _entries(connection, query, most_looked_at)
        for number, (key, entry) in enumerate(entries, 1):
            if query.matches(entry):
                found.append(entry)
            if len(found) >= min(query.limit, MOST_ENTRIES) or number == most_looked_at:
                return AuditPage(tuple(found), key)
        return AuditPage(tuple(found), "")

    return read


def _entries(
    connection: ReadConnection, query: AuditQuery, most: int
) -> Iterator[tuple[str, AuditEntry]]:
    holding, given = "", [BY_TIME, query.before or _END]
    if query.subject:
        text = msgspec.json.encode(query.subject).decode()
        for sign in "!%_":
            text = text.replace(sign, f"!{sign}")
        holding = _HOLDING
        given.append(f"%{text}%")
    rows = connection.execute(f"{_READ}{holding}{_NEWEST}", (*given, most))
    while (row := rows.fetchone()) is not None:
        key, record = row
        yield key, _decode(record)
