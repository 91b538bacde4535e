"""Who did what to a task, a worker or a queue, for those who may operate. On the loop."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flower_ng.audit_record import AuditEntry
from flower_ng.batch_record import BatchRecord, BatchTouch
from flower_ng.errors import Unavailable
from flower_ng.monitor.remote.all_actions import ACTIONS
from flower_ng.store import AuditQuery
from flower_ng.web.http.base import Endpoint, Handler, Need
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.links import Links

#: So many stand on the page of what they are about.
SHOWN: Final = 10
#: What is recorded of a batch that began.
_BEGAN: Final = re.compile(r"batch (\w+), count (\d+)")
#: The page of what a route's target is, by the route's beginning.
PAGES: Final[Mapping[str, str]] = {
    "task/timeout": "type",
    "task/rate-limit": "type",
    "task/apply": "type",
    "task/async-apply": "type",
    "task/send-task": "type",
    "task/": "task",
    "worker/": "worker",
    "queue/": "queue",
    "batches/": "batch",
    "failures/": "failure",
}


@dataclass(frozen=True, slots=True)
class PastAction:
    """One action as people read it: when, who, what, on what, what came of it.

    `at` is UTC seconds. `url` is the page of what it was done to, empty where it has none, `more`
    that of the batch which did it. `note` is why it was wanted, or which tasks a search chose.
    """

    at: float
    who: str
    what: str
    target: str
    url: str
    outcome: str
    result: str = ""
    note: str = ""
    more: str = ""


def action_words(handlers: Iterable[type[Handler]]) -> dict[str, str]:
    """Return what each action does, by the name that the audit has for it."""
    return {
        one.path.partition("(")[0].removeprefix("/api/").rstrip("/"): one.summary
        for one in handlers
        if issubclass(one, Endpoint) and one.answers("POST")
    }


def past_action(handler: Handler, entry: AuditEntry, links: Links) -> PastAction:
    """Return an entry of the audit as people read it."""
    words: Mapping[str, str] = handler.settings.get("action_words") or {}
    batch = _BEGAN.fullmatch(entry.result)
    search, reason = (entry.parameters.get(name, "") for name in ("search", "reason"))
    notes = (search and f"search {search}", reason and f"“{reason}”")
    return PastAction(
        entry.at,
        entry.who,
        words.get(entry.action, entry.action),
        entry.target,
        _url(entry, links),
        entry.outcome,
        fmt.counted(int(batch[2]), "task") if batch else entry.reason or entry.result,
        ", ".join(filter(None, notes)),
        links.batch(batch[1]) if batch else "",
    )


async def past_actions_on(
    handler: Handler, subject: str, *, is_task: bool = False
) -> list[PastAction]:
    """Return the newest actions on something; none for who may only look."""
    if not handler.identity.role.may(Need.OPERATE):
        return []
    links, store = Links(handler.services.prefix), handler.cluster.store
    try:
        page = await store.audit(AuditQuery(SHOWN, subject=subject, actions_only=True))
        touched = await store.batches.touching(subject, SHOWN) if is_task else []
    except Unavailable:
        return []
    lines = [past_action(handler, entry, links) for entry in page.entries]
    lines += (_of_batch(one, links) for one in touched)
    return sorted(lines, key=lambda line: line.at, reverse=True)[:SHOWN]


def batch_words(batch: BatchRecord) -> str:
    """Return what a batch does, as its button says it."""
    return next(
        (one.summary for one in ACTIONS if one.route == f"batches/{batch.action}"), batch.action
    )


def _of_batch(touch: BatchTouch, links: Links) -> PastAction:
    batch, item = touch.batch, touch.item
    other = item.uuid if touch.is_new else item.new_id
    what = "Sent by a batch" if touch.is_new else f"In a batch: {batch_words(batch).lower()}"
    return PastAction(
        batch.at,
        batch.who,
        what,
        other,
        links.task(other) if other else "",
        item.state.value,
        item.why,
        batch.reason and f"“{batch.reason}”",
        links.batch(batch.id),
    )


def _url(entry: AuditEntry, links: Links) -> str:
    kind = next((kind for begin, kind in PAGES.items() if entry.action.startswith(begin)), "")
    make: Any = getattr(links, kind) if kind else None
    if not make or not entry.target:
        return ""
    return str(make(entry.target))
