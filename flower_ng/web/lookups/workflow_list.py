"""The workflows, by their roots, for the page and the API: bounded in time. On the loop."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, isfinite, nextafter
from typing import Final

from flower_ng.cluster import Cluster
from flower_ng.errors import BadRequest
from flower_ng.store import RootPlace, RootTold, RootWalk, TaskQuery, TaskRow, parse_search
from flower_ng.web.ui.phases import OVER

#: A workflow that goes on and was not heard of for so long stands still.
STALLED_S: Final = 900.0
#: Those that stand still are looked for among so many.
MOST_STALLED: Final = 200
#: Tasks that match a search, the newest first: workflows are looked for among so many.
MOST_FOUND: Final = 1_000
#: Roots that are asked about at once, and for how long one page looks for more.
ROOTS_AT_ONCE: Final = 100
PATIENCE_S: Final = 0.7


@dataclass(frozen=True, slots=True)
class WorkflowLine:
    """One workflow. `counts` has how many of its known tasks are in each state, the root included.

    `is_least` says that there are more than were counted. `name`, None where the root is not known,
    is as `format_task` shows it; `began` and `moved`, when a task of it was last heard of, are UTC
    seconds.
    """

    root_id: str
    name: str | None
    counts: Mapping[str, int]
    is_least: bool
    began: float | None
    moved: float
    is_stalled: bool

    @property
    def tasks(self) -> int:
        """How many tasks are known."""
        return sum(self.counts.values())

    @property
    def ended(self) -> int:
        """How many of them have ended, however."""
        return sum(number for state, number in self.counts.items() if state in OVER)

    @property
    def goes_on(self) -> bool:
        """Whether a known task has not ended."""
        return self.ended < self.tasks

    @property
    def standing(self) -> str:
        """One of `STANDINGS`, without "": what matters most."""
        if self.goes_on:
            return "stalled" if self.is_stalled else "running"
        return "failed" if self.counts.get("FAILURE") else "ended"


#: What each choice of the list shows.
STANDINGS: Final[Mapping[str, Callable[[WorkflowLine], bool]]] = {
    "": lambda _one: True,
    "stalled": lambda one: one.is_stalled,
    "running": lambda one: one.goes_on,
    "failed": lambda one: bool(one.counts.get("FAILURE")),
    "ended": lambda one: not one.goes_on,
}


@dataclass(frozen=True, slots=True)
class WorkflowsAsked:
    """Which workflows: a key of STANDINGS, the type of the root, a search for any of its tasks."""

    state: str = ""
    name: str = ""
    search: str = ""
    cursor: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class WorkflowPage:
    """Those that stand still, the most silent first, and those that moved last.

    `stalled` is only on the first page of all. `next` is the cursor for what follows, empty at the
    end. Where `is_cut` not all could be looked at for this page; `looked` says how many tasks were.
    """

    stalled: Sequence[WorkflowLine]
    lines: Sequence[WorkflowLine]
    next: str
    is_cut: bool
    looked: int


async def workflows(cluster: Cluster, asked: WorkflowsAsked, now: float) -> WorkflowPage:
    """Return one page; BadRequest for what can't be meant, Unavailable without an answer."""
    if asked.state not in STANDINGS:
        known = ", ".join(filter(None, STANDINGS))
        raise BadRequest(f"state must be one of {known}, not '{asked.state}'")
    if asked.search:
        return await _found(cluster, asked, now)
    stalled = [] if asked.cursor else await _stalled(cluster, asked, now)
    if asked.state == "stalled":
        return WorkflowPage(stalled, (), "", len(stalled) >= asked.limit, 0)
    return replace(await _moved(cluster, asked, now), stalled=() if asked.state else stalled)


@dataclass(frozen=True, slots=True)
class _Look:
    """Workflows that are asked for; `last` is the last place looked at, unless all were."""

    lines: list[WorkflowLine]
    last: RootPlace | None
    is_late: bool = False


async def _stalled(cluster: Cluster, asked: WorkflowsAsked, now: float) -> list[WorkflowLine]:
    walk = await cluster.store.standing_roots(now - STALLED_S)
    wanted = replace(asked, state="stalled", limit=MOST_STALLED)
    look = await _looked(cluster, walk.roots[:MOST_STALLED], wanted, now)
    return sorted(look.lines, key=lambda one: one.moved)[: asked.limit]


