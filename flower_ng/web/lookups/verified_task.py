"""A task, with what the result backend says of it where events can't tell. On the loop."""

from dataclasses import dataclass
from typing import Final

from msgspec import structs

from flower_ng.cluster import Cluster
from flower_ng.life.progress import progress_of_state
from flower_ng.monitor.remote.verifying import Answer
from flower_ng.records import Task
from flower_ng.reports import ProgressReport
from flower_ng.store import FINISHED, TaskRow

#: A page waits no longer for the result backend; the next refresh shows what it said.
PATIENCE_S: Final = 0.25
#: What a row and the record in memory both have; of the worker the row has but the name.
SHARED: Final = tuple(
    name
    for name in Task.__struct_fields__
    if name in TaskRow.__struct_fields__ and name != "worker"
)
#: What is said of a success that may be none: Celery sends it for a greenlet that it killed, too,
#: after the revocation, whose event may have been lost.
BARE: Final = (
    "Its worker told neither a result nor a run time. A gevent or eventlet pool reports success so"
    " for a task that it terminated, too: then the result backend says REVOKED."
)
#: States that need no asking: the task has ended, or its worker gave it back.
ENDED: Final = frozenset({*FINISHED, "REJECTED"})


@dataclass(frozen=True, slots=True)
class Verified:
    """One task. `doubt` is why it is not known whether it still runs, empty where nothing says so.

    `answer` is the result backend's, None where it was not asked; `refusal` is why it can't be.
    """

    row: TaskRow
    answer: Answer | None = None
    refusal: str = ""
    doubt: str = ""

    @property
    def report(self) -> ProgressReport | None:
        """How far the task is, as the result backend has it; None where it has nothing of that."""
        if self.answer is None or self.answer.report is None:
            return None
        return structs.replace(self.answer.report, at=self.answer.at, message="")

    @property
    def caution(self) -> str:
        """What to know before its state is believed, as sentences; empty for nothing."""
        row = self.row
        told = (row.state_source, row.runtime, row.result)
        if row.state == "SUCCESS" and told == (None, None, None):
            return BARE
        return f"{self.doubt} {self.words}".strip()

    @property
    def words(self) -> str:
        """What the result backend says of a task in doubt, as a sentence; empty where in none."""
        if not self.doubt:
            return ""
        if self.refusal:
            return f"Can't check whether it ended: {lowered(self.refusal)}."
        if self.answer is None:
            return "Checking in the result backend whether it ended…"
        if self.answer.state is None:
            return f"The result backend can't say whether it ended: {lowered(self.answer.why)}."
        if self.answer.state == "PENDING":
            return "The result backend does not know this task, so it may or may not have ended."
        return f"The result backend says {self.answer.state}, so it may or may not have ended."


async def verified(cluster: Cluster, uuid: str) -> Verified | None:
    """Return a task that the store knows; the result backend is asked about one that has not ended.

    What it says of an end is in the row.
    """
    row = await cluster.store.task(uuid)
    if row is None or row.state in ENDED:
        return None if row is None else Verified(row)
    verifier = cluster.verifier
    refusal = verifier.refusal or ""
    answer = None if refusal else await verifier.ask(_kept(row), PATIENCE_S)
    if answer is not None and answer.state in FINISHED:
        row = await cluster.store.task(uuid) or row
    is_started = row.is_running and row.worker is not None
    doubt = cluster.health.doubt(uuid, row.worker or "") if is_started else ""
    return Verified(row, answer, refusal, doubt)


def _kept(row: TaskRow) -> Task:
    """Return a task that may have left memory, with all that its row and the record share."""
    known = {name: getattr(row, name) for name in SHARED}
    progress = progress_of_state(row.state, row.retries)
    return Task(**known, progress=progress, is_partial=True)


def lowered(sentence: str) -> str:
    """Return a sentence as one that goes on; names that begin it stay as they are."""
    return sentence[:1].lower() + sentence[1:] if sentence[1:2].islower() else sentence
