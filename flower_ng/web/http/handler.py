"""Handler is what stands behind every route: the guard's checks, arguments, JSON, errors."""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any, ClassVar, Final, TypeVar
from urllib.parse import urlencode

from tornado.escape import xhtml_escape
from tornado.web import HTTPError, RequestHandler

from flower_ng.errors import AnswerError, BadRequest, Forbidden, TooManyRequests
from flower_ng.printable import one_line
from flower_ng.store import PEER
from flower_ng.web.auth.identity import Identity
from flower_ng.web.auth.roles import Need
from flower_ng.web.http.arguments import parse
from flower_ng.web.http.audited import Audited
from flower_ng.web.http.credentials import credentials_of
from flower_ng.web.http.error_bodies import (
    JSON,
    ErrorView,
    Fault,
    api_body,
    fault_of,
    page_body,
    report,
)
from flower_ng.web.http.guard import SAFE_METHODS, SECURITY_HEADERS, Access
from flower_ng.web.ui.format import json_text
from flower_ng.web.ui.links import text_of

log = logging.getLogger(__name__)

#: The header of a refresh by the page's own script.
LIVE: Final = "Flower-Live"
_T = TypeVar("_T")


class ClientLeft(Exception):  # noqa: N818 - an end, not an error
    """The client closed the connection before its answer was ready; nothing is sent or logged."""


