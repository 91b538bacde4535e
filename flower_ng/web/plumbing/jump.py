"""Jump answers the palette: the pages, workers, task types and tasks that a few letters mean."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from flower_ng.cluster import Cluster
from flower_ng.errors import SearchError, Unavailable
from flower_ng.store import TaskQuery, TaskRow, parse_search
from flower_ng.web.http.base import Handler, Need
from flower_ng.web.lookups.send_task import registered_types
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.worker_badges import badge_of

if TYPE_CHECKING:
    from flower_ng.web.http.frame import NavLink

#: With what a search for types begins, of which a task is to be sent.
SEND: Final = "send "
#: Places of one kind in an answer.
MOST: Final = 8
#: What may be a part of a task's id; other letters are looked for in names alone.
_PART_OF_ID = re.compile(r"[0-9a-f-]{4,36}", re.IGNORECASE)
#: Custom ids may be anything; longer ones than Celery lets through are not asked for.
_ID_LENGTH = 512


@dataclass(frozen=True, slots=True)
class JumpTarget:
    """Somewhere to go: `kind` is page, worker, type, task or search; `hint` says more.

    A search is for tasks that have the letters anywhere: in an id, a name, arguments, an exception.
    """

    kind: str
    label: str
    url: str
    hint: str = ""


class Jump(Handler):
    """`/jump?q=`: at most a few places of each kind, those that begin with the letters first."""

    path = "/jump"
    need = Need.READ

    async def get(self) -> None:
        """Answer `{"places": [{"kind", "label", "url", "hint"}]}`."""
        wanted: str = self.get_argument("q", default="").strip()
        links = Links(self.services.prefix)
        found = [*self._pages(wanted), *_workers(self.cluster, wanted, links)]
        if wanted.casefold().startswith(SEND) and not self.services.door.read_only:
            found += _sendable(self.cluster, wanted[len(SEND) :].strip(), links)
        if wanted:
            found += _types(self.cluster, wanted, links)
            found += [_task(row, links) for row in await tasks(self.cluster, wanted)]
            found.append(JumpTarget("search", wanted, links.tasks(search=wanted), "Search tasks"))
        self.write_json({"places": [asdict(place) for place in found]})

    def _pages(self, wanted: str) -> Iterator[JumpTarget]:
        nav: tuple[NavLink, ...] = self.settings["nav"]
        paths = {link.label: link.path for link in nav}
        for label in matching(paths, wanted, len(paths)):
            yield JumpTarget("page", label, self.services.url(paths[label]), "Page")


def matching(names: Iterable[str], wanted: str, most: int = MOST) -> Iterator[str]:
    """The first names that hold the letters: those with a part that begins so come first."""
    letters = wanted.casefold()
    held = (name for name in names if letters in name.casefold())
    return islice(sorted(held, key=lambda name: (_is_inside(name, letters), name)), most)


def _is_inside(name: str, letters: str) -> bool:
    return not any(part.startswith(letters) for part in re.split(r"[.@_-]", name.casefold()))


def _workers(cluster: Cluster, wanted: str, links: Links) -> Iterator[JumpTarget]:
    heard = cluster.state.workers
    for name in matching(heard.keys() | cluster.inspector.workers.keys(), wanted):
        worker = heard.get(name)
        about = "No events"
        if worker is not None:
            about = badge_of(worker, cluster.presence.status(worker)).word
        yield JumpTarget("worker", name, links.worker(name), about)


def _sendable(cluster: Cluster, wanted: str, links: Links) -> Iterator[JumpTarget]:
    for name in matching(registered_types(cluster), wanted):
        yield JumpTarget("type", name, f"{links.type(name)}#send-args", "Send a task of this type")


def _types(cluster: Cluster, wanted: str, links: Links) -> Iterator[JumpTarget]:
    for name in matching({*cluster.state.known_types(), *registered_types(cluster)}, wanted):
        yield JumpTarget("type", name, links.type(name), "Task type")


def _task(row: TaskRow, links: Links) -> JumpTarget:
    return JumpTarget(
        "task", row.uuid, links.task(row.uuid), f"{row.name or 'unnamed'} {row.state}"
    )


async def tasks(cluster: Cluster, wanted: str) -> list[TaskRow]:
    """The task with this id, else the newest that have the letters of an id; none when in doubt."""
    try:
        exact = await cluster.store.task(wanted[:_ID_LENGTH])
        if exact is not None:
            return [exact]
        if not _PART_OF_ID.fullmatch(wanted):
            return []
        page = await cluster.store.tasks(TaskQuery(search=parse_search(wanted), limit=MOST))
    except (SearchError, Unavailable):
        return []  # the palette still leads to everything else
    return page.rows
