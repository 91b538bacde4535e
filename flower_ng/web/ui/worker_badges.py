"""How pages show the status of a worker: a word, a mark, and what they mean; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flower_ng.monitor.state.presence import Status
from flower_ng.records import Worker


@dataclass(frozen=True, slots=True)
class Badge:
    """How a worker's status is shown: its word, the name of its mark, and what it means."""

    word: str
    mark: str
    meaning: str


BADGES: Final[Mapping[Status, Badge]] = {
    "online": Badge("Online", "online", "Sends heartbeats"),
    "left": Badge("Stopped", "offline", "Shut down normally"),
    "silent": Badge("Silent", "bad", "Heartbeats stopped without a shutdown event"),
    "gone": Badge("Gone", "offline", "No heartbeat for a day, and no shutdown event"),
    "purged": Badge("Forgotten", "offline", "Removed after purge_offline_workers seconds offline"),
    "busy": Badge(
        "Maybe busy",
        "unknown",
        "A solo pool sends nothing while a task runs, and this one is solo; silent after an hour",
    ),
    "unknown": Badge("Unknown", "unknown", "No heartbeat since flower_ng started"),
}
#: For one that is `busy` and never told which pool it has.
UNTOLD: Final = Badge(
    "Silent, pool unknown",
    "unknown",
    "No heartbeats: it is gone, or its pool is solo, which sends nothing while a task runs; it has"
    " not told which. Silent after an hour",
)


def badge_of(worker: Worker, status: Status) -> Badge:
    """Return how a worker is shown that has this status."""
    return UNTOLD if status == "busy" and worker.is_solo is None else BADGES[status]
