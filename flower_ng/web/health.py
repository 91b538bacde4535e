"""Health answers probes: the process is up and its loop turns; it says nothing about the broker."""

from flower_ng.web.base import Access, Handler


class HealthCheck(Handler):
    """`OK`, always."""

    access = Access.OPEN
    path = "/healthcheck"

    def get(self) -> None:
        """Answer."""
        self.write("OK")
