"""Missing answers what no route knows: a page within the prefix, a bare line outside of it."""

from tornado.web import HTTPError

from flower_ng.errors import NotFound
from flower_ng.web.base import Access, Handler
from flower_ng.web.faults import Fault


class Missing(Handler):
    """Any other path: the page that says so, without a login."""

    access = Access.OPEN

    def get(self) -> None:
        """Nothing is here."""
        raise NotFound

    def post(self) -> None:
        """Nothing is here."""
        raise NotFound


class Outside(Handler):
    """A path outside the prefix: a bare 404 for every method."""

    access = Access.OPEN

    def prepare(self) -> None:
        """Nothing of ours is here."""
        raise HTTPError(404)

    def write_fault(self, fault: Fault, error: BaseException | None) -> None:  # noqa: ARG002
        """Write the line that Tornado itself would, whatever the error."""
        self.write(bare(fault.status))


def bare(status: int) -> str:
    """The body of an answer that has no frame."""
    line = {403: "403: Forbidden", 404: "404: Not Found"}.get(status, str(status))
    return f"<html><title>{line}</title><body>{line}</body></html>"
