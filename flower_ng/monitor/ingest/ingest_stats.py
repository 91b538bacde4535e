"""The state of the event connection, and counters of received events; read on the loop."""

import msgspec

from flower_ng.monitor.ingest.decode import Wire
from flower_ng.monitor.ingest.drain import Drain
from flower_ng.monitor.ingest.losses import Losses


class ConnectionState(msgspec.Struct, frozen=True):
    """Whether events can arrive, `since` when (UTC seconds), and if not, `why` and when to retry.

    `began` is when the latest connection was made, None before the first. While it is connected no
    event after `complete_since` was missed: a queue may have kept some from before. Without
    `is_possible` the broker can't carry events, for the reason in `why`, and no connection is
    attempted. `is_cut` is that the broker has closed the latest connection; `missing_since` is
    since when events may be missing if that was long before it was noticed.
    """

    connected: bool
    since: float
    why: str | None = None
    retry_at: float | None = None
    began: float | None = None
    is_possible: bool = True
    complete_since: float | None = None
    is_cut: bool = False
    missing_since: float | None = None

    def shifted(self, step_s: float) -> "ConnectionState":
        """Return it with its times moved by `step_s`, as the system's clock was."""
        began = None if self.began is None else self.began + step_s
        retry_at = None if self.retry_at is None else self.retry_at + step_s
        complete = None if self.complete_since is None else self.complete_since + step_s
        missing = None if self.missing_since is None else self.missing_since + step_s
        return msgspec.structs.replace(
            self,
            since=self.since + step_s,
            began=began,
            retry_at=retry_at,
            complete_since=complete,
            missing_since=missing,
        )

    def made(self, now: float, kept_s: float) -> "ConnectionState":
        """Return the state of a new connection, for which events of `kept_s` were kept."""
        complete = now - kept_s
        if self.complete_since is not None and self.since >= complete:
            complete = self.complete_since  # nothing was missed since the one before
        return ConnectionState(
            connected=True,
            since=now,
            began=now,
            complete_since=complete,
            missing_since=self.missing_since,
        )

    def failed(
        self,
        why: str,
        now: float,
        retry_at: float,
        missing_s: float | None = None,
        *,
        is_cut: bool = False,
    ) -> "ConnectionState":
        """Return the state after a failed attempt or a lost connection.

        `missing_s` is how long before it was noticed events may be missing, None for not at all;
        `is_cut`, that the broker closed it.
        """
        since = now if self.connected else self.since
        return ConnectionState(
            connected=False,
            since=since,
            why=why,
            retry_at=retry_at,
            began=self.began,
            complete_since=self.complete_since,
            is_cut=is_cut,
            missing_since=self.missing_since if missing_s is None else now - missing_s,
        )


class IngestStats:
    """Counts what happened to received messages and events; read on the loop."""

    def __init__(self, drain: Drain, dropped: Losses, wire: Wire) -> None:
        self._drain = drain
        self._dropped = dropped
        self._wire = wire
        #: Messages from the broker, each one event or a list of events.
        self.messages = 0
        #: How often the broker has closed the connection and accepted another one at once.
        self.cuts = 0

    @property
    def received(self) -> int:
        """Events applied."""
        return self._drain.applied

    @property
    def dropped(self) -> dict[str, int]:
        """Events lost because the inbox was full, by type."""
        return dict(self._dropped)

    @property
    def malformed(self) -> dict[str, int]:
        """Events ignored because they could not be used, by reason."""
        return dict(self._wire.malformed)

    @property
    def disallowed(self) -> str:
        """The content type of the newest event if it is not accepted, else empty."""
        return self._wire.disallowed

    @property
    def busy_s(self) -> float:
        """Time that the loop has spent on events, in seconds."""
        return self._drain.busy_s

    @property
    def slice_max_s(self) -> float:
        """The longest time that events blocked the loop without a break, in seconds."""
        return self._drain.slice_max_s