class Handler(Audited):
    """A guarded request: whatever a subclass does, the door's checks ran before.

    Raise an AnswerError anywhere, and the answer says so in the form of the route's family.
    `path` and `aliases` are Tornado patterns without the prefix; a class with a path says itself
    what it needs, or can't be made.
    """

    path: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    access: ClassVar[Access] = Access.PAGE

    _error_id: str = ""
    _work: "asyncio.Future[Any] | None" = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "path" in vars(cls) and "need" not in vars(cls):
            raise TypeError(
                f"{cls.__name__} has a path and no need: say OPEN, READ, OPERATE or ADMINISTER"
            )

    # Before the handler's own method

    def set_default_headers(self) -> None:
        """Put the security headers on every answer, errors included."""
        for name, value in SECURITY_HEADERS.items():
            self.set_header(name, value)
        self.set_header("Cache-Control", "private, no-cache")
        origin = self.request.headers.get("Origin")
        for name, value in self.services.door.headers(origin, self.request.protocol).items():
            self.set_header(name, value)

    async def prepare(self) -> None:
        """Run the door's checks, in the order of Flower's."""
        PEER.set(self.request.remote_ip or "")
        self.services.door.check_host(self.request.headers.get("Host", ""))
        self._check_site()
        headers = self.request.headers
        self.services.door.check_open(self.access, headers.get("Authorization"))
        if self.request.method not in self.allowed_methods():
            raise HTTPError(HTTPStatus.METHOD_NOT_ALLOWED)
        if not self.is_open and self.request.method != "OPTIONS":
            await self._admit()

    def _check_site(self) -> None:
        door, method, headers = self.services.door, self.request.method or "", self.request.headers
        door.check_site(method, headers)
        if door.needs_xsrf_token(method, headers):
            self.check_xsrf_cookie()

    async def _admit(self) -> None:
        who = await self.identified()
        if who is None:
            self.ask_to_log_in()
            return
        self.identity = who
        self.check_role(who)
        method, headers = self.request.method or "", self.request.headers
        self.services.door.check_name(who, method, headers, self.stranger)
        self.is_known = True

    @property
    def is_open(self) -> bool:
        """Whether nobody is asked who they are."""
        return self.access is Access.OPEN

    def check_role(self, who: Identity) -> None:
        """Refuse whose role is not enough for this route; who only reads one needs no more."""
        method = self.request.method or ""
        is_read = method in SAFE_METHODS and self.answers("POST")
        need = min(self.need, Need.READ) if is_read else self.need
        self.services.door.check_need(who, need, method)

    async def may_stay(self) -> bool:
        """Whether this request would still be let in: tokens are revoked, and logins end."""
        try:
            who = await self.identified()
            if who is not None:
                self.check_role(who)
        except AnswerError:
            return False
        return who is not None

    async def identified(self) -> Identity | None:
        """Who this request comes from; None for who has to log in by the provider."""
        door = self.services.door
        session = self.session if door.pattern else None
        return await door.identity(credentials_of(self.request, door.header, session))

    def ask_to_log_in(self) -> None:
        """Send a browser to the login."""
        if self.request.method not in SAFE_METHODS:
            raise Forbidden
        self.redirect(f"{self.services.url('/login')}?{urlencode({'next': self.request.uri})}")

    def get_current_user(self) -> str:
        """Who asks, for the log: a name, or `anonymous`."""
        return self.identity.name

    # Arguments

    def decode_argument(self, value: bytes, name: str | None = None) -> str:
        """Decode an argument; one of the path, which has no name, as `Links` wrote it."""
        text = super().decode_argument(value, name)
        return text if name else text_of(text)

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
        self.set_status(HTTPStatus.NO_CONTENT)
        self.set_header("Allow", self._allowed())

    @classmethod
    def allowed_methods(cls) -> tuple[str, ...]:
        """The methods that this route answers with something else than 405."""
        return ("OPTIONS", *(name for name in ("GET", "HEAD", "POST") if cls.answers(name)))

    @classmethod
    def answers(cls, method: str) -> bool:
        """Whether the class has something to say to GET, HEAD or POST."""
        name = "get" if method == "HEAD" else method.lower()
        return getattr(cls, name) is not getattr(RequestHandler, name)

    def _allowed(self) -> str:
        return ", ".join(self.allowed_methods())

    # Answers

    def write_json(self, answer: Mapping[str, Any]) -> None:
        """Answer with strict, ASCII-only JSON: no NaN, and no `</` that could end a script."""
        self.set_header("Content-Type", JSON)
        self.write(json_text(answer))

    async def while_here(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Await the work, and cancel it when the client leaves; raises ClientLeft then."""
        self._work = task = asyncio.ensure_future(work)
        try:
            return await task
        except asyncio.CancelledError:
            if self._has_left:
                raise ClientLeft from None
            raise
        finally:
            self._work = None

    def on_connection_close(self) -> None:
        """End what only this client was waiting for."""
        self._has_left = True
        if self._work is not None:
            self._work.cancel()

    # Errors

    def send_error(self, status_code: int = 500, **kwargs: Any) -> None:
        """Answer with the status that the error carries."""
        error = _raised(kwargs)
        if isinstance(error, ClientLeft):
            self.finish()
            return
        self.failure = error
        status = error.status if isinstance(error, AnswerError) else status_code
        super().send_error(status, **kwargs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Write the body of an error in the form of this route's family."""
        error = _raised(kwargs)
        fault = fault_of(status_code, error, self._hint(status_code))
        if fault.status == HTTPStatus.UNAUTHORIZED and self.services.door.basic:
            self._ask_for_password()
        if isinstance(error, TooManyRequests):
            self.set_header("Retry-After", str(error.retry_after_s))
        if fault.status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.set_header("Allow", self._allowed())
        self.write_fault(fault, error)

    def _ask_for_password(self) -> None:
        """Have browsers open their window for it, but not because of a page's own scripts."""
        headers = self.request.headers
        if LIVE not in headers and headers.get("Accept") != "text/event-stream":
            self.set_header("WWW-Authenticate", 'Basic realm="flower"')

    def _hint(self, status: int) -> str:
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            return f"{self.request.method} is not possible here, only {self._allowed()}"
        if status == HTTPStatus.INTERNAL_SERVER_ERROR:
            return f"Error 500, number {self._error_id} in the log"
        return ""

    def write_fault(self, fault: Fault, error: BaseException | None) -> None:
        """Write a fault as pages do: a page for some, plain text for others."""
        if fault.is_html_page:
            details = report(error) if self.services.options.debug and fault.is_bug else ""
            self.write_page(
                "pages/error.html",
                ErrorView.of(fault, self._error_id, details),
                nav=getattr(self, "nav", None),
            )
        else:
            body = page_body(fault)
            self.set_header("Content-Type", body.content_type)
            self.write(body.text)

    def write_api_fault(self, fault: Fault) -> None:
        """Write a fault as the API does: text, or JSON to who asks for that."""
        body = api_body(fault, self.request.headers.get("Accept", ""))
        self.set_header("Content-Type", body.content_type)
        self.write(body.text)

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log an announced error in one line, any other with its traceback and its id."""
        if isinstance(value, AnswerError):
            level = (
                logging.ERROR
                if value.status >= HTTPStatus.INTERNAL_SERVER_ERROR
                else logging.WARNING
            )
            words = one_line(value.message)
            log.log(level, "%d %s: %s", value.status, self._request_summary(), words)
        elif isinstance(value, HTTPError):
            super().log_exception(typ, value, tb)
        elif not isinstance(value, ClientLeft):
            self._error_id = self.services.new_id()
            log.error("Error %s in %s", self._error_id, self._request_summary(), exc_info=value)


def _raised(kwargs: Mapping[str, Any]) -> BaseException | None:
    info: tuple[Any, BaseException | None, Any] = kwargs.get("exc_info", (None, None, None))
    return info[1]
