"""Worker shows what one worker says of itself, and steers it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from flower_ng.errors import NotFound, Unavailable
from flower_ng.event_record import NAME_LENGTH
from flower_ng.monitor.holds.records import DrainedWorker, Left
from flower_ng.monitor.remote.capacity import fitting
from flower_ng.monitor.remote.command_list import COMMANDS, TIME_LIMIT, RemoteCommand
from flower_ng.monitor.remote.worker_answer import NO_ANSWER, WorkerAnswer, mapping
from flower_ng.monitor.state.rows import attempts
from flower_ng.monitor.state.rows import processed as taken_on
from flower_ng.records import Worker
from flower_ng.redaction import has_hidden
from flower_ng.store import FINISHED, AuditQuery
from flower_ng.web.http.base import LIVE, Need, Page
from flower_ng.web.http.services import is_known
from flower_ng.web.lookups.past_actions import PastAction, past_actions_on
from flower_ng.web.pages.worker.inspect_tables import (
    QUEUE_COLUMNS,
    InspectedTask,
    TableExcerpt,
    inspected_tasks,
    part,
    processed,
    queues,
    revoked,
    settings,
)
from flower_ng.web.pages.worker.last_hour import LastHour, last_hour
from flower_ng.web.pages.worker.limits import WorkerLimits, worker_limits
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.facts import (
    Fact,
    facts,
    other_facts,
    pool_facts,
    usage_facts,
)
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.problem_rows import ProblemRow, marks
from flower_ng.web.ui.progress import percent_of
from flower_ng.web.ui.worker_answers import share, unable, uptime_s
from flower_ng.web.ui.worker_badges import Badge, badge_of

#: Keys of `stats` that have a place of their own on the page.
PLACED: Final = frozenset(
    {"pool", "pid", "prefetch_count", "broker", "consumer", "total", "rusage", "autoscaler"}
)
#: Of which events the attempts are counted, under which words.
COUNTS: Final = {
    "task-failed": "Failed",
    "task-succeeded": "Succeeded",
}
#: A page that refreshes itself has the worker asked again when its answers are older.
LIVE_AGE_S: Final = 10.0
#: So many changes are looked at for the time limits that hold now.
MOST_CHANGES: Final = 200


@dataclass(frozen=True, slots=True)
class MethodAnswer:
    """How old an answer to one of Celery's inspect methods is, and why it is missing or old."""

    method: str
    words: str
    is_missing: bool
    is_failing: bool


@dataclass(frozen=True, slots=True)
class WorkerView:
    """One worker; `answers` has an entry for each inspect method.

    `badge` is None where it answered and no event of it came. `drain` is what keeps it from its
    queues, `left` what it said to hold since then. `progress` are percents of what it runs, by id.
    """

    title: str
    name: str
    badge: Badge | None
    summary: tuple[Fact, ...]
    busy: int | None
    commands: Mapping[str, RemoteCommand]
    unable: Mapping[str, str]
    answers: Mapping[str, MethodAnswer]
    pool: tuple[Fact, ...]
    autoscaler: tuple[Fact, ...]
    broker: tuple[Fact, ...]
    queue_headings: tuple[str, ...]
    queues: TableExcerpt
    processed: TableExcerpt
    active: TableExcerpt
    scheduled: TableExcerpt
    reserved: TableExcerpt
    revoked: TableExcerpt
    limits: WorkerLimits
    conf: tuple[Fact, ...]
    has_hidden: bool
    usage: tuple[Fact, ...]
    other: tuple[Fact, ...]
    last_hour: LastHour
    now: float
    links: Links
    problems: tuple[ProblemRow, ...]
    past_actions: tuple[PastAction, ...]
    drain: DrainedWorker | None
    left: Left | None
    size: int | None
    progress: Mapping[str, int] = field(default_factory=dict)


