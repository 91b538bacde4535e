"""Gathers the ledger of a queue: its messages, its tasks, gaps and actions. On the loop."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from flower_ng.audit_record import DONE, AuditEntry
from flower_ng.brokers import QueueIds, QueueNumbers
from flower_ng.cluster import Cluster
from flower_ng.errors import AnswerError
from flower_ng.monitor.remote.task_actions import DELETE_MESSAGE, MOVE, PURGE
from flower_ng.store import AuditQuery
from flower_ng.web.ui.queue_ledger import LedgerFacts, LostTask, TaskLedger, ledger, with_gaps

#: What is missing is looked for a second time so much later: it may be on its way just now.
AGAIN_S: Final = 1.0
#: So many actions on the queue are looked at, the newest.
MOST_ACTIONS: Final = 100
TOOK: Final = {
    PURGE.route: "the queue was purged here since",
    MOVE.route: "messages were moved from here to another queue since",
    DELETE_MESSAGE.route: "its message was deleted here",
}


async def queue_ledger(
    cluster: Cluster, name: str, numbers: QueueNumbers | None, length_s: float, now: float
) -> TaskLedger:
    """Return where the tasks are that were sent to a queue in a time up to now.

    Unavailable where the history can't be read.
    """
    facts = LedgerFacts(
        start=max(0.0, now - length_s),
        now=now,
        ids=await _ids(cluster, name),
        length=None if numbers is None else numbers.length,
        unacked=None if numbers is None else numbers.unacked,
        statuses=cluster.presence.table(),
    )
    read = cluster.store.queue_tasks
    told = await read(name, facts.start, partial(ledger, facts=facts))
    if told.suspects:
        await asyncio.sleep(AGAIN_S)
        again = replace(facts, ids=await _ids(cluster, name), suspects=told.suspects)
        told = await read(name, facts.start, partial(ledger, facts=again))
    gaps = await cluster.store.gaps(told.start, now)
    told = with_gaps(told, gaps, has_eventless=cluster.problems.holds("worker-eventless"))
    if not told.listed:
        return told
    query = AuditQuery(MOST_ACTIONS, subject=name, outcome=DONE, actions_only=True)
    entries = (await cluster.store.audit(query)).entries
    return replace(told, listed=tuple(_with_actions(one, entries) for one in told.listed))


async def _ids(cluster: Cluster, name: str) -> QueueIds:
    try:
        return await cluster.broker.ids(name)
    except AnswerError as error:
        return QueueIds(why_not=error.message)


def _with_actions(lost: LostTask, entries: Sequence[AuditEntry]) -> LostTask:
    """Add what somebody did to the queue after the task was sent."""
    if lost.place != "missing":
        return lost
    did = {
        TOOK[entry.action]: None
        for entry in entries
        if entry.action in TOOK and entry.at >= lost.sent
        if entry.action != DELETE_MESSAGE.route or entry.parameters.get("id") == lost.uuid
    }
    return replace(lost, why="; ".join((lost.why, *did)))
