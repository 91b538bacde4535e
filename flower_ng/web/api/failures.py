"""Failures that are alike, and what is to be done about them. On the loop."""

from typing import Any, ClassVar, Final

import msgspec

from flower_ng.errors import BadRequest, Conflict
from flower_ng.monitor.remote import failure_actions as declared
from flower_ng.store import HandledFailure
from flower_ng.web.api.write import Plan, ReviewedWrite
from flower_ng.web.http.base import Endpoint, Need
from flower_ng.web.lookups.failures import (
    CHOICES,
    Lookout,
    SeenFailure,
    Standing,
    handled_of,
    kind_named,
    listed,
    lookout,
    seen,
    standing,
)
from flower_ng.web.ui.chart_span import SPANS, Span, span_asked
from flower_ng.web.ui.review import Review

#: Characters of a reason or a name, and of a note.
REASON_LENGTH: Final = 300
NOTE_LENGTH: Final = 2_000
USUAL: Final = 100
MOST: Final = 500


class ShowFailures(Endpoint):
    """The kinds of failures of a span, the newest first; not one of Flower's."""

    path = r"/api/failures"
    need = Need.READ
    summary = "Tell which failures are alike, how often and since when there are such"

    async def get(self) -> None:
        """Take `span`, `state` and `limit`; answer `{span, looked, …, failures}`."""
        choice = self.get_argument("state", default="open")
        if choice not in CHOICES:
            raise BadRequest(f"state must be one of {', '.join(CHOICES)}, not '{choice}'")
        limit = self.get_argument("limit", default=USUAL, type=int)
        if not 1 <= limit <= MOST:
            raise BadRequest(f"limit must be from 1 to {MOST}, not {limit}")
        look = await lookout(self.cluster, _span(self), self.services.clock())
        found = listed(self.cluster, look, choice)
        shown = await seen(self.cluster, look, found[:limit])
        self.write_json(
            {**_told(look), "count": len(found), "failures": [_failure(one) for one in shown]}
        )


class ShowFailure(Endpoint):
    """One kind of failures; not one of Flower's."""

    path = r"/api/failures/(.+)"
    need = Need.READ
    summary = "Show one kind of failures: its numbers, workers, newest tasks and traceback"

    async def get(self, digest: str) -> None:
        """Take `span`; 404 where no failure that is known is of this kind."""
        look = await lookout(self.cluster, _span(self), self.services.clock())
        (one,) = await seen(self.cluster, look, [kind_named(look, digest)])
        sample = self.cluster.format_for_api(one.sample) if one.sample is not None else None
        self.write_json(
            {
                **_told(look),
                **_failure(one),
                "bars": {"start": look.bars.start, "step_s": look.bars.step_s},
                "traceback": None if sample is None else sample.traceback,
            }
        )


class OnFailure(ReviewedWrite):
    """Something that is done about a kind of failures; nothing happens to any task."""

    #: What was done, in a few words.
    done: ClassVar[str]

    async def plan(self, digest: str) -> Plan:
        """Look for the kind; 404 where no failure that is known is of it."""
        now = self.services.clock()
        look = await lookout(self.cluster, SPANS[0], now)
        kind, kept = kind_named(look, digest), handled_of(self.cluster, digest)
        named = msgspec.structs.replace(kept, at=now, name=kind.name, exception=kind.exception)
        handled = self.handled(named, kind.last, now)

        async def carry_out() -> dict[str, Any]:
            handling = self.cluster.store.failure_handling
            handling.put(handled)
            await handling.settled()
            subject = " in ".join(filter(None, (kind.exception or "Failures", kind.name)))
            where = standing(handled, kind.last, now)
            return {"message": f"{subject}: {self.done}", "standing": where.value}

        return Plan(lambda: Review(self.action, digest, self.action.effect), carry_out)

    def handled(self, kept: HandledFailure, last: float, now: float) -> HandledFailure:
        """Return what is kept of the kind from now on; `last` is when it failed last."""
        raise NotImplementedError

    def required_reason(self) -> str:
        """Return why somebody wants it; BadRequest where that is not told."""
        reason = self.reason().strip()[:REASON_LENGTH]
        if not reason:
            raise BadRequest(
                f"reason is missing: say why you want to {self.action.label.lower()} these"
                " failures. Nothing was done"
            )
        return reason


