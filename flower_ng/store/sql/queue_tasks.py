"""The newest tasks of one queue, with what tells where each of them is. Reading thread."""

from dataclasses import dataclass
from typing import Final

import msgspec

from flower_ng.store.sql.engine import ReadConnection
from flower_ng.store.tables.dialect import Dialect

#: So many of the newest tasks, of all queues, are looked at: 0.1 s of a reading thread.
MOST_LOOKED: Final = 20_000
_ENDED: Final = "coalesce(t.succeeded, t.failed, t.revoked, t.rejected)"
_TEXTS: Final = ("uuid", "name", "client", "state", "worker", "eta", "routing_key")
_TIMES: Final = ("sent", "received", "started", "retried", "ended_at", "runtime")


class QueueTask(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where one task is; times are UTC seconds, None is what no event told."""

    uuid: str
    name: str | None
    client: str | None
    state: str
    worker: str | None
    eta: str | None
    routing_key: str | None
    sent: float | None
    received: float | None
    started: float | None
    retried: float | None
    ended: float | None
    runtime: float | None

    @property
    def is_waiting(self) -> bool:
        """Whether it was sent and nothing was heard of it since."""
        return self.state == "PENDING" and self.received is None

    @property
    def run_s(self) -> float | None:
        """How long its newest attempt that is over took; None where none is, or nobody knows."""
        if self.runtime is not None:
            return self.runtime
        over = self.ended if self.ended is not None else self.retried
        if self.started is None or over is None or over < self.started:
            return None
        return over - self.started


@dataclass(frozen=True, slots=True)
class QueueTasks:
    """Tasks of a queue of which something was heard from `since` on (UTC seconds), newest first.

    With `is_cut` more was heard of other tasks than is looked at: `since` is later than asked for.
    """

    tasks: list[QueueTask]
    since: float
    is_cut: bool


_decode = msgspec.json.Decoder(list[QueueTask], strict=False)  # times come as text


def queue_tasks(
    connection: ReadConnection, queue: str, since: float, dialect: Dialect
) -> QueueTasks:
    """Return the tasks of a queue of which something was heard since a time, UTC seconds."""
    columns = ", ".join(f"t.{name}" for name in (*_TEXTS, *_TIMES) if name != "ended_at")
    order = dialect.ordered("t.timestamp", "DESC")
    newest = (
        f"SELECT {columns}, {_ENDED} AS ended_at, t.queue, t.timestamp AS at FROM task t"
        f" WHERE t.timestamp >= ? ORDER BY {order} LIMIT ?"
    )
    array = dialect.array(*_TEXTS, *map(dialect.exact, _TIMES))
    ours = f"SELECT * FROM newest WHERE queue = ? ORDER BY {dialect.ordered('at', 'DESC')}"
    text = (
        f"WITH newest AS ({newest})"
        f" SELECT (SELECT {dialect.arrays_of(array, dialect.ordered('at', 'DESC'))}"
        f" FROM ({ours}) ours), count(*), min(at) FROM newest"
    )
    found, looked, oldest = connection.execute(text, (since, MOST_LOOKED, queue)).fetchone()
    is_cut = looked >= MOST_LOOKED
    return QueueTasks(_decode.decode(found), oldest if is_cut else since, is_cut)
