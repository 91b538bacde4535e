"""Rules about what we ourselves see and keep: events, answers, the store. Pure."""

from collections.abc import Iterable
from typing import Final

from flower_ng.health.facts.records import LOSS_S, Counts, Facts
from flower_ng.health.rules.rule import Finding, Found, Rule

#: Of fewer tasks, none that was sent may be chance.
LEAST_RECEIVED: Final = 20
#: So much of what was received had been seen to be sent, where senders tell.
USUALLY_SENT: Final = 0.5


def away(facts: Facts, _: float) -> Found:
    """There is no connection for events."""
    ingest = facts.ingest
    if not ingest.was_tried:
        return None
    if facts.can_hear:
        return []
    return [Finding("", {"reason": ingest.why or "unknown", "away_s": ingest.away_s})]


def dropped(facts: Facts, least: float) -> Iterable[Finding]:
    """Events were lost because the inbox was full."""
    ingest = facts.ingest
    if ingest.dropped < least:
        return []
    return [Finding("", {"dropped": ingest.dropped, "within_s": ingest.over_s})]


def late(facts: Facts, threshold_s: float) -> Found:
    """Even the quickest worker's events come late."""
    lag_s = facts.ingest.lag_s
    if not facts.can_hear or lag_s is None:
        return None
    return [Finding("", {"late_s": lag_s})] if lag_s > threshold_s else []


def eventless(facts: Facts, _: float) -> Found:
    """Workers answer and send no event."""
    if not facts.can_hear:
        return None
    return [Finding(name, {"events": "none"}) for name in facts.eventless]


def unsent(facts: Facts, least: float) -> Found:
    """Types whose sending used to be seen, and is not any more."""
    if facts.types is None or not facts.can_hear:
        return None
    return [
        Finding(one.name, {"received": one.recent.received, "within_s": one.recent.over_s})
        for one in facts.types
        if one.recent.received >= max(LEAST_RECEIVED, least)
        and not one.recent.sent
        and _was_sent(one.usual)
    ]


def _was_sent(usual: Counts) -> bool:
    return usual.received >= LEAST_RECEIVED and usual.sent >= USUALLY_SENT * usual.received


def slow_answers(facts: Facts, threshold_s: float) -> Found:
    """Questions to the workers take long."""
    inspect_s = facts.ingest.inspect_s
    if inspect_s is None:
        return None
    return [Finding("", {"inspection_s": inspect_s})] if inspect_s > threshold_s else []


def unwritten(facts: Facts, _: float) -> Iterable[Finding]:
    """The history can't be written."""
    failing = facts.keeping.failing
    return [Finding("", {"reason": failing})] if failing else []


def lost(facts: Facts, least: float) -> Iterable[Finding]:
    """Changes of tasks were given up."""
    keeping = facts.keeping
    if keeping.lost < least:
        return []
    return [Finding("", {"changes lost": keeping.lost, "within_s": keeping.over_s})]


RULES: Final = (
    Rule(
        "events-away",
        "broker",
        "error",
        "No connection to the broker",
        "Nothing new is seen until it returns, which is tried again and again. Look whether the"
        " broker runs, and whether its address and password are right.",
        away,
        lasting=True,
    ),
    Rule(
        "events-dropped",
        "cluster",
        "warning",
        "Events were dropped",
        "Counts are at least what is shown, and tasks may seem to run that have ended. Give"
        " flower_ng more of a processor, or raise inbox_max_messages.",
        dropped,
        needs_s=lambda _: LOSS_S,
    ),
    Rule(
        "events-late",
        "cluster",
        "warning",
        "Events come late",
        "What is shown is as old as that. Look at the load of the broker and of flower_ng"
        " (flower_ng_loop_lag_seconds); a clock that is off looks the same.",
        late,
    ),
    Rule(
        "worker-eventless",
        "worker",
        "warning",
        "Worker sends no events",
        "Start it with -E or set worker_send_task_events = True, and look that it was not started"
        " with --without-heartbeat, and that flower_ng runs with enable_events.",
        eventless,
        lasting=True,
        needs_s=lambda threshold_s: threshold_s,
    ),
    Rule(
        "events-unsent",
        "type",
        "warning",
        "Sending is not seen any more",
        "Whoever sends this type used to tell: set task_send_sent_event = True there again."
        " Without it tasks that wait in a queue can't be seen.",
        unsent,
    ),
    Rule(
        "inspect-slow",
        "cluster",
        "warning",
        "Workers answer slowly",
        "Look at the load of the broker and the workers; inspect_timeout is how long flower_ng"
        " waits for them.",
        slow_answers,
    ),
    Rule(
        "store-failing",
        "cluster",
        "error",
        "The history cannot be written",
        "What happens is held in memory as long as it fits. Look at the disk, or at the database.",
        unwritten,
        lasting=True,
    ),
    Rule(
        "store-lost",
        "cluster",
        "error",
        "Changes are missing in the history",
        "They could not be written for too long. The history's page has the gap.",
        lost,
        needs_s=lambda _: LOSS_S,
    ),
)
