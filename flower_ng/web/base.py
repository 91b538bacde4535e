"""Base is what every handler shares: the guard's checks, arguments, JSON, errors, the frame."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar, Protocol, TypeVar
from urllib.parse import urlencode

from tornado.escape import xhtml_escape
from tornado.web import HTTPError, RequestHandler

from flower_ng.errors import AnswerError, BadRequest, Forbidden
from flower_ng.web import format as fmt
from flower_ng.web.arguments import parse
from flower_ng.web.faults import Fault, api_body, fault_of, one_line, page_body, report
from flower_ng.web.frame import TOAST_COOKIE, Frame, NavItem, Toast
from flower_ng.web.guard import (
    READ_ONLY,
    SAFE_METHODS,
    SECURITY_HEADERS,
    SESSION_COOKIE,
    XSRF_COOKIE,
    Access,
    is_xsrf_token,
)
from flower_ng.web.services import Assets, Cluster, Services

__all__ = [
    "Access",
    "Assets",
    "ClientLeft",
    "Cluster",
    "Endpoint",
    "Handler",
    "Page",
    "Services",
    "View",
]

log = logging.getLogger(__name__)

_T = TypeVar("_T")


class ClientLeft(Exception):  # noqa: N818 - an end, not an error
    """The client closed the connection before its answer was ready; nothing is sent or logged."""


class View(Protocol):
    """What a page shows: a frozen record with at least its title, without the product's name."""

    @property
    def title(self) -> str:
        """The first part of the browser's title."""


@dataclass(frozen=True, slots=True)
class ErrorView:
    """The page of an error; `report` is empty unless `debug` is on."""

    title: str
    status: int
    message: str
    error_id: str
    report: str


