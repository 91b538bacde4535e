"""Rules about the schedule that beat keeps. Pure."""

from collections.abc import Iterable
from typing import Final

from flower_ng.health.facts import Facts
from flower_ng.health.rule import Evidence, Finding, Rule


def overdue(facts: Facts, threshold_s: float) -> Iterable[Finding] | None:
    """Entries whose task should have been seen by now."""
    if facts.entries is None or not facts.can_hear:
        return None
    found = []
    for entry in facts.entries:
        if entry.overdue_s > threshold_s:
            last: Evidence = {} if entry.last_at is None else {"last_at": entry.last_at}
            found.append(
                Finding(entry.name, {"type": entry.type, "overdue_s": entry.overdue_s, **last})
            )
    return found


RULES: Final = (
    Rule(
        "schedule-overdue",
        "schedule",
        "error",
        "Scheduled task not seen",
        "Look whether celery beat runs, exactly once. Without task_send_sent_event a task that"
        " waits in a queue can't be seen, and looks the same.",
        overdue,
    ),
)
