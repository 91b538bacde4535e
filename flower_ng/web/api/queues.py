"""The lengths of the queues that workers consume from, and what is left behind. On the loop."""

from typing import Any

from flower_ng.monitor.remote.task_actions import CLEAN
from flower_ng.monitor.state.presence import OFFLINE
from flower_ng.web.api.write import Plan, ReviewedWrite
from flower_ng.web.http.base import Endpoint, Need
from flower_ng.web.lookups.purge_review import clean_review


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


class QueuesClean(ReviewedWrite):
    """Delete what workers that are gone left on the broker; not one of Flower's."""

    action = CLEAN

    async def plan(self) -> Plan:
        """Answer their names; queues of workers that are online, or may be, are spared."""
        if self.is_dry_run or self.digest():
            await self.cluster.poll.news()
        statuses = self.cluster.presence.table()
        alive = [name for name, status in statuses.items() if status not in OFFLINE]

        async def clean() -> dict[str, Any]:
            names = await self.cluster.broker.clean(alive)
            word = "queue was" if len(names) == 1 else "queues were"
            return {"message": f"{len(names)} {word} deleted", "deleted": names}

        return Plan(lambda: clean_review(self.cluster, alive), clean)
