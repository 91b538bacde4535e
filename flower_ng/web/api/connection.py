"""What became of the events: the connection to the broker, and what was lost. On the loop."""

from flower_ng.web.http.base import Endpoint, Need


class ShowConnection(Endpoint):
    """The state of the events' connection and the counts of what arrived; not one of Flower's."""

    path = r"/api/connection"
    need = Need.READ
    methods = ("GET",)
    summary = "Tell whether events arrive, since when, and how many were lost"

    async def get(self) -> None:
        """Answer `{connected, since, why, retry_at, events: {received, dropped, malformed}}`.

        `since` and `retry_at` are UTC seconds; `why` is null while connected; `dropped` counts by
        event type, `malformed` by reason.
        """
        now, stats = self.cluster.events.connection, self.cluster.events.stats
        self.write_json(
            {
                "connected": now.connected,
                "since": now.since,
                "why": now.why,
                "retry_at": now.retry_at,
                "events": {
                    "received": stats.received,
                    "dropped": dict(stats.dropped),
                    "malformed": dict(stats.malformed),
                },
            }
        )