async def _moved(cluster: Cluster, asked: WorkflowsAsked, now: float) -> WorkflowPage:
    """Walk from the newest to the oldest, or from a cursor on."""
    before, behind = _place(asked.cursor)
    walk = await cluster.store.roots(before)
    places = [place for place in walk.roots if place.at != before or place.root_id > behind]
    look = await _looked(cluster, places, asked, now, is_walk=True)
    if look.last is not None:
        following = f"{look.last.at!r}:{look.last.root_id}"
    else:
        following = _following(walk, before)
    is_cut = look.is_late or (look.last is None and not walk.is_whole)
    return WorkflowPage((), look.lines, following, is_cut, walk.looked)


async def _found(cluster: Cluster, asked: WorkflowsAsked, now: float) -> WorkflowPage:
    """Look for the workflows of the newest tasks that match."""
    query = TaskQuery(search=parse_search(asked.search), sort="timestamp", descending=True)
    page = await cluster.store.after(query, None, MOST_FOUND)
    roots = {row.root_id or row.uuid: row.timestamp for row in reversed(page.rows)}
    places = [RootPlace(root_id, at) for root_id, at in reversed(roots.items())]
    look = await _looked(cluster, places, asked, now)
    is_cut = page.next is not None or look.last is not None
    return WorkflowPage((), look.lines, "", is_cut, len(page.rows))


async def _looked(
    cluster: Cluster,
    places: Sequence[RootPlace],
    asked: WorkflowsAsked,
    now: float,
    *,
    is_walk: bool = False,
) -> _Look:
    """Return those of some places that are asked for, in their order, as far as time allows.

    In a walk, what moved later than its place stands on an earlier page.
    """
    lines: list[WorkflowLine] = []
    until = time.monotonic() + PATIENCE_S
    for start in range(0, len(places), ROOTS_AT_ONCE):
        some = places[start : start + ROOTS_AT_ONCE]
        told = await cluster.store.roots_told([place.root_id for place in some])
        for place, root in zip(some, told, strict=True):
            is_earlier = is_walk and any(below.at > place.at for below in root.below)
            if root.below and not is_earlier and _is_asked(one := _line(cluster, root, now), asked):
                lines.append(one)
                if len(lines) == asked.limit and place is not places[-1]:
                    return _Look(lines, place)
        if time.monotonic() > until and start + ROOTS_AT_ONCE < len(places):
            return _Look(lines, some[-1], is_late=True)
    return _Look(lines, None)


def _is_asked(one: WorkflowLine, asked: WorkflowsAsked) -> bool:
    return (not asked.name or one.name == asked.name) and STANDINGS[asked.state](one)


def _line(cluster: Cluster, root: RootTold, now: float) -> WorkflowLine:
    counts = Counter({below.state: below.number for below in root.below})
    moved = max(below.at for below in root.below)
    name = root.name
    if root.state is not None:
        counts[root.state] += 1
        moved = max(moved, root.at or 0.0)
        name = cluster.format_task(TaskRow(root.root_id, root.name, root.state)).name
    goes_on = any(state not in OVER for state in counts)
    is_stalled = goes_on and moved < now - STALLED_S
    return WorkflowLine(
        root.root_id, name, dict(counts), root.is_least, root.began, moved, is_stalled
    )


def _place(cursor: str) -> tuple[float | None, str]:
    """Return where a page begins: not after a time, and behind a root of that time."""
    if not cursor:
        return None, ""
    text, colon, root_id = cursor.partition(":")
    try:
        at = float(text)
    except ValueError:
        at = inf
    if not colon or not isfinite(at):
        raise BadRequest(f"cursor must be a 'next' of this list, not '{cursor}'")
    return at, root_id


def _following(walk: RootWalk, before: float | None) -> str:
    """Return the cursor of what comes after all roots of a walk, empty where nothing does."""
    if walk.is_whole or walk.last is None:
        return ""
    at = nextafter(walk.last, -inf) if walk.last == before else walk.last
    return f"{at!r}:"
