"""What a history holds beside tasks and workers. It outlasts that the history is opened anew."""

from collections.abc import Callable, Sequence

from flower_ng.store.audit import AuditLog
from flower_ng.store.batches import BatchTables
from flower_ng.store.gaps import Gaps
from flower_ng.store.noted import FailureHandling, SeenStarts, SessionEnds, ToldDeploys
from flower_ng.store.notes import Notes, OwnedNotes
from flower_ng.store.reading.answers import StoreParts
from flower_ng.store.rollups.recorder import Rollups
from flower_ng.store.rollups.tallies import RollupLevel
from flower_ng.store.tables.dialect import Dialect
from flower_ng.store.writing.write_behind import StoreThread


class BesideTasks:
    """Numbers over time, gaps, notes and all that is kept in them, and the batches.

    What is put while the history is closed waits in memory. `name` tells several dashboards that
    share a history apart; `audit_s` is for how long it is kept who did what.
    """

    def __init__(
        self,
        dialect: Dialect,
        running: Callable[[], StoreParts],
        *,
        name: str,
        levels: Sequence[RollupLevel],
        audit_s: float | None,
        clock: Callable[[], float],
    ) -> None:
        self.rollups = Rollups(levels=levels, dialect=dialect, writer=name, clock=clock)
        self.gaps = Gaps(writer=name)
        self.notebook = Notes(dialect, audit_s)
        self.owned_notes = OwnedNotes(self.notebook, dialect, name)
        self.audit = AuditLog(self.notebook)
        self.session_ends = SessionEnds(self.notebook)
        self.failure_handling = FailureHandling(self.notebook)
        self.told_deploys = ToldDeploys(self.notebook)
        self.seen_starts = SeenStarts(self.notebook)
        self.batches = BatchTables(running, dialect, name, clock)
        self._noted = (
            self.session_ends,
            self.failure_handling,
            self.told_deploys,
            self.seen_starts,
        )
        self._clock = clock

    def open(self, thread: StoreThread, *, goes_on: bool) -> None:
        """Read what is kept, and write on this thread from now on; blocks.

        A history that `goes_on` has had a pause until now.
        """
        self.rollups.open(thread)
        self.gaps.open(thread, self._clock(), goes_on=goes_on)
        self.notebook.open(thread, self._clock())
        self.owned_notes.open(thread)
        for noted in self._noted:
            noted.open()
        self.batches.open(thread)

    def flush(self) -> None:
        """Write the numbers and the gaps, now; blocks."""
        self.rollups.flush()
        self.gaps.flush()

    def pause(self) -> None:
        """Write what waits, and nothing more until it is opened again; blocks."""
        self.rollups.stop()
        self.gaps.pause()
        self._close_notes()

    def stop(self) -> None:
        """Write what waits, for good: a pause begins; blocks."""
        self.rollups.stop()
        self.gaps.stop(self._clock())
        self._close_notes()

    def rewrite(self) -> None:
        """Have all that was noted written, to a history that may have been begun anew."""
        for noted in self._noted:
            noted.rewrite()

    async def follow(self) -> None:
        """Learn what was noted by other dashboards of the same history."""
        for noted in self._noted:
            await noted.follow()

    def _close_notes(self) -> None:
        self.owned_notes.stop()
        self.notebook.stop()
