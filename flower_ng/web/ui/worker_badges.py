"""How pages show the status of a worker: a word, a mark, and what they mean; pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flower_ng.monitor.state.presence import Status


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
        "A solo pool sends nothing while a task runs, and this one is solo or did not say;"
        " silent after an hour without heartbeats",
    ),
    "unknown": Badge("Unknown", "unknown", "No heartbeat since flower_ng started"),
}
