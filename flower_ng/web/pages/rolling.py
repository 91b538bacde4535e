"""Rolling is where several workers are drained in turn: how far that is, or the form of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from flower_ng.monitor.holds.records import RollingDrain, host_of
from flower_ng.monitor.remote.hold_actions import ROLL, STOP_ROLL, UNDO_ROLL
from flower_ng.monitor.remote.worker_answer import NO_ANSWER
from flower_ng.web.http.base import Need, Page
from flower_ng.web.lookups.hold_review import forgotten
from flower_ng.web.lookups.roll_review import UNIT_WORDS, RolledWorker, rolled
from flower_ng.web.ui.links import Links

#: The colour of each stage, and what it means.
MARKS: Final[Mapping[str, tuple[str, str]]] = {
    "waiting": ("PENDING", "Its turn has not come"),
    "draining": ("STARTED", "It runs what it holds, and takes nothing new"),
    "empty": ("attention", "It holds nothing any more, and is away until its drain is undone"),
    "timed out": ("attention", "It was not empty in time, so it is not shut down"),
    "stopping": ("STARTED", "It was told to shut down"),
    "ended": ("offline", "It has shut down, and is not back yet"),
    "undoing": ("STARTED", "It gets its queues back"),
    "away": ("offline", "It is away"),
    "back": ("SUCCESS", "It has restarted"),
    "given back": ("SUCCESS", "It has its queues back"),
    "gone": ("SUCCESS", "It has shut down, and is not waited for"),
    "left out": ("offline", "It was not drained"),
}
GOES_ON: Final = (
    "If this dashboard ends meanwhile, no further worker is drained; started again, it goes on"
    " where it was."
)


@dataclass(frozen=True, slots=True)
class RollingView:
    """The page; `roll` is None where none goes on or has ended lately.

    `after_end` says what becomes of one that goes on when the dashboard ends.
    `may_begin` is whether the form is shown; `hosts` and `queues` are what it offers.
    """

    title: str
    roll: RollingDrain | None
    workers: tuple[RolledWorker, ...]
    done: int
    marks: Mapping[str, tuple[str, str]]
    unit: tuple[str, str]
    after_end: str
    may_begin: bool
    hosts: tuple[str, ...]
    queues: tuple[str, ...]
    online: int
    begin_url: str
    stop_url: str
    undo_url: str
    now: float


class RollingPage(Page):
    """`/workers/drain`."""

    path = "/workers/drain"
    need = Need.READ
    nav = "Workers"
    template = "pages/rolling.html"

    async def view(self, *_none: str) -> RollingView:
        """Show how far it is, and the form where none goes on."""
        links, cluster = Links(self.services.prefix), self.cluster
        roll = cluster.holds.roll
        online = [one.hostname for one in cluster.presence.online()]
        told = cluster.inspector.told
        queues = {queue for name in online for queue in told.get(name, NO_ANSWER).queues or ()}
        workers = tuple(rolled(cluster, roll)) if roll else ()
        return RollingView(
            title="Rolling drain",
            roll=roll,
            workers=workers,
            done=sum(one.stage in ("back", "given back", "gone", "left out") for one in workers),
            marks=MARKS,
            unit=UNIT_WORDS[roll.by] if roll else UNIT_WORDS["worker"],
            after_end=" ".join(forgotten(cluster)) or GOES_ON,
            may_begin=not self.services.options.read_only and not (roll and roll.is_on),
            hosts=tuple(sorted({host_of(name) for name in online})),
            queues=tuple(sorted(queues)),
            online=len(online),
            begin_url=links.action(ROLL.route),
            stop_url=links.action(STOP_ROLL.route),
            undo_url=links.action(UNDO_ROLL.route),
            now=self.services.clock(),
        )