class Handler(RequestHandler):
    """A guarded request: whatever a subclass does, the door's checks ran before.

    Raise an AnswerError anywhere, and the answer says so in the form of the route's family.
    `path` and `aliases` are Tornado patterns without the prefix.
    """

    path: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    access: ClassVar[Access] = Access.PAGE
    writes: ClassVar[bool] = False

    _work: "asyncio.Future[Any] | None" = None
    _user: str | None = None
    _address: str | None = None
    _error_id: str = ""

    @property
    def services(self) -> Services:
        """What this site was furnished with."""
        services: Services = self.settings["services"]
        return services

    @property
    def cluster(self) -> Cluster:
        """The cluster that this request is about."""
        return self.services.cluster

    # Before the handler's own method

    def set_default_headers(self) -> None:
        """Put the security headers on every answer, errors included."""
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)
        self.set_header("Cache-Control", "private, no-cache")
        cors = self.services.door.cors_headers(self.request.headers.get("Origin"))
        for name, value in cors.items():
            self.set_header(name, value)

    def prepare(self) -> None:
        """Run the door's checks, in the order of Flower's."""
        self._check_site()
        door = self.services.door
        door.check_open(self.access)
        if self.request.method not in self.allowed_methods():
            raise HTTPError(405)
        if self.request.method == "OPTIONS" or self.access is Access.OPEN:
            return
        self._user = door.basic_user(self.request.headers)
        if not self._has_session():
            self._ask_to_log_in()
        elif self.writes and door.read_only and self.request.method == "POST":
            raise Forbidden(READ_ONLY)

    def _check_site(self) -> None:
        door, method, headers = self.services.door, self.request.method or "", self.request.headers
        door.check_site(method, headers)
        if door.needs_xsrf_token(method, headers):
            self.check_xsrf_cookie()

    def _has_session(self) -> bool:
        signed = self.get_signed_cookie(SESSION_COOKIE)
        address = None if signed is None else signed.decode(errors="replace")
        door = self.services.door
        if door.pattern is not None and door.has_session(address):
            self._address = address
        return door.has_session(address)

    def _ask_to_log_in(self) -> None:
        if self.request.method not in SAFE_METHODS:
            raise Forbidden
        self.redirect(f"{self.services.url('/login')}?{urlencode({'next': self.request.uri})}")

    def get_current_user(self) -> str:
        """Who asks, for the log: the address of the session, the Basic user, or `anonymous`."""
        return self._address or self._user or "anonymous"

    # Arguments

    def get_argument(
        self,
        name: str,
        default: Any = None,
        strip: bool = True,  # noqa: FBT001, FBT002 - Tornado's own parameter
        type: type | None = None,  # noqa: A002 - Flower's own parameter
        required: bool = False,  # noqa: FBT001, FBT002 - Flower's own parameter
        escape: bool = False,  # noqa: FBT001, FBT002 - Flower's own parameter
    ) -> Any:
        """The last value of an argument, the body's before the query's, in the given type.

        Raises BadRequest where the value is not of the type, or is required and missing.
        """
        values = self.get_arguments(name, strip)
        if required and not (values and values[-1]):
            raise BadRequest(f"Missing argument {name}")
        if not values:
            return default
        if type is not None and type is not str:
            return parse(values[-1], type)
        return xhtml_escape(values[-1]) if escape else values[-1]

    # Methods that every route has

    async def head(self, *path_args: str) -> None:
        """Answer as GET does; the connection leaves the body out."""
        answer = self.get(*path_args)
        if answer is not None:
            await answer

    def options(self, *_path_args: str) -> None:
        """Name the methods; 204 without a body."""
        self.set_status(204)
        self.set_header("Allow", ", ".join(self.allowed_methods()))

    @classmethod
    def allowed_methods(cls) -> tuple[str, ...]:
        """The methods that this route answers with something else than 405."""
        return ("OPTIONS", *(name for name in ("GET", "HEAD", "POST") if cls._answers(name)))

    @classmethod
    def _answers(cls, method: str) -> bool:
        name = "get" if method == "HEAD" else method.lower()
        return getattr(cls, name) is not getattr(RequestHandler, name)

    # Answers

    def write_json(self, answer: Mapping[str, Any]) -> None:
        """Answer with strict, ASCII-only JSON: no NaN, and no `</` that could end a script."""
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.write(fmt.json_text(answer))

    async def while_here(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Await the work, and cancel it when the client leaves; raises ClientLeft then."""
        self._work = task = asyncio.ensure_future(work)
        try:
            return await task
        except asyncio.CancelledError:
            if self._left:
                raise ClientLeft from None
            raise
        finally:
            self._work = None

    _left = False

    def on_connection_close(self) -> None:
        """End what only this client was waiting for."""
        self._left = True
        if self._work is not None:
            self._work.cancel()

    def toast(self, toast: Toast) -> None:
        """Show these words on the next page that this browser opens."""
        self.set_signed_cookie(TOAST_COOKIE, toast.packed(), expires_days=None, **self.cookie_rules)

    @property
    def cookie_rules(self) -> dict[str, Any]:
        """The attributes of every cookie that scripts have no business with."""
        return {
            "httponly": True,
            "samesite": "Lax",
            "secure": self.request.protocol == "https",
        }

    # Errors

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer with the status that the error carries."""
        error = _raised(kwargs)
        if isinstance(error, ClientLeft):
            self.finish()
            return
        status = error.status if isinstance(error, AnswerError) else status_code
        super().send_error(status, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the body of an error in the form of this route's family."""
        error = _raised(kwargs)
        fault = fault_of(status_code, error, self._hint(status_code))
        if fault.status == 401 and self.services.door.basic:  # noqa: PLR2004 - the status itself
            self.set_header("WWW-Authenticate", 'Basic realm="flower"')
        if fault.status == 405:  # noqa: PLR2004 - the status itself
            self.set_header("Allow", ", ".join(self.allowed_methods()))
        self.write_fault(fault, error)

    def _hint(self, status: int) -> str:
        if status == 405:  # noqa: PLR2004 - the status itself
            return f"{self.request.method} is not possible here, only {self._allowed_words()}"
        return f"Error 500, number {self._error_id} in the log" if status == 500 else ""  # noqa: PLR2004

    def _allowed_words(self) -> str:
        return ", ".join(self.allowed_methods())

    def write_fault(self, fault: Fault, error: BaseException | None) -> None:
        """Write a fault as pages do: a page for some, plain text for others."""
        if not fault.is_html_page:
            body = page_body(fault)
            self.set_header("Content-Type", body.content_type)
            self.write(body.text)
            return
        debug = report(error) if self.services.options.debug and fault.status == 500 else ""  # noqa: PLR2004
        title = "" if fault.status != 500 else f"Error {fault.status}"  # noqa: PLR2004
        view = ErrorView(title, fault.status, fault.words, self._error_id, debug)
        self.write_page("pages/error.html", view, nav=None)

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log an announced error in one line, any other with its traceback and its id."""
        if isinstance(value, ClientLeft):
            return
        if isinstance(value, AnswerError):
            level = logging.ERROR if value.status >= 500 else logging.WARNING  # noqa: PLR2004
            words = one_line(value.message)
            log.log(level, "%d %s: %s", value.status, self._request_summary(), words)
        elif isinstance(value, HTTPError):
            super().log_exception(typ, value, tb)
        else:
            self._error_id = self.services.new_id()
            log.error("Error %s in %s", self._error_id, self._request_summary(), exc_info=value)

    # Pages

    def write_page(self, template: str, view: View, *, nav: str | None) -> None:
        """Render a template with `page`, `frame`, `fmt`, `url` and `static`."""
        self.set_header("Content-Type", "text/html; charset=UTF-8")
        self.write(
            self.render_string(
                template,
                page=view,
                frame=self._frame(view.title, nav),
                fmt=fmt,
                url=self.services.url,
                static=self.services.static,
            )
        )

    def _frame(self, title: str, nav: str | None) -> Frame:
        services, cluster = self.services, self.cluster
        token = self._xsrf()
        return Frame(
            title=f"{title} · flower_ng" if title else "flower_ng",
            app_name=cluster.app_name,
            nav=self._nav(nav),
            toasts=self._toasts(),
            connection=cluster.events.connection,
            warnings=tuple(cluster.warnings()),
            controls=services.door.controls(),
            read_only=services.door.read_only,
            xsrf=token if services.door.pattern else "",
            user=self._address,
            demo=services.demo,
            version=services.version,
        )

    def _nav(self, active: str | None) -> tuple[NavItem, ...]:
        links: tuple[tuple[str, str], ...] = self.settings["nav"]
        return tuple(NavItem(text, self.services.url(path), text == active) for text, path in links)

    def _toasts(self) -> tuple[Toast, ...]:
        packed = self.get_signed_cookie(TOAST_COOKIE)
        if packed is not None:
            self.clear_cookie(TOAST_COOKIE)
        return Toast.unpacked(packed)

    def _xsrf(self) -> str:
        """The token for forms: the cookie as carried, so that equal pages stay equal."""
        carried = self.get_cookie(XSRF_COOKIE, "")
        if is_xsrf_token(carried):
            return carried
        token = self.xsrf_token.decode()
        self.set_cookie(
            XSRF_COOKIE,
            token,
            expires_days=30 if self._status_code == 200 else None,  # noqa: PLR2004 - the status itself
            samesite="Lax",
            secure=self.request.protocol == "https",
        )
        return token


class Page(Handler):
    """An HTML page: `view` makes a frozen record, the template shows it.

    `nav` names the entry of the
    navigation bar that is marked; the first page with that name and no group in its path is its
    link. `template` is relative to the templates' folder.
    """

    nav: ClassVar[str | None] = None
    template: ClassVar[str]

    async def get(self, *path_args: str) -> None:
        """Answer with the page."""
        view = await self.view(*path_args)
        if view is not None:
            self.write_page(self.template, view, nav=self.nav)

    async def view(self, *path_args: Any, **_none: Any) -> View | None:
        """What the page shows; None when the answer was written already."""
        raise NotImplementedError


class Endpoint(Handler):
    """A route of the REST API: JSON out, errors in the API's form.

    One that reads defines `get`. One that writes sets `methods = ("POST",)` and `writes`, and
    defines `act`; with `action = True` pages have a form for it under `/do/…`.
    """

    access = Access.API
    summary: ClassVar[str]
    methods: ClassVar[tuple[str, ...]] = ("GET",)
    action: ClassVar[bool] = False

    async def post(self, *path_args: str) -> None:
        """Do what the route is for, and answer with what came of it."""
        self.write_json(await self.perform(*path_args))

    async def perform(self, *path_args: str) -> dict[str, Any]:
        """Run `act`, and log who did what and what came of it."""
        try:
            answer = await self.act(*path_args)
        except AnswerError as error:
            self._note(f"{error.status} {one_line(error.message)}")
            raise
        self._note("done")
        return answer

    async def act(self, *path_args: Any, **_none: Any) -> dict[str, Any]:
        """The deed; returns the object of the answer, mostly `{"message": …}`."""
        raise NotImplementedError

    def _note(self, outcome: str) -> None:
        who, peer = self.current_user, self.request.remote_ip
        log.info("%s by %s from %s: %s", self.request.path, who, peer, outcome)

    @classmethod
    def _answers(cls, method: str) -> bool:
        return ("GET" if method == "HEAD" else method) in cls.methods

    def write_fault(self, fault: Fault, _error: BaseException | None) -> None:
        """Write a fault as the API does."""
        body = api_body(fault)
        self.set_header("Content-Type", body.content_type)
        self.write(body.text)


def _raised(kwargs: Mapping[str, Any]) -> BaseException | None:
    info: tuple[Any, BaseException | None, Any] = kwargs.get("exc_info", (None, None, None))
    return info[1]
