"""Beat's schedule, what is due, what waits for its time; and running, enabling, disabling entries.

On the loop.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, ClassVar, Final
from uuid import uuid4

from flower_ng.errors import BadRequest, Conflict
from flower_ng.monitor.remote.schedule_actions import DISABLE, ENABLE, RUN
from flower_ng.schedule.entry import BeatEntry, Kind
from flower_ng.web.api.write import Plan, ReviewedWrite
from flower_ng.web.http.base import Endpoint, Need
from flower_ng.web.lookups.forecast import REACHES, forecast_of, reach_of
from flower_ng.web.lookups.schedule import (
    SeenEntry,
    entries_now,
    entry_named,
    seen_entries,
    shown_entry,
)
from flower_ng.web.lookups.send_task import TaskToSend, send_review
from flower_ng.web.lookups.waiting import WaitingTask, waiting_now
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.review import Review

USUAL: Final = 100
MOST: Final = 500
#: What of the options of an entry is shown before it is sent.
SHOWN: Final = ("queue", "exchange", "routing_key", "priority", "expires", "countdown")


class ShowSchedule(Endpoint):
    """The entries of beat's schedule; not one of Flower's."""

    path = r"/api/schedule"
    need = Need.READ
    summary = "Tell what beat is to send: each entry, when it ran last and is due next"

    async def get(self) -> None:
        """Take `limit` and `offset`; answer `{places, count, entries}`; times are UTC seconds."""
        limit, offset = _page(self)
        entries = await entries_now(self.cluster)
        shown = await seen_entries(self.cluster, entries[offset : offset + limit])
        places = [
            {
                "source": place.kind.value,
                "entries": len(place.entries),
                "is_complete": place.is_complete,
                "at": place.at,
                "problem": place.problem,
                "has_beat": place.has_beat,
            }
            for place in self.cluster.timetable.places.values()
        ]
        answer = {"places": places, "count": len(entries), "entries": list(map(_entry, shown))}
        self.write_json(answer)


class ShowForecast(Endpoint):
    """What is due in the time ahead; not one of Flower's."""

    path = r"/api/schedule/forecast"
    need = Need.READ
    summary = "Tell how many scheduled tasks are due in the next hour or day, and how long they run"

    async def get(self) -> None:
        """Take `span`, 24h or 1h; answer buckets with counts and usual run times."""
        wanted = self.get_argument("span", default=REACHES[0].key)
        if wanted not in {one.key for one in REACHES}:
            known = " or ".join(one.key for one in REACHES)
            raise BadRequest(f"span must be {known}, not '{wanted}'")
        await entries_now(self.cluster)
        found = await forecast_of(self.cluster, reach_of(wanted), self.services.clock())
        entries = [
            {
                "name": one.entry.name,
                "source": one.entry.kind.value,
                "due": sum(one.counts),
                "usual_s": found.usual_s.get(one.entry.task),
                "is_assumed": one.is_assumed,
                "why_not": one.why_not,
            }
            for one in found.aheads
        ]
        self.write_json(
            {
                "span": wanted,
                "start": found.span.start,
                "step_s": found.span.step_s,
                "counts": found.counts,
                "work_s": found.work_s,
                "total": found.total,
                "steady": found.steady,
                "steady_per_min": found.steady_per_min,
                "steady_slots": found.steady_slots,
                "unknown": found.unknown,
                "peaks": [asdict(one) | {"parts": dict(one.parts)} for one in found.peaks],
                "entries": entries,
            }
        )


class ShowWaiting(Endpoint):
    """Tasks that wait for their ETA, and retries; not one of Flower's."""

    path = r"/api/schedule/waiting"
    need = Need.READ
    summary = "Tell which tasks workers hold until their ETA, and which wait for a retry"

    async def get(self) -> None:
        """Take `limit` and `offset`; answer `{count, tasks, silent, oldest_s, …}`."""
        limit, offset = _page(self)
        found = await waiting_now(self.cluster, self.services.clock())
        now = self.services.clock()
        self.write_json(
            {
                "count": len(found.tasks),
                "is_complete": found.is_complete,
                "silent": dict(found.silent),
                "oldest_s": found.oldest_s,
                "delayed": found.delayed,
                "problem": found.problem,
                "tasks": [_waiting(one, now) for one in found.tasks[offset : offset + limit]],
            }
        )


