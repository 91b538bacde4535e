"""The lengths of the queues that workers consume from. On the loop."""

from flower_ng.web.base import Endpoint


class GetQueueLengths(Endpoint):
    """What the broker says about each active queue."""

    path = r"/api/queues/length"
    methods = ("GET",)
    summary = "Count the messages in all active queues"

    async def get(self) -> None:
        """Answer `{"active_queues": [{"name", "messages", …}]}`, sorted by name."""
        queues = await self.cluster.broker.queues(self.cluster.queue_names())
        self.write_json({"active_queues": queues})
