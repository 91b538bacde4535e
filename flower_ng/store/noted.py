"""What people do and tell, kept as notes of one kind each. On the loop.

All of it is in memory, outlasts a restart, and is learnt by other dashboards of the same history.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Final, Generic, TypeVar

import msgspec

from flower_ng.store.notes import KEPT_S, Notes
from flower_ng.store.tables.dialect import DATABASE_ERRORS

log = logging.getLogger(__name__)

#: Records that are kept of a kind, the newest.
MOST: Final = 1000
#: Until when what is kept for ever is kept: the year 2100.
FOR_EVER: Final = 4_102_444_800.0
#: Ends of sessions that another dashboard of the same history wrote may be this late, in seconds.
_SLACK_S: Final = 60.0


class ToldDeploy(msgspec.Struct, frozen=True, omit_defaults=True):
    """A deploy that somebody told of: at `at` (UTC seconds), of `name`, by `by`.

    `version` and `link`, an address of HTTP, are empty where they were not told.
    """

    id: str
    at: float
    name: str
    version: str = ""
    link: str = ""
    by: str = ""


class SeenStart(msgspec.Struct, frozen=True, omit_defaults=True):
    """A worker's process began `at` (UTC seconds); `version` is its Celery's, None if unknown."""

    hostname: str
    at: float
    version: str | None = None

    @property
    def id(self) -> str:
        """One worker starts once in a second."""
        return f"{self.hostname} {self.at:.0f}"


class HandledFailure(msgspec.Struct, frozen=True, omit_defaults=True):
    """What people did about a kind of failure, by its `digest`.

    It is resolved where `resolved_at` is there, for a `reason`, by `resolved_by`; it is open again
    once one failed after `resolved_last`, the newest failure that was known then. `assignee` is who
    looks into it, `note` what is known of it, by `noted_by`. It is muted up to `muted_until`, for
    `muted_why`, by `muted_by`. Times are UTC seconds, texts are empty where nothing is told; `name`
    and `exception` are those of its tasks.
    """

    digest: str
    at: float
    name: str | None = None
    exception: str | None = None
    resolved_at: float | None = None
    resolved_last: float = 0.0
    resolved_by: str = ""
    reason: str = ""
    assignee: str = ""
    note: str = ""
    noted_by: str = ""
    muted_until: float = 0.0
    muted_why: str = ""
    muted_by: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing at all."""
        is_noted = self.assignee or self.note
        return self.resolved_at is None and not is_noted and not self.muted_until


Record = TypeVar("Record", ToldDeploy, SeenStart, HandledFailure)


class NotedRecords(Generic[Record]):
    """The records of one kind `by_key`, an attribute of theirs, the oldest first.

    At most MOST: then the oldest goes. They are kept for 90 days, or `for_ever`.
    """

    def __init__(
        self, notebook: Notes, kind: str, record: type[Record], key: str, *, for_ever: bool = False
    ) -> None:
        self.by_key: dict[str, Record] = {}
        self._notebook = notebook
        self._kind = kind
        self._record: type[Record] = record
        self._key = attrgetter(key)
        self._is_for_ever = for_ever
        self._changes = 0

    def open(self) -> None:
        """Read what is kept; blocks."""
        self._take(self._decoded(self._notebook.read(self._kind)) | self.by_key)

    def put(self, record: Record) -> None:
        """Keep one in place of what was kept by its key."""
        self._changes += 1
        key, last = self._key(record), next(reversed(self.by_key.values()), None)
        if key not in self.by_key and (last is None or last.at < record.at):
            self.by_key[key] = record  # thousands of workers may start at once
        else:
            self._take({**self.by_key, key: record})
        self._write(record)
        while len(self.by_key) > MOST:
            self.remove(next(iter(self.by_key)))

    def remove(self, key: str) -> Record | None:
        """Forget one and return it; None where there is none."""
        self._changes += 1
        self._notebook.put(self._kind, key, None, 0.0)
        return self.by_key.pop(key, None)

    def rewrite(self) -> None:
        """Have all that is known written, to a history that may have been begun anew."""
        for record in self.by_key.values():
            self._write(record)

    async def follow(self) -> None:
        """Learn what was done at other dashboards of the same history."""
        before = self._changes
        found = await self._notebook.newest(self._kind)
        if found is not None and before == self._changes:
            self._take(self._decoded(found))

    async def settled(self) -> None:
        """Return when what was put is written, or can't be now."""
        await self._notebook.settled()

    def _take(self, found: Mapping[str, Record]) -> None:
        self.by_key = dict(sorted(found.items(), key=lambda one: (one[1].at, one[0])))

    def _write(self, record: Record) -> None:
        text = msgspec.json.encode(record).decode()
        at = FOR_EVER if self._is_for_ever else record.at
        self._notebook.put(self._kind, self._key(record), text, at)

    def _decoded(self, records: Mapping[str, str]) -> dict[str, Record]:
        found = {}
        for key, text in records.items():
            try:
                found[key] = msgspec.json.decode(text, type=self._record)
            except msgspec.DecodeError as error:
                log.warning("The note %s %s can't be read: %s", self._kind, key, error)
        return found


