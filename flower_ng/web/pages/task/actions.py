"""The actions that a task allows now: forms, each with its confirmation; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from flower_ng.store import TaskRow
from flower_ng.web.ui.links import Links

#: What a process can be ended with, and what that means to Celery's workers.
SIGNALS: Final = {
    "SIGTERM": "SIGTERM: ends the process",
    "SIGINT": "SIGINT: interrupts it, as Ctrl-C does",
    "SIGUSR1": "SIGUSR1: raises SoftTimeLimitExceeded in it",
    "SIGQUIT": "SIGQUIT: ends it immediately",
    "SIGKILL": "SIGKILL: kills it without cleanup",
}
NO_BACKEND: Final = (
    "Aborting needs a result backend ({}): set result_backend in the app's settings."
)
_WAITS: Final = frozenset({"PENDING", "RECEIVED", "RETRY"})


@dataclass(frozen=True, slots=True)
class TaskAction:
    """One form; `refusal` says why it is shut, and `signals` are offered to choose from."""

    label: str
    question: str
    url: str
    terminates: bool = False
    signals: Mapping[str, str] | None = None
    refusal: str = ""


def task_actions(
    row: TaskRow, unable: str, links: Links, *, no_backend: str
) -> Iterator[TaskAction]:
    """Yield what can be done; `unable` says why its worker can't end it, empty where it can.

    `no_backend` says why there is no result backend, empty where there is one.
    """
    url = links.action("task/revoke", row.uuid)
    if row.state in _WAITS:
        yield TaskAction(
            "Revoke",
            "Tells all workers to discard this task instead of running it.",
            url,
        )
    elif row.is_running:
        question = "Ends this task where it runs. This can't be undone."
        refusal = f"Its worker can't end it: {unable}." if unable else ""
        yield TaskAction(
            "Terminate", question, url, terminates=True, signals=SIGNALS, refusal=refusal
        )
        question = "Asks the task to stop. Only an AbortableTask that checks for it stops."
        refusal = NO_BACKEND.format(no_backend) if no_backend else ""
        yield TaskAction("Abort", question, links.action("task/abort", row.uuid), refusal=refusal)
