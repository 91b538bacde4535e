"""Turns what went wrong in a request into a status, words and a body; pure functions.

There are two families of bodies, as in Flower 2.2.0: one for pages, one for the API.
"""

import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from importlib import metadata

from tornado.escape import xhtml_escape
from tornado.web import HTTPError

from flower_ng.errors import AnswerError
from flower_ng.web.ui.format import json_text

HTML = "text/html; charset=UTF-8"
JSON = "application/json; charset=UTF-8"
NOT_FOUND = "Error, page not found"

_HINTS: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "Access denied",
    HTTPStatus.FORBIDDEN: "Access denied. Log in first, then try again.",
    HTTPStatus.NOT_FOUND: NOT_FOUND,
}
_HTML_PAGES = frozenset(
    {
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        HTTPStatus.BAD_GATEWAY,
    }
)


@dataclass(frozen=True, slots=True)
class Body:
    """The content type and the text of an error's answer."""

    content_type: str
    text: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One error of one request: `message` is empty where the error has none of its own."""

    status: int
    message: str
    hint: str
    is_labelled_html: bool = False

    @property
    def words(self) -> str:
        """What to tell a person."""
        return self.message or self.hint

    @property
    def is_html_page(self) -> bool:
        """Whether a page's answer is a page again."""
        return self.status in _HTML_PAGES

    @property
    def is_bug(self) -> bool:
        """Whether nobody foresaw it."""
        return self.status == HTTPStatus.INTERNAL_SERVER_ERROR


@dataclass(frozen=True, slots=True)
class ErrorView:
    """The page of an error; `report` is empty unless `debug` is on."""

    title: str
    status: int
    message: str
    error_id: str
    report: str

    @classmethod
    def of(cls, fault: Fault, error_id: str, report: str) -> "ErrorView":
        """The page of this fault."""
        title = f"Error {fault.status}" if fault.is_bug else ""
        return cls(title, fault.status, fault.words, error_id, report)


def fault_of(status: int, error: BaseException | None, hint: str = "") -> Fault:
    """The fault that an exception stands for; `hint` replaces the usual words of its status."""
    if isinstance(error, AnswerError):
        status, message = error.status, error.message
    else:
        message = _tornado_message(error)
    hint = hint or _HINTS.get(status, f"Error {status}")
    return Fault(status, message, hint, getattr(error, "is_labelled_html", False))


def _tornado_message(error: BaseException | None) -> str:
    if not isinstance(error, HTTPError) or not error.log_message:
        return ""
    return error.log_message % error.args  # without arguments Tornado has doubled each '%'


def page_body(fault: Fault) -> Body:
    """The body of a page's answer that is no page: the words, or for 401 the fixed ones."""
    if fault.status == HTTPStatus.UNAUTHORIZED:
        return Body(HTML, _HINTS[fault.status])
    return Body("text/plain", fault.words)


def wants_json(accept: str) -> bool:
    """Whether a client asks for JSON by name, and not for text as well."""
    return "application/json" in accept and "text/" not in accept


def api_body(fault: Fault, accept: str = "") -> Body:
    """The body of an API's answer, `{"error": words}` where `accept` asks for JSON.

    Else it is text, as in Flower; HTML without a message, and where Flower says so.
    """
    if wants_json(accept):
        return Body(JSON, json_text({"error": fault.words}))
    if fault.is_labelled_html or not fault.message:
        return Body(HTML, xhtml_escape(fault.words))
    return Body("text/plain; charset=UTF-8", fault.message)


def report(error: BaseException | None) -> str:
    """The traceback and the versions that `debug` shows."""
    lines = [f"{name} {metadata.version(name)}" for name in ("tornado", "celery", "kombu")]
    if error is not None:
        lines += ["", *traceback.format_exception(error)]
    return "\n".join(lines)
