"""Why a task does not run, as JSON. On the loop."""

from datetime import tzinfo
from typing import Any

from flower_ng.errors import NotFound
from flower_ng.web.http.base import Endpoint, Need
from flower_ng.web.lookups.verified_task import verified
from flower_ng.web.lookups.why import API_S, why_not_running
from flower_ng.web.ui.why_facts import Why, WhyStep
from flower_ng.web.ui.why_words import plain


class TaskWhy(Endpoint):
    """The most likely reason first, then every step with its evidence; not one of Flower's."""

    path = r"/api/task/why/(.+)"
    need = Need.READ
    methods = ("GET",)
    summary = "Tell why a task does not run"

    async def get(self, task_id: str) -> None:
        """Ask the broker and the worker, no longer than two seconds."""
        found = await verified(self.cluster, task_id)
        if found is None:
            raise NotFound(f"Unknown task '{task_id}'")
        shown = self.cluster.format_for_api(found.row)
        told = await why_not_running(self.cluster, found, shown, self.services.clock(), API_S)
        self.write_json(
            {"task-id": task_id, "state": found.row.state, **_told(told, self.cluster.timezone)}
        )


def _told(why: Why, timezone: tzinfo) -> dict[str, Any]:
    verdict = why.verdict
    return {
        "cause": why.cause,
        "sentence": plain(verdict.sentence, timezone),
        "certainty": verdict.certainty,
        "advice": verdict.advice,
        "about": {"kind": verdict.about, "subject": verdict.subject} if verdict.about else None,
        "steps": [_step(step, timezone) for step in why.steps],
    }


def _step(step: WhyStep, timezone: tzinfo) -> dict[str, Any]:
    return {
        "key": step.key,
        "kind": step.kind,
        "words": plain(step.words, timezone),
        "age_s": step.age_s,
        "evidence": dict(step.evidence),
    }
