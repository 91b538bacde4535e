"""Gathers what may keep a task from running, and has it judged. On the loop.

The broker and the worker are asked in the background; a request waits for that no longer than its
patience, and tells the age of what was known before.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from flower_ng.brokers import BrokerFacts, QueuePlace
from flower_ng.cluster import Cluster
from flower_ng.errors import AnswerError
from flower_ng.monitor.holds.revoking import has_ended
from flower_ng.monitor.remote.publish_options import DEFAULT_CONTENT, content_types
from flower_ng.monitor.remote.worker_answer import NO_ANSWER, WorkerAnswer, mapping, task_parts
from flower_ng.monitor.state.eta import delayed_key, eta_s
from flower_ng.monitor.state.presence import OFFLINE
from flower_ng.monitor.state.tallies import running
from flower_ng.store import TaskRow
from flower_ng.web.lookups.task_review import revoked_words
from flower_ng.web.lookups.verified_task import Verified
from flower_ng.web.ui.why import why
from flower_ng.web.ui.why_facts import RunsThere, Why, WhyFacts, WorkerSeen

#: How long a page and the API wait for answers; what comes later is told the next time.
PAGE_S: Final = 0.5
API_S: Final = 2.0
#: A worker that told what it holds so lately is not asked again.
ASKED_S: Final = 5.0
#: So many running tasks of all workers are looked at to name the longest, the oldest first.
MOST_RUNNING: Final = 10_000
#: Of a task that nobody revoked here, and no worker has dropped yet.
MARKED: Final = "The result backend says REVOKED: it is dropped when a worker takes it."
SEARCHING: Final = QueuePlace(why_not="it is being looked for")
NO_PLACE: Final = QueuePlace(why_not="its queue is not known")


async def why_not_running(
    cluster: Cluster, found: Verified, shown: TaskRow, now: float, patience_s: float
) -> Why:
    """Return why a task does not run, or that it runs or has ended; `shown` is what may be told."""
    row = found.row
    if row.is_running or has_ended(row):
        doubt = f"{found.doubt} {found.words}".strip()
        return why(WhyFacts(shown, now, doubt=doubt))
    place = await _asked(cluster, row, now, patience_s)
    return why(replace(_facts(cluster, row, place, now), row=shown))


async def _asked(cluster: Cluster, row: TaskRow, now: float, patience_s: float) -> QueuePlace:
    """Ask the broker for the task's place, or its worker for what it holds."""
    poll = asyncio.ensure_future(cluster.poll.news(patience_s))
    waits: list[asyncio.Future[Any]] = [poll]
    place: asyncio.Future[QueuePlace] | None = None
    if row.state == "RECEIVED":
        ages = cluster.inspector.ages(row.worker or "")
        good_s = min(ASKED_S, now - (row.received or now))
        is_old = any(ages.get(one, ASKED_S) >= good_s for one in ("active", "reserved"))
        holder = cluster.state.workers.get(row.worker or "")
        if row.worker and is_old and cluster.presence.status(holder) not in OFFLINE:
            methods = ("active", "reserved", "stats")
            waits.append(cluster.inspector.inspect(row.worker, methods))
    elif row.queue:
        place = asyncio.ensure_future(_place(cluster, row.queue, row.uuid))
        waits.append(place)
    await asyncio.wait(waits, timeout=patience_s)
    if place is None:
        return NO_PLACE
    return place.result() if place.done() else SEARCHING


async def _place(cluster: Cluster, queue: str, uuid: str) -> QueuePlace:
    try:
        return await cluster.broker.place(queue, uuid)
    except AnswerError as error:
        return QueuePlace(why_not=error.message)


def _facts(cluster: Cluster, row: TaskRow, place: QueuePlace, now: float) -> WhyFacts:
    facts, told_at = cluster.poll.facts, cluster.poll.told_at
    queue = row.queue or ""
    online = [worker.hostname for worker in cluster.presence.online()]
    told = cluster.inspector.told
    look = _Looking(cluster, row, place, now)
    team = [name for name in online if queue in (told.get(name, NO_ANSWER).queues or ())]
    revoked, pause = cluster.holds.revoked.get(row.uuid), cluster.holds.pauses.get(queue)
    return WhyFacts(
        row=row,
        now=now,
        is_current=cluster.presence.is_current,
        eta=eta_s(row.eta, cluster.timezone),
        expires=eta_s(row.expires, cluster.timezone),
        is_delayed_by_broker=delayed_key(row.routing_key) is not None,
        revoked=revoked_words(cluster, row, now) or (MARKED if row.state == "REVOKED" else ""),
        revoked_told=tuple(sorted(revoked.told)) if revoked else (),
        blocked=facts.blocks_publishers if facts else "",
        broker_trouble=_trouble(facts),
        broker_age_s=None if facts is None else max(0.0, now - facts.at),
        queue=cluster.poll.last.get(queue),
        queue_age_s=None if told_at is None else max(0.0, now - told_at),
        place=place,
        pause=pause if pause is not None and pause.is_on else None,
        team=tuple(map(look.at, team)),
        silent_team=sum(told.get(name, NO_ANSWER).queues is None for name in online),
        online=len(online),
        drained=tuple(
            one for one in cluster.holds.present_drains if one.is_on and queue in one.taken
        ),
        worker=look.at(row.worker, has_details=True) if row.worker else None,
        given_back_after_s=_given_back_after_s(facts),
    )


