"""Rules about flower_ng's own input and storage: events, inspections, the history. Pure."""

from collections.abc import Iterable
from typing import Final

from flower_ng.health.facts.records import LOSS_S, Counts, Facts
from flower_ng.health.rules.rule import Finding, Found, Rule

#: With fewer received tasks, the lack of task-sent events may be chance.
MIN_RECEIVED: Final = 20
#: A type whose tasks had task-sent events at least this often is expected to have them.
SENT_EVENT_SHARE: Final = 0.5


def away(facts: Facts, _: float) -> Found:
    """The event connection to the broker is down."""
    ingest = facts.ingest
    if not ingest.was_tried:
        return None
    if facts.can_hear:
        return []
    return [Finding("", {"reason": ingest.why or "unknown", "away_s": ingest.away_s})]


def dropped(facts: Facts, minimum: float) -> Iterable[Finding]:
    """Events were lost because the inbox was full."""
    ingest = facts.ingest
    if ingest.dropped < minimum:
        return []
    return [Finding("", {"dropped": ingest.dropped, "within_s": ingest.over_s})]


def missing(facts: Facts, minimum: float) -> Found:
    """Heartbeats count more tasks than events of them came."""
    if not facts.can_hear:
        return None
    return [
        Finding(name, {"tasks without events": count, "within_s": LOSS_S})
        for name, count in facts.missing.items()
        if count >= minimum
    ]


def refused(facts: Facts, minimum: float) -> Iterable[Finding]:
    """Event messages could not be decoded, or do not contain an event."""
    ingest = facts.ingest
    if ingest.malformed < minimum:
        return []
    evidence = {"refused": ingest.malformed, "within_s": ingest.over_s}
    if ingest.disallowed:
        return [Finding("", {**evidence, "content_type": ingest.disallowed})]
    return [Finding("", evidence)]


def late(facts: Facts, threshold_s: float) -> Found:
    """The events of all workers arrive late, even those of the fastest."""
    lag_s = facts.ingest.lag_s
    if not facts.can_hear or lag_s is None:
        return None
    return [Finding("", {"late_s": lag_s})] if lag_s > threshold_s else []


def eventless(facts: Facts, _: float) -> Found:
    """Workers respond to inspections but send no events."""
    if not facts.can_hear:
        return None
    return [Finding(name, {"events": "none"}) for name in facts.eventless]


def unsent(facts: Facts, minimum: float) -> Found:
    """Task types that used to have task-sent events and no longer have them."""
    if facts.types is None or not facts.can_hear:
        return None
    return [
        Finding(one.name, {"received": one.recent.received, "within_s": one.recent.over_s})
        for one in facts.types
        if one.recent.received >= max(MIN_RECEIVED, minimum)
        and not one.recent.sent
        and _was_sent(one.usual)
    ]


def _was_sent(usual: Counts) -> bool:
    return usual.received >= MIN_RECEIVED and usual.sent >= SENT_EVENT_SHARE * usual.received


def slow_answers(facts: Facts, threshold_s: float) -> Found:
    """Workers take long to answer inspections."""
    inspect_s = facts.ingest.inspect_s
    if inspect_s is None:
        return None
    return [Finding("", {"inspection_s": inspect_s})] if inspect_s > threshold_s else []


def unwritten(facts: Facts, _: float) -> Iterable[Finding]:
    """The history can't be written."""
    failing = facts.keeping.failing
    return [Finding("", {"reason": failing})] if failing else []


def lost(facts: Facts, minimum: float) -> Iterable[Finding]:
    """Changes of tasks were discarded because the history could not be written."""
    keeping = facts.keeping
    if keeping.lost < minimum:
        return []
    return [Finding("", {"changes lost": keeping.lost, "within_s": keeping.over_s})]


RULES: Final = (
    Rule(
        "events-away",
        "broker",
        "error",
        "No connection to the broker",
        "No new events arrive until it is back; flower_ng reconnects automatically. Check that"
        " the broker runs and that its URL and password are right.",
        away,
        lasting=True,
    ),
    Rule(
        "events-dropped",
        "cluster",
        "warning",
        "Events were dropped",
        "Counts are lower bounds, and tasks that have ended may still be shown as running. Give"
        " flower_ng more CPU, or raise inbox_max_messages.",
        dropped,
        needs_s=lambda _: LOSS_S,
    ),
    Rule(
        "events-missing",
        "worker",
        "warning",
        "Events are missing",
        "The heartbeats of this worker count more tasks than task-started events came, so that"
        " tasks may be missing or shown in an old state. The events were lost before they reached"
        " flower_ng: check the broker and the network for lost messages and bindings. Tasks with"
        " send_events = False look the same; set problem_events_missing = 0 if there are such.",
        missing,
        needs_s=lambda _: LOSS_S,
    ),
    Rule(
        "events-late",
        "cluster",
        "warning",
        "Events arrive late",
        "Everything shown is late by this much. Check the load of the broker and of flower_ng"
        " (flower_ng_loop_lag_seconds); a wrong clock looks the same.",
        late,
    ),
    Rule(
        "worker-eventless",
        "worker",
        "warning",
        "Worker sends no events",
        "Start it with -E or set worker_send_task_events = True. Check that it was not started"
        " with --without-heartbeat and that flower_ng runs with enable_events.",
        eventless,
        lasting=True,
        needs_s=lambda threshold_s: threshold_s,
    ),
    Rule(
        "events-unsent",
        "type",
        "warning",
        "No more task-sent events",
        "Whatever sends tasks of this type used to send task-sent events and no longer does: set"
        " task_send_sent_event = True there again. Without these events, tasks that wait in a"
        " queue are invisible.",
        unsent,
    ),
    Rule(
        "inspect-slow",
        "cluster",
        "warning",
        "Workers answer slowly",
        "Check the load of the broker and of the workers. inspect_timeout sets how long flower_ng"
        " waits for their answers.",
        slow_answers,
    ),
    Rule(
        "store-failing",
        "cluster",
        "error",
        "The history cannot be written",
        "New data is kept in memory as long as it fits. Check the disk or the database.",
        unwritten,
        lasting=True,
    ),
    Rule(
        "store-lost",
        "cluster",
        "error",
        "Changes are missing from the history",
        "Writing failed for so long that these changes were discarded. The History page shows the"
        " gap.",
        lost,
        needs_s=lambda _: LOSS_S,
    ),
    Rule(
        "events-refused",
        "cluster",
        "error",
        "Events can't be read",
        "Whatever these events say is missing in flower_ng. Set event_serializer = 'json' in the"
        " workers and in everything that sends tasks. If they must send pickle, which can execute"
        " code, start flower_ng with an app whose accept_content and event_serializer allow it.",
        refused,
    ),
)
