"""Rules about the schedule of celery beat. Pure."""

from typing import TYPE_CHECKING, Final

from flower_ng.health.facts.records import EntryFacts, Facts
from flower_ng.health.rules.rule import UNKNOWN, Answer, Found, Rule, answered

if TYPE_CHECKING:
    from flower_ng.health.problem import Evidence


def overdue(facts: Facts, threshold_s: float) -> Found:
    """Schedule entries whose task should have been sent by now."""
    if facts.entries is None or not facts.can_hear:
        return None
    return answered((entry.name, _overdue(entry, threshold_s)) for entry in facts.entries)


def _overdue(entry: EntryFacts, threshold_s: float) -> Answer:
    if entry.overdue_s <= threshold_s:
        # Until its task is seen for the first time, a problem from before the restart stays.
        return UNKNOWN if entry.last_at is None else None
    last: Evidence = {} if entry.last_at is None else {"last_at": entry.last_at}
    return {"type": entry.type, "overdue_s": entry.overdue_s, **last}


RULES: Final = (
    Rule(
        "schedule-overdue",
        "schedule",
        "error",
        "Scheduled task is overdue",
        "Check that celery beat runs, exactly once. Without task_send_sent_event, a task that"
        " waits in a queue is invisible and looks the same. Others may send the same task with the"
        " same arguments: if task_send_sent_event says who sent it, flower_ng recognises beat by"
        " its timing; otherwise every sender counts as beat.",
        overdue,
    ),
)
