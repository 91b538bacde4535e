"""Health answers probes: is the loop alive, and is the dashboard able to do its work. On the loop.

Open to everyone, so that no answer holds a name, an address or the words of an error.
"""

from typing import Any, Final

from flower_ng.web.http.base import Access, Handler, Need

#: Events that arrived wait no longer to be applied, unless the drain stands still.
STUCK_S: Final = 60.0
#: Said of a broker without fanout, to which no connection for events is made.
NOT_TRIED: Final = "This broker carries no events, so no connection is kept: its state is unknown"


class HealthCheck(Handler):
    """`OK`, always, as in Flower: the process is up and its loop turns."""

    access = Access.OPEN
    path = "/healthcheck"
    need = Need.OPEN

    def get(self) -> None:
        """Answer."""
        self.write("OK")


class Live(HealthCheck):
    """`/healthcheck` under the name that orchestrators use: restart what does not answer it."""

    path = "/livez"
    need = Need.OPEN


class Ready(Handler):
    """Whether events can arrive, are applied, and can be written to the store."""

    access = Access.OPEN
    path = "/readyz"
    need = Need.OPEN

    def get(self) -> None:
        """Answer 200, or 503 where a part is not ready, and JSON that says which and since when.

        A cluster without workers is no reason: the dashboard is ready to hear of them.
        """
        parts = {"broker": self._broker(), "events": self._events(), "store": self._store()}
        is_ready = all(part["ok"] is not False for part in parts.values())
        self.set_status(200 if is_ready else 503)
        self.set_header("Cache-Control", "no-store")
        self.write({"ready": is_ready, **parts})

    def _broker(self) -> dict[str, Any]:
        connection = self.cluster.events.connection
        if not connection.is_possible:
            return {"ok": None, "since": None, "carries_events": False, "why": NOT_TRIED}
        return {"ok": connection.connected, "since": connection.since, "carries_events": True}

    def _events(self) -> dict[str, Any]:
        heard = [worker.heard_at for worker in self.cluster.state.workers.values()]
        age_s = max(0.0, self.services.clock() - max(heard)) if heard else None
        waiting = self.cluster.events.inbox.messages
        is_stuck = waiting > 0 and age_s is not None and age_s > STUCK_S
        return {"ok": not is_stuck, "newest_age_s": age_s, "waiting": waiting}

    def _store(self) -> dict[str, Any]:
        status = self.cluster.store.status()
        return {
            "ok": status.failing is None,
            "lag_s": status.lag_s,
            "waiting": status.waiting,
            "kind": status.kind,
            "wanted": status.wanted,
        }
