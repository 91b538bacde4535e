"""How many processes a queue needs, as autoscalers ask for it. On the loop."""

from typing import Any

from flower_ng.errors import Unavailable
from flower_ng.web.http.base import Endpoint, Need
from flower_ng.web.http.moments import span_s
from flower_ng.web.lookups.consumers import consumers, lengths
from flower_ng.web.lookups.glimpse import require_queue
from flower_ng.web.lookups.queue_load import queue_load
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.queue_needs import QueueLoad, QueueNeeds, needs


class QueueScale(Endpoint):
    """One number for autoscalers with what it is made of; not one of Flower's."""

    path = r"/api/queues/(.+)/scale"
    need = Need.READ
    summary = "Tell how many processes a queue needs"

    async def get(self, name: str) -> None:
        """Take `drain`, in how long what waits shall be gone; 503 where the number is unknown."""
        asked = self.get_argument("drain", default="5m")
        drain_s = span_s("drain", asked, (1.0, 86_400.0), "from 1s to 1d such as 5m")
        require_queue(self.cluster, name)
        now = self.services.clock()
        told = await lengths(self.cluster, now)
        workers = consumers(self.cluster, Links(self.services.prefix)).get(name, ())
        measured = await queue_load(self.cluster, name, told, workers, now)
        needed = needs(measured.load, drain_s)
        if needed.processes is None:
            raise Unavailable(f"How many processes '{name}' needs is unknown. {needed.why}")
        self.write_json(scale_told(name, measured.load, needed))


def scale_told(name: str, load: QueueLoad, needed: QueueNeeds) -> dict[str, Any]:
    """Return the number and its parts as the API tells them."""
    return {
        "queue": name,
        "processes": needed.processes,
        "workers": needed.workers,
        "is_least": needed.is_least,
        "why": needed.why,
        "parts": {
            "keep_up": needed.keep_up,
            "drain": needed.drain,
            "drain_s": needed.drain_s,
            "waiting": load.waiting,
            "waiting_age_s": load.age_s,
            "reserved": load.reserved,
            "running": load.running,
            "arrivals_per_s": load.arrivals_per_s,
            "departures_per_s": load.departures_per_s,
            "over_s": load.over_s,
            "run_s": load.run_s,
            "runs": load.runs,
            "runs_over_s": load.runs_over_s,
            "slots": load.slots,
            "slots_per_worker": load.slots_per_worker,
        },
    }
