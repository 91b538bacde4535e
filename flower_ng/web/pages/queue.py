"""One queue: how long it is, who consumes from it, its first messages, purging and moving."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from flower_ng.brokers import QueueGlimpse, QueueNumbers, WaitingMessage
from flower_ng.errors import AnswerError, NotFound
from flower_ng.monitor.holds.records import PausedQueue
from flower_ng.monitor.remote.batch_actions import RERUN_MANY
from flower_ng.monitor.remote.worker_answer import NO_ANSWER
from flower_ng.monitor.state.sent_tasks import Oldest
from flower_ng.store import SeriesQuery
from flower_ng.web.http.base import Need, Page
from flower_ng.web.lookups.consumers import Consumer, consumers, lengths, queue_names
from flower_ng.web.lookups.deploy_marks import deploys
from flower_ng.web.lookups.glimpse import glimpse, require_queue
from flower_ng.web.lookups.past_actions import PastAction, past_actions_on
from flower_ng.web.lookups.purge_review import OWN
from flower_ng.web.lookups.queue_ledger import queue_ledger
from flower_ng.web.lookups.queue_load import queue_load
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.chart_span import SPANS, Span, span_of, spans
from flower_ng.web.ui.charts import Chart
from flower_ng.web.ui.drift import Drift, Teammate, drift
from flower_ng.web.ui.links import Links, segment, word
from flower_ng.web.ui.paging import Choice
from flower_ng.web.ui.queue_charts import queue_charts
from flower_ng.web.ui.queue_ledger import TaskLedger
from flower_ng.web.ui.queue_needs import DRAIN_S, QueueLoad, QueueNeeds, needs
from flower_ng.web.ui.queue_rates import flow, pace_words
from flower_ng.web.ui.queue_work import QueueWork
from flower_ng.web.ui.why_words import plain

#: So many messages are looked at.
FIRST: Final = 50
#: So many other queues are offered to move messages to; any other can be typed.
MOST_OFFERED: Final = 200


@dataclass(frozen=True, slots=True)
class QueueDetailView:
    """One queue; `trouble` is why its length lacks or is `age_s` old.

    `types` are those of the messages that were looked at, with how many they are. `refusal` says
    why it can't be purged. `pause` is what keeps it from its consumers. `charts` are over the
    `span`, `problem` is why the history tells nothing. `empties` says in words when it will be
    empty, `drains` are times in which it may be wanted to; `work` is what its tasks took lately.
    `ledger` is None unless it is asked for by one of `ledgers`; `names` are those of its tasks,
    `notes` what it can't tell. `drift` is in what its workers differ.
    """

    title: str
    name: str
    numbers: QueueNumbers
    oldest: Oldest | None
    workers: tuple[Consumer, ...]
    drift: Drift
    trouble: str
    age_s: float | None
    messages: tuple[WaitingMessage, ...]
    why_not: str
    types: tuple[tuple[str, int], ...]
    links: Links
    tasks_url: str
    purge_url: str
    move_url: str
    others: tuple[str, ...]
    refusal: str
    past_actions: tuple[PastAction, ...]
    pause: PausedQueue | None
    spans: tuple[Choice, ...]
    span: Span
    charts: tuple[Chart, ...]
    problem: str
    load: QueueLoad
    work: QueueWork | None
    needs: QueueNeeds
    publish_per_s: float | None
    ack_per_s: float | None
    drains: tuple[Choice, ...]
    empties: str
    scale_url: str
    ledgers: tuple[Choice, ...]
    ledger: TaskLedger | None
    names: Mapping[str, str]
    notes: tuple[str, ...]
    rerun_url: str


#: In how long a queue may be wanted to be empty.
DRAINS: Final = {"1m": 60.0, "5m": 300.0, "15m": 900.0, "1h": 3600.0}

#: Over how long a ledger may be asked for.
LEDGERS: Final = {"10m": 600.0, "1h": 3600.0, "1d": 86_400.0}


class QueueDetailPage(Page):
    """`/queues/{name}`."""

    path = r"/queues/(.+)"
    need = Need.READ
    nav = "Queues"
    template = "pages/queue.html"

    async def view(self, name: str) -> QueueDetailView:
        """Ask the broker; NotFound for a queue that nobody names."""
        cluster, links = self.cluster, Links(self.services.prefix)
        require_queue(cluster, name)
        told = await lengths(cluster, self.services.clock())
        numbers = told.numbers.get(name)
        seen = await self._glimpse(name)
        now, span = self.services.clock(), span_of(self.get_argument("span", default=""))
        workers = consumers(cluster, links).get(name, ())
        measured = await queue_load(cluster, name, told, workers, now)
        charts, problem = await self._charts(name, span, now)
        drain_s, given = self._drain()
        ledger = await self._ledger(name, None if told.age_s is not None else numbers, now)
        publish_per_s, ack_per_s = cluster.poll.totals.of(name)
        out_per_s = measured.load.departures_per_s
        pace = replace(flow(None, (), cluster.poll.recent.of(name)), departures_per_s=out_per_s)
        length = None if told.age_s is not None or numbers is None else numbers.length
        return QueueDetailView(
            title=name,
            name=name,
            numbers=numbers or QueueNumbers(name),
            oldest=None if numbers is None else cluster.oldest(numbers),
            workers=tuple(workers),
            drift=drift([self._teammate(one.name) for one in workers]),
            trouble=told.trouble,
            age_s=told.age_s,
            messages=seen.messages,
            why_not=seen.why_not,
            types=counted(seen.messages),
            links=links,
            tasks_url=links.tasks(search=f"queue:={word(name)}"),
            purge_url=links.action("queue/purge", name),
            move_url=links.action("queue/move", name),
            others=tuple(self._others(name)),
            refusal=OWN if cluster.is_system_queue(name) else "",
            past_actions=tuple(await past_actions_on(self, name)),
            pause=cluster.holds.pauses.get(name),
            spans=tuple(spans(span, f"/queues/{segment(name)}", links, given)),
            span=span,
            charts=charts,
            problem=problem or measured.problem,
            load=measured.load,
            work=measured.work,
            needs=needs(measured.load, drain_s),
            publish_per_s=publish_per_s,
            ack_per_s=ack_per_s,
            drains=tuple(self._drains(name, span, drain_s, links)),
            empties=pace_words(pace, length),
            scale_url=links.page(f"/api/queues/{segment(name)}/scale", given),
            ledgers=tuple(self._ledgers(name, links)),
            ledger=ledger,
            names=await self._names(ledger),
            notes=tuple(plain(one, cluster.timezone) for one in ledger.notes) if ledger else (),
            rerun_url=links.action(RERUN_MANY.route),
        )

    async def _charts(self, name: str, span: Span, now: float) -> tuple[tuple[Chart, ...], str]:
        query = SeriesQuery("queue", (name,), span.start(now), now, span.step_s)
        try:
            page = await self.cluster.store.series(query)
        except AnswerError as error:
            return (), error.message
        links, ours = Links(self.services.prefix), f"queue:={word(name)}"
        starts = deploys(self.cluster, query.start, now)
        return queue_charts(page, starts, lambda search: links.tasks(search=f"{ours} {search}")), ""

    async def _ledger(
        self, name: str, numbers: QueueNumbers | None, now: float
    ) -> TaskLedger | None:
        """Return the ledger where it is asked for: it takes a second or more."""
        length_s = LEDGERS.get(self.get_argument("ledger", default=""))
        if length_s is None:
            return None
        return await queue_ledger(self.cluster, name, numbers, length_s, now)

    def _ledgers(self, name: str, links: Links) -> Iterator[Choice]:
        asked = self.get_argument("ledger", default="")
        for text, length_s in LEDGERS.items():
            url = links.page(f"/queues/{segment(name)}", {"ledger": text})
            yield Choice(fmt.span(length_s), f"{url}#ledger", text == asked)

    async def _names(self, ledger: TaskLedger | None) -> dict[str, str]:
        ids = [one.uuid for one in ledger.listed] if ledger else []
        rows = map(self.cluster.format_task, await self.cluster.store.those(ids)) if ids else ()
        return {row.uuid: fmt.text(row.name) for row in rows}

    def _drain(self) -> tuple[float, dict[str, str]]:
        """Return in how long it shall be empty, and that as a query."""
        text = self.get_argument("drain", default="")
        drain_s = DRAINS.get(text, DRAIN_S)
        return drain_s, {"drain": text} if text in DRAINS and drain_s != DRAIN_S else {}

    def _drains(self, name: str, span: Span, drain_s: float, links: Links) -> Iterator[Choice]:
        kept = {} if span is SPANS[0] else {"span": span.key}
        for text, length_s in DRAINS.items():
            url = links.page(f"/queues/{segment(name)}", {**kept, "drain": text})
            yield Choice(fmt.span(length_s), url, length_s == drain_s)

    def _teammate(self, name: str) -> Teammate:
        """Return a worker as it is compared."""
        known, told = self.cluster.state.workers.get(name), self.cluster.inspector.told
        return Teammate(name, told.get(name, NO_ANSWER), (known and known.sw_ver) or "")

    def _others(self, name: str) -> Iterator[str]:
        """Yield the queues that messages may be moved to, as many as are offered."""
        every = (one for one in queue_names(self.cluster) if not self.cluster.is_system_queue(one))
        yield from islice((one for one in every if one != name), MOST_OFFERED)

    async def _glimpse(self, name: str) -> QueueGlimpse:
        try:
            return await glimpse(self.cluster, name, FIRST)
        except NotFound:
            raise
        except AnswerError as error:
            return QueueGlimpse(why_not=error.message)


def counted(messages: Sequence[WaitingMessage]) -> tuple[tuple[str, int], ...]:
    """Return the types of messages, the most frequent first."""
    return tuple(Counter(one.task for one in messages if one.task).most_common())
