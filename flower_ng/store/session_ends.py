"""SessionEnds keeps which sessions were ended, as notes of one kind. On the loop.

A session is a signed cookie that says who and since when; only its end is kept here.
"""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Final

from flower_ng.store.tables.dialect import DATABASE_ERRORS
from flower_ng.store.writing.write_behind import KEPT_S, Notes

KIND: Final = "session"
#: Those that another dashboard of the same history wrote may be this late, in seconds.
_SLACK_S: Final = 60.0


class SessionEnds:
    """What ended when, in UTC seconds, by a key; kept for as long as any session may last.

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
        self._take(self._notebook.all_since(KIND, 0.0).result())
        self.is_known = True

    def put(self, key: str, at: float) -> None:
        """Note an end, and have it written."""
        self._take({key: at})
        self._notebook.put(KIND, key, "{}", at)

    def rewrite(self) -> None:
        """Have all that is known written, to a history that may have been begun anew."""
        for key, at in self._ended.items():
            self._notebook.put(KIND, key, "{}", at)

    def ended_at(self, key: str) -> float | None:
        """When it ended; None for what did not."""
        return self._ended.get(key)

    async def follow(self) -> None:
        """Learn what other dashboards of the same history ended."""
        try:
            job = self._notebook.all_since(KIND, self._newest - _SLACK_S)
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
