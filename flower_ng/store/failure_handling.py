"""FailureHandling keeps what people did about kinds of failures, as notes of one kind. On the loop.

A kind of failure is named by its digest; nothing about it is kept but what is here.
"""

import logging
from collections.abc import Mapping
from typing import Final

import msgspec

from flower_ng.store.writing.write_behind import Notes

log = logging.getLogger(__name__)

KIND: Final = "failure"
#: The kinds of failures that something was done about; the one that was touched first goes.
MOST: Final = 1000
#: They are kept until they are undone, however old they are: the year 2100.
FOR_EVER: Final = 4_102_444_800.0


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


class FailureHandling:
    """What was done about kinds of failures, `by_digest`."""

    def __init__(self, notebook: Notes) -> None:
        self.by_digest: dict[str, HandledFailure] = {}
        self._notebook = notebook
        self._changes = 0

    def open(self) -> None:
        """Read what is kept; blocks."""
        self.by_digest = _decoded(self._notebook.read(KIND)) | self.by_digest

    async def follow(self) -> None:
        """Learn what was done at other dashboards of the same history."""
        before = self._changes
        found = await self._notebook.newest(KIND)
        if found is not None and before == self._changes:
            self.by_digest = _decoded(found)

    def put(self, handled: HandledFailure) -> None:
        """Keep it in place of what was kept of the same kind."""
        self._changes += 1
        self.by_digest.pop(handled.digest, None)
        if not handled.is_empty:
            self.by_digest[handled.digest] = handled
        self._write(handled)
        while len(self.by_digest) > MOST:
            oldest = next(iter(self.by_digest))
            self._notebook.put(KIND, oldest, None, self.by_digest.pop(oldest).at)

    def rewrite(self) -> None:
        """Have all that is known written, to a history that may have been begun anew."""
        for handled in self.by_digest.values():
            self._write(handled)

    async def settled(self) -> None:
        """Return when what was put is written, or can't be now."""
        await self._notebook.settled()

    def _write(self, handled: HandledFailure) -> None:
        record = None if handled.is_empty else msgspec.json.encode(handled).decode()
        self._notebook.put(KIND, handled.digest, record, FOR_EVER)


def _decoded(records: Mapping[str, str]) -> dict[str, HandledFailure]:
    """Return what was done by digest, what was touched first first."""
    found = []
    for key, text in records.items():
        try:
            found.append(msgspec.json.decode(text, type=HandledFailure))
        except msgspec.DecodeError as error:
            log.warning("What was done about the failures %s can't be read: %s", key, error)
    return {one.digest: one for one in sorted(found, key=lambda one: one.at)}
