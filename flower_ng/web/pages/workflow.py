"""One workflow: how it went, as a graph and over time, with what held it up."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from flower_ng.errors import NotFound
from flower_ng.store import TaskRow
from flower_ng.web.http.base import Need, Page
from flower_ng.web.lookups.workflow import WholeWorkflow, workflow
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.links import Links, word
from flower_ng.web.ui.phases import OVER
from flower_ng.web.ui.workflow_graph import Box, Graph, graph_of, states_of
from flower_ng.web.ui.workflow_shape import begun, critical, ended

#: The drawing's measures, in its own units, which are pixels.
WIDE, HIGH, STEP, LINE, EDGE = 176, 38, 224, 50, 8
#: Letters of a name that have room in a box.
LETTERS: Final = 21
#: The width that bars over time are drawn in.
SCALE: Final = 1000
#: What stands out, from what matters most: a box is lit by the first of them that is in it.
RANKS: Final = ("FAILURE", "RETRY", "STARTED", "REVOKED", "REJECTED", "RECEIVED", "PENDING")


@dataclass(frozen=True, slots=True)
class BoxView:
    """One box of the graph, and its line over time.

    `label` and `outcome` are its two lines. `state` lights it, empty where nobody saw its tasks;
    `states` are those of its tasks with their numbers. `waited` and `ran` are seconds, of all its
    tasks from the first to the last; the bars are in a drawing SCALE wide.
    """

    label: str
    outcome: str
    name: str
    url: str
    number: int
    state: str
    states: tuple[tuple[str, int], ...]
    words: str
    depth: int
    x: int
    y: float
    is_current: bool
    is_critical: bool
    is_body: bool
    began: float | None
    waited: float | None
    ran: float | None
    goes_on: bool
    wait_x: float
    wait_width: float
    run_x: float
    run_width: float


@dataclass(frozen=True, slots=True)
class EdgeView:
    """A line of the graph, as the `d` of a path; `words` say how it is not known."""

    path: str
    is_sure: bool
    is_critical: bool
    words: str


@dataclass(frozen=True, slots=True)
class Outline:
    """What is drawn around a group."""

    x: int
    y: float
    width: int
    height: float
    words: str


@dataclass(frozen=True, slots=True)
class Deed:
    """A button that begins a batch: of the tasks that `search` finds."""

    label: str
    url: str
    search: str
    is_danger: bool = False


@dataclass(frozen=True, slots=True)
class WorkflowView:
    """One workflow. `began` and `ended` are UTC seconds, `took` is how long it went on so far.

    `path_words` tell the critical path in one sentence.
    """

    title: str
    name: str | None
    subject: str
    found: WholeWorkflow
    state: str
    states: tuple[tuple[str, int], ...]
    tasks: int
    done: int
    began: float | None
    ended: float | None
    took: float | None
    path_words: str
    boxes: tuple[BoxView, ...]
    edges: tuple[EdgeView, ...]
    outlines: tuple[Outline, ...]
    width: int
    height: float
    left_out: int
    tasks_url: str
    deeds: tuple[Deed, ...]


@dataclass(frozen=True, slots=True)
class UnknownView:
    """Why there is nothing to show."""

    title: str
    words: str


class WorkflowDetailPage(Page):
    """`/workflow/{id}`."""

    path = r"/workflow/(.+)"
    need = Need.READ
    nav = "Workflows"
    template = "pages/workflow/page.html"

    async def view(self, subject: str) -> WorkflowView | None:
        """Read the workflow; an id that is neither a task nor a group has a page that says so."""
        try:
            found = await self.while_here(workflow(self.cluster, subject))
        except NotFound as error:
            self.set_status(error.status)
            view = UnknownView("Unknown workflow", error.message)
            self.write_page("pages/workflow/unknown.html", view, nav=self.nav)
            return None
        links = Links(self.services.prefix)
        return _view(found, graph_of(found.shape, subject), self.services.clock(), links)


def _view(found: WholeWorkflow, graph: Graph, now: float, links: Links) -> WorkflowView:
    rows = found.rows
    root = rows.get(found.root_id or "")
    path = critical(found.shape, now)
    counts = Counter(row.state for row in rows.values())
    done = sum(number for state, number in counts.items() if state in OVER)
    began = min((at for row in rows.values() if (at := begun(row)) is not None), default=None)
    end = max((at for row in rows.values() if (at := ended(row)) is not None), default=None)
    if done < len(rows):
        end = None
    until = now if end is None else end
    span = _TimeScale(began if began is not None else until, until)
    boxes = {id(box): _box(found, box, set(path), span, links) for box in graph.boxes}
    search = _search(found)
    name = root.name if root else None
    return WorkflowView(
        title=f"{name or 'Workflow'} {found.subject[:8]}",
        name=name,
        subject=found.subject,
        found=found,
        state=lit(counts),
        states=ordered(counts),
        tasks=len(rows),
        done=done,
        began=began,
        ended=end,
        took=None if began is None else max(0.0, until - began),
        path_words=_path_words(rows, path, now),
        boxes=tuple(boxes[id(box)] for box in graph.boxes),
        edges=tuple(_edges(graph, boxes)),
        outlines=tuple(_outlines(graph)),
        width=graph.columns * STEP - (STEP - WIDE) + 2 * EDGE,
        height=graph.lines * LINE - (LINE - HIGH) + 2 * EDGE,
        left_out=graph.left_out,
        tasks_url=links.tasks(search=search) if search else "",
        deeds=tuple(_deeds(search, counts, links)) if search else (),
    )


def _deeds(search: str, counts: Mapping[str, int], links: Links) -> Iterator[Deed]:
    """What can be done to many of its tasks at once, each reviewed first."""
    if counts.get("FAILURE"):
        yield Deed("Run failed again", links.action("batches/rerun"), f"{search} state:FAILURE")
    if any(state not in OVER for state in counts):
        some = f"{search} {_OPEN}"
        yield Deed("Revoke open", links.action("batches/revoke"), some, is_danger=True)
        yield Deed("Terminate open", links.action("batches/terminate"), some, is_danger=True)


#: The search for what has not ended.
_OPEN: Final = " ".join(f"-state:{state}" for state in sorted(OVER))


def _search(found: WholeWorkflow) -> str:
    return f"root:={word(found.root_id)}" if found.root_id else ""


def lit(counts: Mapping[str, int]) -> str:
    """Return the state that stands for some tasks: the one that matters most."""
    known = next((state for state in RANKS if counts.get(state)), "")
    own = next((state for state in counts if state not in RANKS and state != "SUCCESS"), "")
    if known == "FAILURE" or not own:
        return known or ("SUCCESS" if counts.get("SUCCESS") else "")
    return own


def ordered(counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """Return states and their numbers, what matters most first."""
    rank = {state: place for place, state in enumerate((*RANKS, "", "SUCCESS"))}
    return tuple(sorted(counts.items(), key=lambda pair: (rank.get(pair[0], 2), pair[0])))


@dataclass(frozen=True, slots=True)
class _TimeScale:
    """What the bars over time are drawn to."""

    begin: float
    end: float

    def at(self, moment: float) -> float:
        length = self.end - self.begin
        return 0.0 if length <= 0 else min(1.0, max(0.0, (moment - self.begin) / length)) * SCALE


def _box(found: WholeWorkflow, box: Box, path: set[str], span: _TimeScale, links: Links) -> BoxView:
    rows = [found.rows[uuid] for uuid in box.uuids if uuid in found.rows]
    counts = states_of(found.shape, box)
    name = box.name or ("" if rows else "not seen")
    begins = [at for row in rows if (at := begun(row)) is not None]
    starts = [row.started for row in rows if row.started is not None]
    ends = [at for row in rows if (at := ended(row)) is not None]
    goes_on = len(ends) < len(rows)
    began, start = min(begins, default=None), min(starts, default=None)
    end = span.end if goes_on else max(ends, default=None)
    first = began if began is not None else start
    until = start if start is not None else end
    wait_x, run_x = span.at(first or span.begin), span.at(start or span.begin)
    has_run = start is not None and end is not None
    tail = name.rpartition(".")[2] or name or box.uuids[0]
    number = len(box.uuids)
    times = f" \u00d7{fmt.short(number)}" if number > 1 else ""
    ran = max(0.0, end - start) if start is not None and end is not None else None
    return BoxView(
        label=fmt.cut(tail, LETTERS - len(times)) + times,
        outcome=" ".join(
            (lit(counts) or "not seen", *([] if ran is None else [fmt.duration(ran)]))
        ),
        name=name,
        url=_url(found, box, links),
        number=number,
        state=lit(counts),
        states=ordered(counts),
        words=_words(box, name, counts, rows),
        depth=box.depth,
        x=EDGE + box.column * STEP,
        y=EDGE + box.line * LINE,
        is_current=found.subject in box.uuids and found.subject != found.root_id,
        is_critical=not path.isdisjoint(box.uuids),
        is_body=box.uuids[0] in found.shape.joins,
        began=began,
        waited=None if first is None or until is None else max(0.0, until - first),
        ran=ran,
        goes_on=goes_on,
        wait_x=wait_x,
        wait_width=max(0.0, span.at(until) - wait_x) if first and until else 0.0,
        run_x=run_x,
        run_width=max(2.0, span.at(end) - run_x) if has_run and end is not None else 0.0,
    )


def _url(found: WholeWorkflow, box: Box, links: Links) -> str:
    """One task's page; of many, the list of those of the type, which may be some more."""
    search = _search(found)
    if len(box.uuids) == 1 or not search:
        return links.task(box.uuids[0])
    return links.tasks(search=search, name=box.name or None)


