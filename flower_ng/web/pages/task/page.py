"""Task shows everything that is known of one task, and ends it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Final

from msgspec import structs

from flower_ng.errors import NotFound
from flower_ng.store import Attempt, SeriesQuery, TaskPoint, TaskQuery, TaskRow
from flower_ng.web.http.base import Need, Page
from flower_ng.web.lookups.attempt_errors import shown_errors
from flower_ng.web.lookups.past_actions import PastAction, past_actions_on
from flower_ng.web.lookups.task_review import worker_inability_to_terminate
from flower_ng.web.lookups.verified_task import ENDED, Verified, verified
from flower_ng.web.lookups.why import PAGE_S, why_not_running
from flower_ng.web.pages.task.actions import TaskAction, task_actions
from flower_ng.web.pages.task.outside_links import OutsideLink, outside_links
from flower_ng.web.pages.task.texts import Block, block_of, blocks
from flower_ng.web.pages.task.timeline import NEAR_S, TaskFact, times
from flower_ng.web.pages.task.why import help_link
from flower_ng.web.pages.task.workflow import Workflow, workflow_of
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.links import Links, word
from flower_ng.web.ui.phases import Phase, phases
from flower_ng.web.ui.progress import LINES_SHOWN, Progress, TaskLog, log_of, progress_of
from flower_ng.web.ui.time_window import start_of
from flower_ng.web.ui.why_facts import Why
from flower_ng.web.ui.why_words import timed

#: Times that a sender wrote, mostly with their offset.
TIMES_OF_SENDERS: Final = frozenset({"eta", "expires"})
DETAILS: Final = (
    "runtime", "worker", "retries", "eta", "expires", "exchange", "routing_key", "queue", "client",
    "timestamp", "clock",
)  # fmt: skip
RELATED: Final = ("root_id", "parent_id")
#: The time whose tasks say what is usual, and the step in which it is read.
USUAL_S: Final = 86_400
#: The newest tasks of this type that stand beside it.
RECENT: Final = 10
#: More children than this are only counted.
MOST_CHILDREN: Final = 100


@dataclass(frozen=True, slots=True)
class OwnState:
    """A state of the app's own in the result backend, and what came with it, asked for `at`."""

    state: str
    at: float
    block: Block


@dataclass(frozen=True, slots=True)
class TaskView:
    """One task."""

    title: str
    uuid: str
    name: str | None
    name_url: str
    state: str
    state_url: str
    actions: tuple[TaskAction, ...]
    rerun_url: str
    forget_url: str
    phases: tuple[Phase, ...]
    is_sent_unknown: bool
    attempts: tuple[Attempt, ...]
    workflow: Workflow
    root_url: str
    recent: tuple[TaskRow, ...]
    events_left_out: int
    now: float
    links: Links
    outside_links: tuple[OutsideLink, ...]
    blocks: tuple[Block, ...]
    times: tuple[TaskFact, ...]
    related: tuple[TaskFact, ...]
    children: tuple[TaskFact, ...]
    more_children: int
    details: tuple[TaskFact, ...]
    doubt: str
    why: Why | None
    why_link: str
    why_url: str
    own_state: OwnState | None
    progress: Progress | None
    log: TaskLog
    state_source: str | None
    reruns: tuple[TaskFact, ...]
    past_actions: tuple[PastAction, ...]

    def timed(self, words: str, tell: Callable[[float], str]) -> str:
        """Return words as HTML, their times as `<time>` elements."""
        return timed(escape(words), lambda at: f"<f-time>{tell(at)}</f-time>")

    @property
    def near_s(self) -> float:
        """What comes sooner than this after something needs no day."""
        return NEAR_S

    @property
    def goes_on(self) -> bool:
        """Whether it waits or runs, as far as is known."""
        return not self.doubt and self.state not in ENDED


@dataclass(frozen=True, slots=True)
class _Extras:
    """What else was read for a task: attempts, phases, its workflow, the newest of its type."""

    attempts: tuple[Attempt, ...]
    phases: tuple[Phase, ...]
    workflow: Workflow
    recent: tuple[TaskRow, ...]
    outside_links: tuple[OutsideLink, ...]
    now: float
    doubt: str
    why: Why | None
    own_state: OwnState | None
    progress: Progress | None
    past_actions: tuple[PastAction, ...]