class ScheduleRun(ReviewedWrite):
    """Send the task of an entry now; not one of Flower's."""

    action = RUN

    async def plan(self, name: str) -> Plan:
        """Take `source`; 404 for an entry that is not there."""
        entry = await _named(self, name)
        if not entry.task or (entry.problem and entry.schedule is not None):
            raise Conflict(f"'{name}' can't be run: {entry.problem or 'it names no task'}")
        if entry.is_made_when_sent:
            raise Conflict(
                f"'{name}' can't be run from here: its arguments are made by a function of the app"
                " when beat sends it"
            )
        publisher = self.cluster.publisher
        args, kwargs = list(entry.args), dict(entry.kwargs)
        if why := publisher.misfit(entry.task, args, kwargs):
            raise BadRequest(f"Not sent: {self.cluster.redactor.text(why)}")
        review = self._review(entry)

        async def run() -> dict[str, Any]:
            if review.refusals:
                raise Conflict(f"Not sent: {' '.join(review.refusals)}")
            uuid = str(uuid4())
            is_known = publisher.registered(entry.task)
            send = publisher.apply_async if is_known else publisher.send_task
            await send(entry.task, args, kwargs, {**entry.options, "task_id": uuid})
            return {"message": f"'{name}' was sent as {uuid}", "task-id": uuid}

        return Plan(lambda: review, run)

    def _review(self, entry: BeatEntry) -> Review:
        row = shown_entry(self.cluster, entry)
        told = {key: entry.options[key] for key in SHOWN if key in entry.options}
        hidden = TaskToSend(entry.task, [], {}, {k: told[k] for k in ("queue",) if k in told})
        sent = send_review(self.cluster, hidden, "")
        return dataclasses.replace(
            sent,
            action=self.action,
            target=entry.name,
            effect=self.action.effect,
            scripts={},
            facts={
                "task": entry.task,
                "arguments": fmt.text(row.args),
                "keyword arguments": fmt.text(row.kwargs),
                "options": fmt.json_text(self.cluster.redactor.value(told)),
            },
        )


class _Switch(ReviewedWrite):
    """Enable or disable an entry in its store."""

    wanted: ClassVar[bool]

    async def plan(self, name: str) -> Plan:
        """Take `source`; 409 where its place has no such switch, or it stands so already."""
        entry = await _named(self, name)
        if entry.kind is Kind.SETTINGS:
            raise Conflict(
                f"'{name}' is set in the app's beat_schedule, which knows no disabled entries:"
                " take it out there"
            )
        word = "enabled" if self.wanted else "disabled"
        if entry.is_enabled is self.wanted:
            raise Conflict(f"'{name}' is {word} already. Nothing was done")

        async def switch() -> dict[str, Any]:
            await self.cluster.timetable.set_enabled(entry, wanted=self.wanted)
            return {"message": f"'{name}' is {word}", "enabled": self.wanted}

        return Plan(lambda: self._review(entry), switch)

    def _review(self, entry: BeatEntry) -> Review:
        return Review(
            self.action,
            entry.name,
            self.action.effect,
            cautions=tuple(self._cautions(entry)),
            details=(f"It sends {entry.task}, {entry.words or 'at times that are not known'}.",),
            facts={
                "kept by": entry.kind.value,
                "enabled": "yes" if entry.is_enabled else "no",
                "schedule": " ".join(filter(None, (entry.words, entry.zone))),
            },
        )

    def _cautions(self, entry: BeatEntry) -> Iterator[str]:
        if entry.kind is not Kind.REDBEAT:
            return
        if not self.wanted and self.cluster.timetable.is_in_settings(entry):
            yield "It is in beat_schedule too: beat enables it again whenever it starts."
        if self.wanted and entry.last_run_at is not None and not entry.rests:
            yield "If it was due meanwhile, beat sends it once at once."


class ScheduleEnable(_Switch):
    """Enable an entry; not one of Flower's."""

    action = ENABLE
    wanted = True


class ScheduleDisable(_Switch):
    """Disable an entry; not one of Flower's."""

    action = DISABLE
    wanted = False


async def _named(handler: ReviewedWrite, name: str) -> BeatEntry:
    (source,) = handler.argument_values()
    await entries_now(handler.cluster)
    return entry_named(handler.cluster, name, str(source or ""))


def _page(handler: Endpoint) -> tuple[int, int]:
    limit = handler.get_argument("limit", default=USUAL, type=int)
    offset = handler.get_argument("offset", default=0, type=int)
    if not 1 <= limit <= MOST:
        raise BadRequest(f"limit must be from 1 to {MOST}, not {limit}")
    if offset < 0:
        raise BadRequest(f"offset must be from 0 on, not {offset}")
    return limit, offset


def _entry(one: SeenEntry) -> dict[str, Any]:
    entry, facts = one.entry, one.facts
    return {
        "name": entry.name,
        "source": entry.kind.value,
        "task": entry.task,
        "args": one.row.args,
        "kwargs": one.row.kwargs,
        "queue": one.queue or None,
        "schedule": entry.words,
        "zone": entry.zone or None,
        "enabled": entry.is_enabled,
        "state": one.state,
        "why": one.why,
        "last": one.last_at,
        "last_id": None if one.last is None else one.last.uuid,
        "last_run_at": entry.last_run_at,
        "runs": entry.runs,
        "due": one.due_at,
        "is_latest": bool(facts and facts.is_latest),
        "overdue_s": one.overdue_s,
        "history": [
            {"id": mark.uuid or None, "state": mark.state, "at": mark.at} for mark in one.marks
        ],
        "search": one.search,
    }


def _waiting(one: WaitingTask, now: float) -> dict[str, Any]:
    return {
        "id": one.uuid,
        "name": one.row.name,
        "args": one.row.args,
        "kwargs": one.row.kwargs,
        "worker": one.worker or None,
        "eta": one.eta,
        "left_s": None if one.eta is None else one.eta - now,
        "retries": one.retries,
        "is_listed": one.is_listed,
        "told_s": one.told_s,
        "is_gone": one.is_gone,
        "is_revoked": one.is_revoked,
    }