def _words(box: Box, name: str, counts: Mapping[str, int], rows: list[TaskRow]) -> str:
    if len(box.uuids) > 1:
        states = ", ".join(f"{number:,} {state}" for state, number in ordered(counts))
        return f"{len(box.uuids):,} of {name}: {states or 'not seen'}"
    if not rows:
        return f"{box.uuids[0]}: no event of it came, it may not be sent yet"
    (row,) = rows
    why = f": {row.exception_line}" if row.exception_line else ""
    return f"{name or 'Task'} {row.uuid}, {row.state}{why}"


def _edges(graph: Graph, boxes: Mapping[int, BoxView]) -> Iterator[EdgeView]:
    for edge in graph.edges:
        begin, end = boxes[id(edge.begin)], boxes[id(edge.end)]
        x1, y1 = begin.x + WIDE, begin.y + HIGH / 2
        x2, y2 = end.x, end.y + HIGH / 2
        bend = x2 - (STEP - WIDE) / 2
        path = f"M{x1} {y1:g}H{bend:g}V{y2:g}H{x2}"
        is_critical = begin.is_critical and end.is_critical
        yield EdgeView(path, edge.is_sure, is_critical, edge.words)


def _outlines(graph: Graph) -> Iterator[Outline]:
    """Frame the boxes of each group that is known, without what follows them."""
    for stack in graph.stacks:
        if not stack.group or not stack.boxes:
            continue
        lines = [box.line for box in stack.boxes]
        number = sum(len(box.uuids) for box in stack.boxes)
        yield Outline(
            x=EDGE + stack.boxes[0].column * STEP - 6,
            y=EDGE + min(lines) * LINE - 5,
            width=WIDE + 12,
            height=(max(lines) - min(lines)) * LINE + HIGH + 10,
            words=f"Group {stack.group}, {fmt.counted(number, 'known task')}",
        )


def _path_words(rows: Mapping[str, TaskRow], path: tuple[str, ...], now: float) -> str:
    """Say what the end waited for: how long, and what of it was waiting."""
    some = [rows[uuid] for uuid in path]
    ran = sum(
        max(0.0, (ended(row) or now) - row.started) for row in some if row.started is not None
    )
    if not some or not ran:
        return ""
    begin = begun(some[0])
    whole = None if begin is None else max(0.0, (ended(some[-1]) or now) - begin)
    rest = "" if whole is None else f" of {fmt.duration(whole)}"
    return f"{fmt.counted(len(some), 'task')} in a row, which ran for {fmt.duration(ran)}{rest}"
