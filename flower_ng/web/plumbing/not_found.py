"""Missing answers what no route knows: a page within the prefix, a bare line outside of it."""

from http import HTTPStatus

from tornado import escape
from tornado.web import HTTPError

from flower_ng.errors import NotFound
from flower_ng.web.http.base import Access, Handler, Need
from flower_ng.web.http.error_bodies import Fault


class Missing(Handler):
    """Any other path: the page that says so, without a login. The prefix leads to its slash.

    Under `/api/` it is an error as the API's: a script has no use for a page.
    """

    access = Access.OPEN
    need = Need.OPEN

    def get(self) -> None:
        """Lead on from the prefix, else nothing is here."""
        if self.request.path != self.services.prefix:
            raise NotFound
        query = f"?{self.request.query}" if self.request.query else ""
        self.redirect(f"{self.services.prefix}/{query}")

    def post(self) -> None:
        """Nothing is here."""
        raise NotFound

    def write_fault(self, fault: Fault, error: BaseException | None) -> None:
        """Write the error in the form of those who ask for such a path."""
        if self.request.path.startswith(f"{self.services.prefix}/api/"):
            self.write_api_fault(fault)
        else:
            super().write_fault(fault, error)


class Outside(Handler):
    """A path outside the prefix: a bare 404 for every method; at the root it names the prefix."""

    access = Access.OPEN
    need = Need.OPEN

    async def prepare(self) -> None:
        """Nothing of ours is here."""
        raise HTTPError(404)

    def write_fault(self, fault: Fault, error: BaseException | None) -> None:  # noqa: ARG002
        """Write the line that Tornado itself would, whatever the error."""
        is_root = self.request.path == "/" and fault.status == HTTPStatus.NOT_FOUND
        url = escape.xhtml_escape(self.services.url("/"))
        there = f'. flower_ng is at <a href="{url}">{url}</a>' if is_root else ""
        self.write(bare(fault.status, there))


def bare(status: int, more: str = "") -> str:
    """The body of an answer that has no frame; `more` is HTML."""
    line = {403: "403: Forbidden", 404: "404: Not Found"}.get(status, str(status))
    return f"<html><title>{line}</title><body>{line}{more}</body></html>"