class TaskDetailPage(Page):
    """`/task/{id}`."""

    path = r"/task/(.+)"
    need = Need.READ
    nav = "Tasks"
    template = "pages/task/page.html"

    async def view(self, uuid: str) -> TaskView:
        """Ask the store; NotFound for an id that nobody has mentioned."""
        found = await verified(self.cluster, uuid)
        if found is None:
            raise NotFound(f"Unknown task '{uuid}'")
        row = found.row
        shown, links = self.cluster.format_task(row), Links(self.services.prefix)
        usual, recent = await self._usual(row.name), await self._recent(row.name)
        workflow = await workflow_of(shown, self._those)
        now = self.services.clock()
        others = tuple(outside_links(self.services.options.task_links, shown, now))
        reason = await why_not_running(self.cluster, found, shown, now, PAGE_S)
        errors = shown_errors(row, self.cluster.format_task)
        extras = _Extras(
            tuple(replace(one, exception=errors.get(one.exception or "")) for one in row.attempts),
            phases(row, usual, now, self.cluster.timezone, is_in_doubt=bool(found.doubt)),
            workflow,
            recent,
            others,
            now,
            found.caution,
            reason if reason.steps else None,
            self._own_state(found),
            progress_of(shown, now, is_in_doubt=bool(found.doubt), backend=found.report),
            tuple(await past_actions_on(self, uuid, is_task=True)),
        )
        no_backend = await self.cluster.publisher.backend_refusal()
        unable = worker_inability_to_terminate(self.cluster, row.worker or "")
        actions = task_actions(row, unable, links, no_backend=no_backend)
        return _view(shown, extras, tuple(actions), links)

    def _own_state(self, found: Verified) -> OwnState | None:
        """The app's own state in the result backend (`update_state`), as `format_task` shows it."""
        answer = found.answer
        if answer is None or answer.detail is None or answer.state is None:
            return None
        row = self.cluster.format_task(structs.replace(found.row, result=answer.detail))
        return OwnState(answer.state, answer.at, block_of("result", fmt.text(row.result)))

    async def _those(self, uuids: Sequence[str]) -> list[TaskRow]:
        return [self.cluster.format_task(row) for row in await self.cluster.store.those(uuids)]

    async def _recent(self, name: str | None) -> tuple[TaskRow, ...]:
        """Read the newest of a type, which are not counted: that would go through all of them."""
        if name is None:
            return ()
        page = await self.cluster.store.after(TaskQuery(name=name), None, RECENT)
        return tuple(map(self.cluster.format_task, page.rows))

    async def _usual(self, name: str | None) -> TaskPoint | None:
        """What the last day's tasks of a type took; None where nothing is known."""
        if name is None:
            return None
        now = self.services.clock()
        query = SeriesQuery("task", (name,), start_of(USUAL_S, now), now, None)
        whole = (await self.cluster.store.series(query)).series[0].whole
        return whole if isinstance(whole, TaskPoint) else None


def _view(row: TaskRow, extras: _Extras, actions: tuple[TaskAction, ...], links: Links) -> TaskView:
    children = row.children[:MOST_CHILDREN]
    why_link, why_url = help_link(extras.why, links)
    return TaskView(
        title=f"{row.name or 'Task'} {row.uuid[:8]}",
        uuid=row.uuid,
        name=row.name,
        name_url=links.tasks(name=row.name),
        state=row.state,
        state_url=links.tasks(state=row.state),
        actions=actions,
        rerun_url=links.action("task/rerun", row.uuid),
        forget_url=links.action("task/forget", row.uuid),
        phases=extras.phases,
        is_sent_unknown=row.sent is None and row.received is not None,
        attempts=extras.attempts,
        workflow=extras.workflow,
        root_url=links.tasks(search=f"root:={word(row.root_id or row.uuid)}"),
        recent=extras.recent,
        events_left_out=row.events_left_out,
        now=extras.now,
        links=links,
        outside_links=extras.outside_links,
        blocks=tuple(blocks(row)),
        times=tuple(times(row)),
        related=tuple(_relative(name, getattr(row, name), row, links) for name in RELATED),
        children=tuple(_relative("child", child, row, links) for child in children),
        more_children=len(row.children) - len(children),
        details=tuple(_details(row, links)),
        doubt=extras.doubt,
        why=extras.why,
        why_link=why_link,
        why_url=why_url,
        own_state=extras.own_state,
        progress=extras.progress,
        log=log_of(row, LINES_SHOWN),
        state_source=row.state_source,
        reruns=tuple(_reruns(row, links)),
        past_actions=extras.past_actions,
    )


def _relative(name: str, uuid: str | None, row: TaskRow, links: Links) -> TaskFact:
    if uuid is None or uuid == row.uuid:
        return TaskFact(fmt.label(name), "this task" if uuid else "")
    return TaskFact(fmt.label(name), uuid, links.task(uuid))


def _reruns(row: TaskRow, links: Links) -> Iterator[TaskFact]:
    """The task that this one repeats, and those that repeat it."""
    if row.rerun_of is not None:
        yield TaskFact("Rerun of", row.rerun_of, links.task(row.rerun_of))
    for uuid in row.reruns[:MOST_CHILDREN]:
        yield TaskFact("Run again as", uuid, links.task(uuid))


def _details(row: TaskRow, links: Links) -> Iterator[TaskFact]:
    for name in DETAILS:
        value = getattr(row, name)
        if value in (None, ""):
            continue
        label = fmt.label(name)
        if name == "timestamp":
            yield TaskFact(label, moment=value)
        elif name in TIMES_OF_SENDERS and (at := fmt.iso_seconds(value)) is not None:
            yield TaskFact(label, moment=at)
        elif name == "runtime":
            yield TaskFact(label, fmt.duration(value))
        elif name == "worker":
            yield TaskFact(label, value, links.worker(value))
        else:
            yield TaskFact(label, fmt.text(value))
