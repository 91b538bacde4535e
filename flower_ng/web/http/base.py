"""Base is what routes are made of: Page for people, Endpoint for programs, Handler for the rest."""

import logging
from asyncio import Future
from functools import partial
from typing import Any, ClassVar, Final

from flower_ng.banners import history_lag_s
from flower_ng.cluster import Cluster
from flower_ng.errors import AnswerError, BadRequest
from flower_ng.printable import one_line
from flower_ng.web.auth.roles import Need
from flower_ng.web.http.error_bodies import ErrorView, Fault
from flower_ng.web.http.frame import NavCount, View
from flower_ng.web.http.guard import Access
from flower_ng.web.http.handler import LIVE, ClientLeft, Handler
from flower_ng.web.http.page_cache import Rendered, Sheet
from flower_ng.web.http.services import Assets, Services
from flower_ng.web.ui.review import Review

__all__ = [
    "LIVE",
    "Access",
    "Assets",
    "ClientLeft",
    "Cluster",
    "Endpoint",
    "ErrorView",
    "FromHistory",
    "Handler",
    "NavCount",
    "Need",
    "Page",
    "Services",
    "View",
]

log = logging.getLogger(__name__)

#: For how many seconds changes have waited to be written, in answers that may lack them.
HISTORY_LAG: Final = "Flower-History-Lag"


class Page(Handler):
    """An HTML page: `view` makes a frozen record, the template shows it.

    `nav` names the entry of the navigation bar that is marked; the first page with that name and
    no group in its path is its link. `template` is relative to the templates' folder; a view that
    has a `template` of its own is shown with that.
    """

    nav: ClassVar[str | None] = None
    template: ClassVar[str]

    _tag: str | None = None

    @classmethod
    def count(cls, _cluster: Cluster) -> NavCount | None:
        """The number beside the page's link, if it has one: cheap, for it is in every page."""
        return None

    async def get(self, *path_args: str) -> None:
        """Answer with the page; browsers that follow the same one are given the same rendering."""
        kind = self.page_class
        make = partial(self._sheet, *path_args)
        if kind is None or LIVE not in self.request.headers:
            sheet = await self.while_here(make())
        else:
            rendered: Rendered = self.settings["rendered"]
            sheet = await self.while_here(rendered.sheet((self.request.uri, kind), make))
        if sheet is not None:
            self._write_sheet(sheet)

    async def _sheet(self, *path_args: str) -> Sheet | None:
        view = await self.view(*path_args)
        if view is None:
            return None
        template = getattr(view, "template", self.template)
        return Sheet.of(self.page_bytes(template, view, nav=self.nav))

    def _write_sheet(self, sheet: Sheet) -> None:
        """Write a page, with gzip unless it holds a token, whose letters its length could tell."""
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.add_header("Vary", "Accept-Encoding")
        self._tag = sheet.tag
        accepted = self.request.headers.get("Accept-Encoding", "")
        if "gzip" in accepted and self.services.door.pattern is None:
            self.set_header("Content-Encoding", "gzip")
            self.write(sheet.packed)
        else:
            self.write(sheet.body)

    def compute_etag(self) -> str | None:
        """The tag of the page, whatever its coding."""
        return self._tag or super().compute_etag()

    async def view(self, *path_args: Any, **_none: Any) -> View | None:
        """What the page shows; None when the answer was written already."""
        raise NotImplementedError


class FromHistory(Handler):
    """An answer that has no banners to say that it may lack the newest of the history."""

    def flush(self, include_footers: bool = False) -> Future[None]:  # noqa: FBT001, FBT002 - Tornado's signature
        """Say, before the answer begins, by how much it may lack the newest of the history."""
        lag_s = history_lag_s(self.cluster.store)
        if lag_s is not None:
            self.set_header(HISTORY_LAG, str(lag_s))
        return super().flush(include_footers)


class Endpoint(FromHistory):
    """A route of the REST API: JSON out, errors in the API's form.

    One that reads defines `get`. One that writes sets `methods = ("POST",)` and defines
    `act`; with `has_form = True` pages have a form for it under `/do/…`.
    """

    access = Access.API
    summary: ClassVar[str]
    methods: ClassVar[tuple[str, ...]] = ("GET",)
    has_form: ClassVar[bool] = False
    #: Whether `dry_run=1` answers with a review instead of doing it.
    is_reviewable: ClassVar[bool] = False

    #: What was shown instead of being done, if anything was.
    review: Review | None = None
    #: The page, without the prefix, of what was made, where it has one.
    leads_to: str = ""
    #: How the log says that it went well.
    done_words: str = "done"

    async def post(self, *path_args: str) -> None:
        """Do what the route is for, and answer with what came of it."""
        self.write_json(await self.perform(*path_args))

    async def perform(self, *path_args: str) -> dict[str, Any]:
        """Run `act`, and log who did what and what came of it."""
        try:
            self._check_dry_run()
            answer = await self.act(*path_args)
        except AnswerError as error:
            self.failure = error
            self._note(f"{error.status} {one_line(error.message)}")
            raise
        self._note(self.done_words, answer)
        return answer

    async def act(self, *path_args: Any, **_none: Any) -> dict[str, Any]:
        """The action; returns the object of the answer, mostly `{"message": …}`."""
        raise NotImplementedError

    @property
    def is_dry_run(self) -> bool:
        """Whether only the review is asked for."""
        return bool(self.get_argument("dry_run", default=False, type=bool))

    def _check_dry_run(self) -> None:
        """Refuse to do what was not to be done."""
        if self.is_dry_run and not self.is_reviewable:
            raise BadRequest("dry_run is not possible here, so nothing was done")

    def _note(self, outcome: str, answer: dict[str, Any] | None = None) -> None:
        """Log what came of it, and record it unless it was only reviewed."""
        if self.is_action and (self.review is None or self.failure is not None):
            self.record_action(answer, outcome)
            return
        self._is_recorded = True
        who, peer = self.current_user, self.request.remote_ip
        log.info("%s by %s from %s: %s", self.request.path, who, peer, outcome)

    @classmethod
    def answers(cls, method: str) -> bool:
        """Whether `methods` has the method, or GET for HEAD."""
        return ("GET" if method == "HEAD" else method) in cls.methods

    def write_fault(self, fault: Fault, error: BaseException | None) -> None:  # noqa: ARG002
        """Write a fault as the API does; `error` is for pages, which may show it."""
        self.write_api_fault(fault)