def _trouble(facts: BrokerFacts | None) -> str:
    if facts is None:
        return "it was not heard of yet"
    return facts.trouble if facts.away_since is not None else ""


def _given_back_after_s(facts: BrokerFacts | None) -> float | None:
    if facts is None:
        return None
    if facts.redis is not None:
        return facts.redis.visibility_timeout_s
    return 0.0 if facts.transport in {"amqp", "amqps"} else None


@dataclass(frozen=True, slots=True)
class _Looking:
    """Looks at workers for one task."""

    cluster: Cluster
    row: TaskRow
    place: QueuePlace
    now: float

    def at(self, name: str, *, has_details: bool = False) -> WorkerSeen:
        """Return what is known of a worker; with details also what it holds and runs longest."""
        cluster, row = self.cluster, self.row
        told = cluster.inspector.told.get(name, NO_ANSWER)
        ages, record = cluster.inspector.ages(name), cluster.inspector.workers.get(name, {})
        known = cluster.state.workers.get(name)
        drain = cluster.holds.drains.get(name)
        multiplier = mapping(record.get("conf")).get("worker_prefetch_multiplier")
        return WorkerSeen(
            name=name,
            status=cluster.presence.status(known),
            silent_s=0.0 if known is None else cluster.presence.silent_s(known),
            slots=told.slots,
            running=running(cluster.state.tallies.workers.get(name, {})),
            longest=self._longest(name) if has_details else None,
            told_age_s=ages.get("stats"),
            has_type=None if told.registered is None else row.name in told.registered,
            accepts=self._accepts(told),
            limit=_limit(record.get("registered"), row.name) if has_details else "",
            multiplier=multiplier if isinstance(multiplier, int) else None,
            holds=self._holds(told, ages) if has_details else "",
            held_age_s=ages.get("reserved"),
            drain=drain if drain is not None and drain.is_on else None,
        )

    def _accepts(self, told: WorkerAnswer) -> bool | None:
        if not told.has_conf or not self.place.content_type:
            return None
        return self.place.content_type in content_types(told.accepts or DEFAULT_CONTENT)

    def _holds(
        self, told: WorkerAnswer, ages: Mapping[str, float]
    ) -> Literal["active", "reserved", "nowhere", ""]:
        """Return where a worker said to have the task, if it was asked after it received it."""
        has_told = told.active is not None and told.reserved is not None
        if not has_told or not ages.keys() >= {"active", "reserved"}:
            return ""
        answered_at = self.now - max(ages["active"], ages["reserved"])
        if any(one.uuid == self.row.uuid for one in told.active or ()):
            return "active"
        if self.row.uuid in (told.reserved or ()):
            return "reserved"
        has_eta = self.row.eta is not None  # those wait in its timer
        is_later = answered_at > (self.row.received or self.now) + ASKED_S
        return "nowhere" if is_later and not has_eta else ""

    def _longest(self, name: str) -> RunsThere | None:
        """Return the task that a worker has run longest, by its events."""
        cluster = self.cluster
        going = [
            task
            for task in cluster.task_observer.running(cluster.state, MOST_RUNNING)
            if task.worker is not None and task.worker.hostname == name and task.started
        ]
        if not going:
            return None
        task = min(going, key=lambda one: one.started or self.now)
        return RunsThere(task.uuid, task.name, max(0.0, self.now - (task.started or self.now)))


def _limit(registered: object, name: str | None) -> str:
    """Return the rate limit that a worker told of a type, as Celery writes it; empty for none."""
    entries: Iterable[Any] = registered if isinstance(registered, list) else ()
    for entry in entries:
        known, about = task_parts(entry)
        if known == name:
            parts = dict(one.split("=", 1) for one in about.split() if "=" in one)
            limit = parts.get("rate_limit", "")
            return "" if limit in {"None", "0"} else limit
    return ""
