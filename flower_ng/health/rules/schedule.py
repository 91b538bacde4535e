"""Rules about the schedule that beat keeps. Pure."""

from typing import TYPE_CHECKING, Final

from flower_ng.health.facts.records import EntryFacts, Facts
from flower_ng.health.rules.rule import UNKNOWN, Answer, Found, Rule, answered

if TYPE_CHECKING:
    from flower_ng.health.problem import Evidence


def overdue(facts: Facts, threshold_s: float) -> Found:
    """Entries whose task should have been seen by now."""
    if facts.entries is None or not facts.can_hear:
        return None
    return answered((entry.name, _overdue(entry, threshold_s)) for entry in facts.entries)


def _overdue(entry: EntryFacts, threshold_s: float) -> Answer:
    if entry.overdue_s <= threshold_s:
        # Until it is seen for the first time, what was told before a restart stays.
        return UNKNOWN if entry.last_at is None else None
    last: Evidence = {} if entry.last_at is None else {"last_at": entry.last_at}
    return {"type": entry.type, "overdue_s": entry.overdue_s, **last}


RULES: Final = (
    Rule(
        "schedule-overdue",
        "schedule",
        "error",
        "Scheduled task not seen",
        "Look whether celery beat runs, exactly once. Without task_send_sent_event a task that"
        " waits in a queue can't be seen, and looks the same. Others that send the same task with"
        " the same arguments are told from beat by their rhythm, where task_send_sent_event tells"
        " who sent it; who can't be told apart is taken for beat.",
        overdue,
    ),
)
