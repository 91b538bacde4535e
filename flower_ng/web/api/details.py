"""All that a task's page shows, as JSON. On the loop."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from flower_ng.errors import NotFound
from flower_ng.life.runs import TaskEvent
from flower_ng.reports import LogLine
from flower_ng.store import Attempt
from flower_ng.web.api.export import record
from flower_ng.web.http.base import Endpoint, Need
from flower_ng.web.lookups.attempt_errors import shown_errors
from flower_ng.web.lookups.verified_task import Verified, verified
from flower_ng.web.ui.phases import Phase, phases
from flower_ng.web.ui.progress import Progress, log_of, progress_of

#: What of a task is beside its record.
ALSO: Final = ("original_name", "exception_class", "rerun_of", "reruns", "events_left_out")


class TaskDetails(Endpoint):
    """One task with its attempts, events and phases; not one of Flower's."""

    path = r"/api/task/details/(.+)"
    need = Need.READ
    methods = ("GET",)
    summary = "Show all that is known of one task"

    async def get(self, task_id: str) -> None:
        """Answer the record and more; the result backend is asked about a task that goes on."""
        found = await verified(self.cluster, task_id)
        if found is None:
            raise NotFound(f"Unknown task '{task_id}'")
        parts = phases(
            found.row,
            None,
            self.services.clock(),
            self.cluster.timezone,
            is_in_doubt=bool(found.doubt),
        )
        errors = shown_errors(found.row, self.cluster.format_for_api)
        found = replace(found, row=self.cluster.format_for_api(found.row))
        now = self.services.clock()
        told = progress_of(found.row, now, is_in_doubt=bool(found.doubt), backend=found.report)
        self.write_json(
            details(found, errors)
            | {
                "phases": [_phase(part) for part in parts],
                "progress": None if told is None else _progress(told),
            }
        )


def details(found: Verified, errors: Mapping[str, str | None]) -> dict[str, Any]:
    """Return what is known of a task but for its phases and its progress.

    `errors` are those of its attempts, as they are to be shown.
    """
    row = found.row
    log = log_of(row)
    return {
        **record(row),
        **{name: getattr(row, name) for name in ALSO},
        "attempts": [_attempt(one, errors) for one in row.attempts],
        "events": [_event(event, errors) for event in row.events],
        "log": [_line(line) for line in log.lines],
        "log_cut": log.is_cut,
        "cut": {
            name: {"by": cut.by, "length": cut.length, "is_sure": cut.is_sure}
            for name, cut in row.cuts.items()
        },
        "doubt": found.caution,
        "backend": _backend(found),
    }


def _attempt(one: Attempt, errors: Mapping[str, str | None]) -> dict[str, Any]:
    return {
        "number": one.number,
        "delivery": one.delivery,
        "name": one.name,
        "worker": one.worker,
        "received": one.received,
        "started": one.started,
        "ended": one.ended,
        "state": one.outcome,
        "exception": errors.get(one.exception or ""),
        "inferred": one.is_inferred,
    }


def _event(event: TaskEvent, errors: Mapping[str, str | None]) -> dict[str, Any]:
    told: dict[str, Any] = {"type": event.type, "at": event.at, "hostname": event.hostname}
    if error := errors.get(event.exception):
        told["exception"] = error
    if event.own:
        told["fields"] = msgspec.json.decode(event.own)
    return told


def _progress(told: Progress) -> dict[str, Any]:
    return {
        "current": told.current,
        "total": told.total,
        "message": told.message,
        "at": told.at,
        "source": told.source,
        "is_past": told.is_past,
        "per_s": told.per_s,
        "over_s": told.over_s,
        "left_s": told.left_s,
        "note": told.note,
    }


def _line(line: LogLine) -> dict[str, Any]:
    shown = {"at": line.at, "level": line.level, "message": line.message}
    return shown | {"left_out": line.left_out} if line.left_out else shown


def _phase(part: Phase) -> dict[str, Any]:
    return {
        "kind": part.kind,
        "label": part.label,
        "seconds": part.seconds,
        "note": part.note,
        "until": part.until,
    }


def _backend(found: Verified) -> dict[str, Any] | None:
    """Return what the result backend said of a task that goes on; None where it was not asked.

    What came with a state of the app's own is left to `GET /api/task/result`.
    """
    if found.answer is None:
        return {"state": None, "at": None, "why": found.refusal} if found.refusal else None
    return {"state": found.answer.state, "at": found.answer.at, "why": found.answer.why}
