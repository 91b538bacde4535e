"""The banners of every page: a sentence for each thing an operator must know. On the loop."""

from flower_ng.events import Events
from flower_ng.store import Store

LOST = "{:,} task changes are missing from the history: they could not be written in time"
#: What a failing store means, and what to do.
FAILING = "{}. Pages show the last known data; flower_ng retries automatically. {}"
CHECK_DISK = "Check free disk space and the disk. To store it elsewhere, set --db or --history"
CHECK_SERVER = "Check PostgreSQL and the network to it. To store it elsewhere, set --history"
#: What a store means that is seconds late, and from when on that is said.
BEHIND = (
    "The history is {:.0f} s behind: events arrive faster than they can be written, so lists lack"
    " the newest. A faster {} or more CPU lets it catch up"
)
BEHIND_S = 2.0
#: What is said where that is one write, which has not ended.
UNANSWERED = (
    "The history is {:.0f} s behind, so lists lack the newest tasks: the {} has not answered the"
    " latest write for {:.0f} s"
)
#: What is said while tasks come back, from this many seconds on; and when some could not.
RETURNING = (
    "Loading tasks from the history, {:,} so far. Until this is done, new events wait and running"
    " tasks may be missing"
)
RETURNING_S = 1.0
LEFT = (
    "Only {:,} tasks could be loaded from the history: {}. The others are treated as new tasks when"
    " their next event arrives. Check the disk or the database, then restart flower_ng"
)
#: What is said while a history of 0.1.0 is put right.
REPAIRING = (
    "Correcting tasks stored by flower_ng 0.1.0, newest first: {:.0%} done. Until then, older tasks"
    " that succeeded or failed after a retry may be listed as RETRY, and killed ones without their"
    " exceptions"
)
#: What is said of events that came faster than they could be applied.
DROPPED = (
    "{:,} events were dropped because the inbox was full: see --inbox_max_messages and"
    " --inbox_max_bytes"
)

#: What is said where Redis has closed the connection for events, and runs.
CUT = (
    "Events are missing, how many is unknown: Redis has closed flower_ng's event connection, as it"
    " does where a client reads too slowly. Raise client-output-buffer-limit pubsub in Redis, and"
    " give flower_ng more CPU"
)
#: What is said of a broker that takes no messages.
BLOCKED = (
    "The broker accepts no messages: {}. Tasks and commands can't be sent, and what workers tell"
    " may be missing until it does"
)
#: What is said of events that all arrive late.
LATE = (
    "Events arrive {:.0f} s late, so that everything shown is as old. Check the load of the broker,"
    " of the network to it and of flower_ng; a wrong clock looks the same"
)
#: What is said of events that can't be read.
REFUSED = (
    "{:,} events could not be read{}, so their data is missing. Set event_serializer = 'json' for"
    " workers and publishers, or start flower_ng with an app that accepts their content type"
)


def banners(
    events: Events,
    *,
    is_dropping: bool,
    is_refusing: bool,
    is_cut: bool = False,
    late_s: float | None = None,
    blocked: str = "",
) -> list[str]:
    """Return what the events and their store have to say; empty when all is well.

    `is_dropping` is whether events were dropped lately; of those before, the gaps tell.
    `is_refusing` is whether some could not be read lately; `is_cut` whether Redis has closed a
    connection lately, perhaps ours; `late_s` is how late all events arrive, if that is a problem,
    `blocked` why the broker takes no messages.
    """
    store, returning = events.store, events.returning
    failing, behind_s = store.failing, store.lag_s
    dropped = sum(events.stats.dropped.values())
    refused = sum(events.stats.malformed.values())
    content_type = events.stats.disallowed
    form = f", the latest in {content_type}" if content_type else ""
    is_returning = returning.lasts_s >= RETURNING_S
    advice = CHECK_SERVER if store.is_in_postgresql else CHECK_DISK
    return [
        *([RETURNING.format(returning.count)] if is_returning else []),
        *([LEFT.format(returning.count, returning.fault)] if returning.fault else []),
        *store.warnings,
        *([FAILING.format(failing, advice)] if failing else []),
        *([_behind(store, behind_s)] if behind_s >= BEHIND_S and not failing else []),
        *([REPAIRING.format(share)] if (share := store.repaired) is not None else []),
        *([LOST.format(lost)] if (lost := store.lost) else []),
        *([DROPPED.format(dropped)] if dropped and is_dropping else []),
        *([CUT] if is_cut and events.stats.cuts else []),
        *([BLOCKED.format(blocked)] if blocked else []),
        *([LATE.format(late_s)] if late_s is not None else []),
        *([REFUSED.format(refused, form)] if refused and is_refusing else []),
    ]


def history_lag_s(store: Store) -> int | None:
    """Return for how many seconds changes wait to be written; None for so short that none lacks."""
    return int(store.lag_s) if store.lag_s >= BEHIND_S else None


def _behind(store: Store, behind_s: float) -> str:
    """Say why the history is behind: one write has not ended, or all of them are too slow."""
    if store.unanswered_s >= BEHIND_S:
        place = "database" if store.is_in_postgresql else "disk"
        return UNANSWERED.format(behind_s, place, store.unanswered_s)
    return BEHIND.format(behind_s, "database" if store.is_in_postgresql else "disk (see --db)")