class ToldDeploys(NotedRecords[ToldDeploy]):
    """The deploys that somebody told, by id."""

    def __init__(self, notebook: Notes) -> None:
        super().__init__(notebook, "deploy", ToldDeploy, "id")


class SeenStarts(NotedRecords[SeenStart]):
    """The starts of workers that were seen: what each dashboard sees by itself."""

    def __init__(self, notebook: Notes) -> None:
        super().__init__(notebook, "start", SeenStart, "id")

    async def follow(self) -> None:
        """Ask nobody: other dashboards hear of the same starts."""


class FailureHandling(NotedRecords[HandledFailure]):
    """What people did about kinds of failures, by digest; kept until it is undone."""

    def __init__(self, notebook: Notes) -> None:
        super().__init__(notebook, "failure", HandledFailure, "digest", for_ever=True)

    def put(self, record: HandledFailure) -> None:
        """Keep it in place of what was kept of the same kind; what says nothing takes that away."""
        if record.is_empty:
            self.remove(record.digest)
        else:
            super().put(record)


#: The kind of notes that ended sessions are.
_SESSION: Final = "session"


class SessionEnds:
    """When sessions were ended, in UTC seconds, by a key; kept for as long as any may last.

    A session is a signed cookie that says who and since when; only its end is kept here.

    `is_known` says whether what was ended before the start is known by now: it is not while the
    history cannot be read.
    """

    def __init__(self, notebook: Notes) -> None:
        self.is_known = False
        self._notebook = notebook
        self._ended: dict[str, float] = {}
        self._newest = 0.0

    def open(self) -> None:
        """Read what is kept; blocks."""
        self._take(self._notebook.all_since(_SESSION, 0.0).result())
        self.is_known = True

    def put(self, key: str, at: float) -> None:
        """Note an end, and have it written."""
        self._take({key: at})
        self._notebook.put(_SESSION, key, "{}", at)

    def rewrite(self) -> None:
        """Have all that is known written, to a history that may have been begun anew."""
        for key, at in self._ended.items():
            self._notebook.put(_SESSION, key, "{}", at)

    def ended_at(self, key: str) -> float | None:
        """When it ended; None for what did not."""
        return self._ended.get(key)

    async def follow(self) -> None:
        """Learn what other dashboards of the same history ended."""
        try:
            job = self._notebook.all_since(_SESSION, self._newest - _SLACK_S)
            ends: dict[str, float] = await asyncio.wrap_future(job)
        except DATABASE_ERRORS:
            return  # what could not be read now is read the next time
        self._take(ends)

    def _take(self, ends: Mapping[str, float]) -> None:
        self._ended |= ends
        self._newest = max((self._newest, *ends.values()))
        for key in self._outlived():
            del self._ended[key]

    def _outlived(self) -> Iterable[str]:
        """Name those at the beginning, the oldest, that no session outlives."""
        gone = []
        for key, at in self._ended.items():
            if at >= self._newest - KEPT_S:
                break
            gone.append(key)
        return gone