class FailureResolve(OnFailure):
    """Say that a kind of failures is resolved; not one of Flower's."""

    action = declared.RESOLVE
    done = "resolved until it fails again"

    def handled(self, kept: HandledFailure, last: float, now: float) -> HandledFailure:
        """Take `reason`."""
        return msgspec.structs.replace(
            kept,
            resolved_at=now,
            resolved_last=last,
            resolved_by=self.identity.name,
            reason=self.required_reason(),
        )


class FailureReopen(OnFailure):
    """Open a kind of failures again; not one of Flower's."""

    action = declared.REOPEN
    done = "open again"

    def handled(self, kept: HandledFailure, last: float, now: float) -> HandledFailure:  # noqa: ARG002
        """Take nothing; 409 where it is not resolved."""
        if kept.resolved_at is None:
            raise Conflict("It is not resolved. Nothing was done")
        return msgspec.structs.replace(
            kept, resolved_at=None, resolved_last=0.0, resolved_by="", reason=""
        )


class FailureNote(OnFailure):
    """Say who looks into a kind of failures, and what is known; not one of Flower's."""

    action = declared.NOTE
    done = "noted"

    def handled(self, kept: HandledFailure, last: float, now: float) -> HandledFailure:  # noqa: ARG002
        """Take `assignee` and `note`, which stand for what was there before."""
        assignee, note = (self.told(name).strip() for name in ("assignee", "note"))
        return msgspec.structs.replace(
            kept,
            assignee=_bounded("assignee", assignee, REASON_LENGTH),
            note=_bounded("note", note, NOTE_LENGTH),
            noted_by=self.identity.name if assignee or note else "",
        )


class FailureMute(OnFailure):
    """Leave a kind of failures out of the list for a while; not one of Flower's."""

    action = declared.MUTE
    done = "muted"

    def handled(self, kept: HandledFailure, last: float, now: float) -> HandledFailure:  # noqa: ARG002
        """Take `for` in seconds, and `reason`."""
        (for_s,) = self.argument_values()
        if not 0 < for_s <= declared.LONGEST_S:
            raise BadRequest(
                f"for must be a number of seconds from 1 to {declared.LONGEST_S:,}, not"
                f" {for_s:.15g}"
            )
        return msgspec.structs.replace(
            kept,
            muted_until=now + for_s,
            muted_why=self.required_reason(),
            muted_by=self.identity.name,
        )


class FailureUnmute(OnFailure):
    """List a muted kind of failures again; not one of Flower's."""

    action = declared.UNMUTE
    done = "not muted any more"

    def handled(self, kept: HandledFailure, last: float, now: float) -> HandledFailure:  # noqa: ARG002
        """Take nothing; 409 where it is not muted."""
        if kept.muted_until <= now:
            raise Conflict("It is not muted. Nothing was done")
        return msgspec.structs.replace(kept, muted_until=0.0, muted_why="", muted_by="")


def _bounded(name: str, text: str, most: int) -> str:
    if len(text) > most:
        raise BadRequest(f"{name} must have at most {most:,} characters, not {len(text):,}")
    return text


def _span(handler: Endpoint) -> Span:
    return span_asked(handler.get_argument("span", default=""))


def _told(look: Lookout) -> dict[str, Any]:
    deploy = look.deploy
    return {
        "span": look.span.key,
        "looked": look.found.looked,
        "since": look.found.since,
        "is_least": look.is_least,
        "deploy": None if deploy is None else deploy.record(),
    }


def _failure(one: SeenFailure) -> dict[str, Any]:
    kind = one.kind
    done = {name: value for name, value in msgspec.to_builtins(one.handled).items() if value}
    for name in ("digest", "at", "name", "exception", "resolved_last"):
        done.pop(name, None)
    return {
        "digest": kind.digest,
        "name": kind.name,
        "exception": kind.exception,
        "words": one.words,
        "state": one.standing.value,
        "count": one.count,
        "count_known": kind.count,
        "first": kind.first,
        "last": kind.last,
        "is_new": one.is_new,
        "trend": kind.trend,
        "workers": kind.workers,
        "newest": kind.newest,
        "search": one.search,
        "handled": done,
        "is_resolved": one.standing is Standing.RESOLVED,
    }