class WorkerPage(Page):
    """`/worker/{name}`; with `limit`, lists of that length; with `task`, its limits can be set."""

    path = r"/worker/(.+)"
    need = Need.READ
    nav = "Workers"
    template = "pages/worker/page.html"

    async def view(self, name: str) -> WorkerView:
        """Have the worker inspected, wait where nothing is known yet, and show what is."""
        limit: int = self.get_argument("limit", default=50, type=int)
        if not is_known(self.cluster, name):
            raise NotFound(f"Unknown worker '{name}'")
        await self._inspect(name)
        heard = self.cluster.state.workers.get(name)
        record = self.cluster.inspector.workers.get(name, {})
        recent = await last_hour(self.cluster, name, self.services.clock())
        past_actions = tuple(await past_actions_on(self, name))
        limits = await self._limits(name, record)
        view = self._view(name, heard, record, recent, max(limit, 0), past_actions, limits)
        return replace(view, progress=await self._progress(view.active))

    async def _progress(self, active: TableExcerpt) -> Mapping[str, int]:
        """Return how many percent of each task is done, by id, where it said so."""
        ids = [task.uuid for task in active.entries]
        try:
            rows = await self.cluster.store.at_once().those(ids) if ids else []
        except Unavailable:
            return {}
        found = {row.uuid: percent_of(row) for row in rows}
        return {uuid: percent for uuid, percent in found.items() if percent is not None}

    async def _limits(self, name: str, record: Mapping[str, Any]) -> WorkerLimits:
        """Return what limits are set; what was set from here is looked up in the audit."""
        inspector, now = self.cluster.inspector, self.services.clock()
        ran_s = uptime_s(inspector.told.get(name, NO_ANSWER), inspector.ages(name).get("stats"))
        try:
            query = AuditQuery(MOST_CHANGES, action=TIME_LIMIT.route, subject=name)
            changes = (await self.cluster.store.audit(query)).entries
        except Unavailable:
            changes = ()
        chosen = self.get_argument("task", default="")[:NAME_LENGTH]
        started_at = None if ran_s is None else now - ran_s
        return worker_limits(record, changes, chosen, Links(self.services.prefix), now, started_at)

    async def _inspect(self, name: str) -> None:
        """Begin an inspection; wait for it only where an answer was never given."""
        inspector = self.cluster.inspector
        ages = inspector.ages(name)
        is_complete = ages.keys() >= set(inspector.methods)
        is_live = LIVE in self.request.headers
        if is_live and all(age < LIVE_AGE_S for age in self._last_asked(name, ages)):
            return
        inspection = inspector.inspect(name)
        if not is_complete and not is_live:
            await inspection

    def _last_asked(self, name: str, ages: Mapping[str, float]) -> Iterator[float]:
        """How long ago each method was answered, or failed to be."""
        failures, now = self.cluster.inspector.failures(name), self.services.clock()
        for method in self.cluster.inspector.methods:
            failure = failures.get(method)
            yield now - failure.at if failure else ages.get(method, LIVE_AGE_S)

    def _view(
        self,
        name: str,
        heard: Worker | None,
        record: Mapping[str, Any],
        recent: LastHour,
        limit: int,
        past_actions: tuple[PastAction, ...],
        limits: WorkerLimits,
    ) -> WorkerView:
        links, stats = Links(self.services.prefix), mapping(record.get("stats"))
        age_s = self.cluster.inspector.ages(name).get("stats")
        told = self.cluster.inspector.told.get(name, NO_ANSWER)
        return WorkerView(
            title=name,
            name=name,
            badge=None if heard is None else badge_of(heard, self.cluster.presence.status(heard)),
            summary=tuple(self._summary(heard, told, uptime_s(told, age_s))),
            busy=self._busy(heard, told),
            commands={command.name: command for command in COMMANDS},
            unable=unable(told),
            answers={answer.method: answer for answer in self._method_answers(name)},
            pool=pool_facts(stats) if stats else (),
            autoscaler=facts(stats.get("autoscaler")),
            broker=facts(stats.get("broker") or mapping(stats.get("consumer")).get("broker")),
            queue_headings=tuple(QUEUE_COLUMNS.values()),
            queues=part(queues(record.get("active_queues")), limit),
            processed=part(processed(stats.get("total"), links, name), limit),
            active=part(self._inspected(record.get("active"), name), limit),
            scheduled=part(self._inspected(record.get("scheduled"), name), limit),
            reserved=part(self._inspected(record.get("reserved"), name), limit),
            revoked=part(revoked(record.get("revoked"), links), limit),
            limits=limits,
            conf=(conf := tuple(settings(record.get("conf")))),
            has_hidden=any(has_hidden(str(fact.value)) for fact in conf),
            usage=usage_facts(stats.get("rusage")),
            other=other_facts(stats, PLACED),
            last_hour=recent,
            now=self.services.clock(),
            links=links,
            problems=marks(self.cluster.problems.about("worker", name), links),
            past_actions=past_actions,
            drain=self.cluster.holds.drains.get(name),
            left=self.cluster.holds.left.get(name),
            size=told.slots,
        )

    def _inspected(self, tasks: Any, name: str) -> Iterator[InspectedTask]:
        links, shown = Links(self.services.prefix), self.cluster.format_task
        return inspected_tasks(tasks, links, name, shown, self._running)

    def _running(self, uuid: str) -> str:
        """For how long a task runs; that it ended, where that was heard after the answer."""
        task = self.cluster.state.tasks.get(uuid)
        if task is None or task.started is None:
            return fmt.DASH
        if task.state in FINISHED:
            return "ended since"
        return fmt.duration(self.services.clock() - task.started)

    def _busy(self, heard: Worker | None, told: WorkerAnswer) -> int | None:
        active = None if heard is None else self._active(heard)
        return share(active, fitting(told.slots, active))

    def _active(self, heard: Worker) -> int | None:
        """How many tasks it runs; not known of one that is offline, or may be busy."""
        presence = self.cluster.presence
        is_known = presence.is_online(heard) and presence.status(heard) != "busy"
        return heard.active if is_known else None

    def _summary(
        self, heard: Worker | None, told: WorkerAnswer, ran_s: float | None
    ) -> Iterator[Fact]:
        """What the worker's events tell, and how large and how old it says it is."""
        if heard is None:
            return
        now = self.services.clock()
        counts: Mapping[str, int] = self.cluster.state.counter.get(heard.hostname, {})
        software = (heard.sw_ident, heard.sw_ver, heard.sw_sys)
        is_online = self.cluster.presence.is_online(heard)
        size = fitting(told.slots, heard.active)
        slots = f" of {fmt.number(size)}" if size is not None and is_online else ""
        yield Fact("Heartbeat", fmt.age(now - heard.heard_at) if heard.heard_at else fmt.DASH)
        yield Fact("Active", fmt.number(self._active(heard)) + slots)
        yield Fact("Processed", fmt.number(taken_on(heard, counts)))
        for kind, label in COUNTS.items():
            yield Fact(label, fmt.number(attempts(heard, counts, kind)))
        loads = (heard.loadavg or ()) if is_online else ()
        yield Fact("Load average", ", ".join(f"{load:.2f}" for load in loads) or fmt.DASH)
        yield Fact("Memory", fmt.size(told.memory_bytes(heard.sw_sys)))
        yield Fact("Uptime", fmt.span(ran_s if is_online else None))
        yield Fact("Process", fmt.text(heard.pid))
        yield Fact("Software", " ".join(filter(None, software)) or fmt.DASH)

    def _method_answers(self, name: str) -> Iterator[MethodAnswer]:
        inspector, now = self.cluster.inspector, self.services.clock()
        ages, failures = inspector.ages(name), inspector.failures(name)
        for method in inspector.methods:
            age, failure = ages.get(method), failures.get(method)
            answered = "Not inspected yet" if age is None else f"Answered {fmt.age(age)}"
            failed = failure and f"Asked {fmt.age(now - failure.at)}: {failure.why}"
            words = f"{answered}. {failed}." if failed else f"{answered}."
            yield MethodAnswer(
                method, words, is_missing=age is None, is_failing=failure is not None
            )
