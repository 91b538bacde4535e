"""The lengths of the queues that workers consume from. On the loop."""

from typing import Any

from flower_ng.monitor.state.presence import OFFLINE
from flower_ng.web.api.write import Write
from flower_ng.web.http.base import Endpoint, Need


class GetQueueLengths(Endpoint):
    """What the broker says about each active queue."""

    path = r"/api/queues/length"
    need = Need.READ
    methods = ("GET",)
    summary = "Count the messages in all active queues"

    async def get(self) -> None:
        """Answer `{"active_queues": [{"name", "messages", …}]}`, sorted by name."""
        queues = await self.cluster.broker.queues(self.cluster.queue_names())
        self.write_json({"active_queues": queues})


class QueuesClean(Write):
    """Delete what workers that are gone left on the broker; not one of Flower's."""

    path = r"/api/queues/clean"
    need = Need.ADMINISTER
    summary = "Delete queues for control and events that nobody reads"

    async def act(self) -> dict[str, Any]:
        """Answer their names; queues of workers that are online, or may be, are spared."""
        statuses = self.cluster.presence.table()
        alive = [name for name, status in statuses.items() if status not in OFFLINE]
        names = await self.cluster.broker.clean(alive)
        word = "queue was" if len(names) == 1 else "queues were"
        return {"message": f"{len(names)} {word} deleted", "deleted": names}
