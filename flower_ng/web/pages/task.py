"""Task shows everything that is known of one task, and ends it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from flower_ng.errors import NotFound
from flower_ng.store import SeriesQuery, TaskRow
from flower_ng.store.cuts import FLOWER_NG, Cut
from flower_ng.store.rollups.points import TaskPoint
from flower_ng.web import format as fmt
from flower_ng.web.base import Page
from flower_ng.web.lifetime import Phase, phases
from flower_ng.web.links import Links
from flower_ng.web.literal import Line, tree
from flower_ng.web.trace import Part, parts

#: When something happened to the task, in the order in which it usually does.
TIMES: Final = (
    "sent", "received", "started", "retried", "succeeded", "failed", "revoked", "rejected",
)  # fmt: skip
#: Shown as blocks of text: what went in, what came out.
BLOCKS: Final = {
    "args": "Arguments",
    "kwargs": "Keyword arguments",
    "result": "Result",
    "exception": "Exception",
    "traceback": "Traceback",
}
#: Shown as trees, where they are collections.
TREES: Final = frozenset({"args", "kwargs", "result"})
#: What lets a worker or a client tell more of a value: Celery's options of Task.apply_async, and
#: of the task's class.
LIFTED_BY: Final = {
    "args": "argsrepr in apply_async",
    "kwargs": "kwargsrepr in apply_async",
    "result": "resultrepr_maxsize of the task",
}
DETAILS: Final = (
    "runtime", "worker", "retries", "eta", "expires", "exchange", "routing_key", "queue", "client",
    "timestamp", "clock",
)  # fmt: skip
KIN: Final = ("root_id", "parent_id")
#: The time whose tasks say what is usual, and the step in which it is read.
USUAL_S: Final = 86_400
USUAL_STEP_S: Final = 3600
#: More children than this are only counted.
MOST_CHILDREN: Final = 100


@dataclass(frozen=True, slots=True)
class Fact:
    """A name and its value: a text, perhaps with a link, or a time in UTC seconds."""

    label: str
    text: str = ""
    url: str | None = None
    moment: float | None = None
    after: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A text as it came; `name` is its id on the page.

    `tree` is there for collections, `trace` for tracebacks; `cut` says how the text was cut, and
    what lifts that.
    """

    name: str
    label: str
    text: str
    cut: str = ""
    tree: tuple[Line, ...] = ()
    trace: tuple[Part, ...] = ()


@dataclass(frozen=True, slots=True)
class Deed:
    """What can be done to the task now: a form, and the question before it."""

    label: str
    question: str
    url: str
    terminates: bool


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task."""

    title: str
    uuid: str
    name: str | None
    name_url: str
    state: str
    state_url: str
    deed: Deed | None
    forget_url: str
    phases: tuple[Phase, ...]
    blocks: tuple[Block, ...]
    times: tuple[Fact, ...]
    kin: tuple[Fact, ...]
    children: tuple[Fact, ...]
    more_children: int
    details: tuple[Fact, ...]
    timezone: tzinfo


class Task(Page):
    """`/task/{id}`."""

    path = r"/task/(.+)"
    nav = "Tasks"
    template = "pages/task.html"

    async def view(self, uuid: str) -> TaskView:
        """Ask the store; NotFound for an id that nobody has mentioned."""
        row = await self.cluster.store.task(uuid)
        if row is None:
            raise NotFound(f"Unknown task '{uuid}'")
        shown, usual = self.cluster.format_task(row), await self._usual(row.name)
        told = phases(row, usual, self.services.clock())
        return _view(shown, told, Links(self.services.prefix), self.cluster.timezone)

    async def _usual(self, name: str | None) -> TaskPoint | None:
        """What the last day's tasks of a type took; None where nothing is known."""
        if name is None:
            return None
        now = self.services.clock()
        query = SeriesQuery("task", (name,), max(0.0, now - USUAL_S), now, USUAL_STEP_S)
        whole = (await self.cluster.store.series(query)).series[0].whole
        return whole if isinstance(whole, TaskPoint) else None


def _view(row: TaskRow, told: tuple[Phase, ...], links: Links, timezone: tzinfo) -> TaskView:
    children = row.children[:MOST_CHILDREN]
    return TaskView(
        title=f"{row.name or 'Task'} {row.uuid[:8]}",
        uuid=row.uuid,
        name=row.name,
        name_url=links.tasks(name=row.name),
        state=row.state,
        state_url=links.tasks(state=row.state),
        deed=_deed(row, links),
        forget_url=links.action("task/forget", row.uuid),
        phases=told,
        blocks=tuple(_blocks(row)),
        times=tuple(_times(row)),
        kin=tuple(_relative(name, getattr(row, name), row, links) for name in KIN),
        children=tuple(_relative("child", child, row, links) for child in children),
        more_children=len(row.children) - len(children),
        details=tuple(_details(row, links)),
        timezone=timezone,
    )


def _deed(row: TaskRow, links: Links) -> Deed | None:
    url = links.action("task/revoke", row.uuid)
    match row.state:
        case "STARTED":
            question = "Ends the process that runs this task, with SIGTERM. It can't be undone."
            return Deed("Terminate", question, url, terminates=True)
        case "RECEIVED" | "RETRY":
            question = "Tells all workers to discard this task when its turn comes."
            return Deed("Revoke", question, url, terminates=False)
    return None


def _blocks(row: TaskRow) -> Iterator[Block]:
    """What went in, also when it is not known; what came out, when it did."""
    cuts = row.cuts
    for name, label in BLOCKS.items():
        value = getattr(row, name)
        if value is not None or name in ("args", "kwargs"):
            yield _block(name, label, fmt.text(value), cuts.get(name))


def _block(name: str, label: str, text: str, cut: Cut | None) -> Block:
    return Block(
        name=name,
        label=label,
        text=text,
        cut=_cut(name, cut) if cut else "",
        tree=tree(text) if name in TREES else (),
        trace=parts(text) if name == "traceback" else (),
    )


def _cut(name: str, cut: Cut) -> str:
    """Say who cut a text, and which setting lifts it."""
    if cut.by == FLOWER_NG:
        return f"Kept in part: it had {fmt.number(cut.length)} characters."
    setting = LIFTED_BY.get(name)
    return f"The worker cut it; {setting} lifts that." if setting else "The worker cut it."


def _times(row: TaskRow) -> Iterator[Fact]:
    """The times in their order, each with how long it came after the one before."""
    known = [(getattr(row, name), name) for name in TIMES if getattr(row, name) is not None]
    before: float | None = None
    for moment, name in sorted(known, key=lambda item: item[0]):
        after = "" if before is None else f"+{fmt.duration(moment - before)}"
        yield Fact(fmt.label(name), moment=moment, after=after)
        before = moment


def _relative(name: str, uuid: str | None, row: TaskRow, links: Links) -> Fact:
    if uuid is None or uuid == row.uuid:
        return Fact(fmt.label(name), "this task" if uuid else "")
    return Fact(fmt.label(name), uuid, links.task(uuid))


def _details(row: TaskRow, links: Links) -> Iterator[Fact]:
    for name in DETAILS:
        value = getattr(row, name)
        if value in (None, ""):
            continue
        label = fmt.label(name)
        if name == "timestamp":
            yield Fact(label, moment=value)
        elif name == "runtime":
            yield Fact(label, fmt.duration(value))
        elif name == "worker":
            yield Fact(label, value, links.worker(value))
        else:
            yield Fact(label, fmt.text(value))
