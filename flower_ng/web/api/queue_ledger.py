"""The ledger of a queue as JSON. On the loop."""

from collections.abc import Mapping
from datetime import tzinfo
from typing import Any

from flower_ng.store import TaskRow
from flower_ng.web.http.base import Endpoint, Need
from flower_ng.web.http.moments import span_s
from flower_ng.web.lookups.consumers import length_now
from flower_ng.web.lookups.glimpse import require_queue
from flower_ng.web.lookups.queue_ledger import queue_ledger
from flower_ng.web.ui.queue_ledger import LostTask, TaskLedger
from flower_ng.web.ui.why_words import plain


class QueueLedger(Endpoint):
    """What was sent to a queue, and what became of it; not one of Flower's."""

    path = r"/api/queues/(.+)/ledger"
    need = Need.READ
    summary = "Tell what was sent to a queue, received from it, and lost"

    async def get(self, name: str) -> None:
        """Take `span`, how far back it goes; tasks of the last ten seconds are not judged."""
        asked = self.get_argument("span", default="1h")
        ago_s = span_s("span", asked, (60.0, 86_400.0), "from 1m to 1d such as 1h")
        require_queue(self.cluster, name)
        now = self.services.clock()
        told = await length_now(self.cluster, name, now)
        numbers = None if told.age_s is not None else told.numbers.get(name)
        found = await queue_ledger(self.cluster, name, numbers, ago_s, now)
        rows = await self.cluster.store.those([one.uuid for one in found.listed])
        shown = {row.uuid: self.cluster.format_for_api(row) for row in rows}
        self.write_json(ledger_told(name, found, shown, self.cluster.timezone))


def ledger_told(
    name: str, found: TaskLedger, shown: Mapping[str, TaskRow], timezone: tzinfo
) -> dict[str, Any]:
    """Return a ledger as the API tells it; null for what events can't tell."""
    of = found.told if found.is_told else lambda _place: None
    return {
        "queue": name,
        "start": found.start,
        "end": found.end,
        "is_about": found.is_about,
        "sent": found.sent if found.is_told else None,
        "waiting": of("waiting"),
        "received": found.received if found.is_told else None,
        "missing": of("missing"),
        "unknown": of("unknown"),
        "of_received": {
            place: of(place)
            for place in ("done", "running", "held", "retrying", "returning", "lost", "unsure")
        },
        "tasks": [_task(one, shown) for one in found.listed],
        "more": len(found.suspects) - len(found.listed),
        "notes": [plain(note, timezone) for note in found.notes],
    }


def _task(one: LostTask, shown: Mapping[str, TaskRow]) -> dict[str, Any]:
    row = shown.get(one.uuid)
    return {
        "task-id": one.uuid,
        "name": None if row is None else row.name,
        "place": one.place,
        "sent": one.sent,
        "worker": one.worker or None,
        "why": one.why,
    }
