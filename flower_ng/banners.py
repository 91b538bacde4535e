"""Banners are what an operator should know on every page, in sentences. On the loop."""

from flower_ng.events import Events

LOST = (
    "{} changes of tasks are missing in the history: they could not be written, and waited too long"
)
#: What a failing store means, and what to do.
FAILING = (
    "{}. Pages show what was known before; it is tried again by itself. Is there room where it is"
    " kept, does its database answer? --db or --history name another place"
)
#: What a store means that is seconds late, and from when on that is said.
BEHIND = (
    "The history is {:.0f} s behind: more comes in than can be written, lists lack what is"
    " newer. A faster disk (--db names another place) or more of a processor lets it catch up"
)
BEHIND_S = 2.0
#: What is said while tasks come back, from this many seconds on; and when some could not.
RETURNING = (
    "Tasks are read back from the history, {:,} so far. Until all are there new events wait, and"
    " what runs is not told in full"
)
RETURNING_S = 1.0
LEFT = (
    "Only {:,} tasks could be read back from the history: {}. Events of the others count as those"
    " of new tasks. See to the disk or the database that it is on, then start again"
)
#: What is said while a history of 0.1.0 is put right.
REPAIRING = (
    "Tasks that flower_ng 0.1.0 kept are being put right, the newest first: {:.0%} so far. Older"
    " ones that retried and then succeeded or failed may still be listed as RETRY, and killed ones"
    " without their exceptions"
)
#: What is said of events that came faster than they could be applied.
DROPPED = (
    "{} events were dropped because the inbox was full: see --inbox_max_messages and"
    " --inbox_max_bytes"
)


#: What is said of events that can't be read.
REFUSED = (
    "{:,} events could not be read{}: what they tell is missing here. Set event_serializer = 'json'"
    " for the workers and for who sends tasks, or start flower_ng with the app that allows theirs"
)


def banners(events: Events, *, is_dropping: bool, is_refusing: bool) -> list[str]:
    """Return what the events and their store have to say; empty when all is well.

    `is_dropping` is whether events were dropped lately; of those before, the gaps tell.
    `is_refusing` is whether some could not be read lately.
    """
    store, returning = events.store, events.returning
    failing, behind_s = store.failing, store.lag_s
    dropped = sum(events.stats.dropped.values())
    refused = sum(events.stats.malformed.values())
    content_type = events.stats.disallowed
    form = f", the newest in {content_type}" if content_type else ""
    is_returning = returning.lasts_s >= RETURNING_S
    return [
        *([RETURNING.format(returning.count)] if is_returning else []),
        *([LEFT.format(returning.count, returning.fault)] if returning.fault else []),
        *store.warnings,
        *([FAILING.format(failing)] if failing else []),
        *([BEHIND.format(behind_s)] if behind_s >= BEHIND_S and not failing else []),
        *([REPAIRING.format(share)] if (share := store.repaired) is not None else []),
        *([LOST.format(lost)] if (lost := store.lost) else []),
        *([DROPPED.format(dropped)] if dropped and is_dropping else []),
        *([REFUSED.format(refused, form)] if refused and is_refusing else []),
    ]
