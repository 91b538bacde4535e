"""Mounted is a login handler as `/login` runs it: its own code, our errors, cookies and headers.

The handler may be ours, one derived from ours, from an installed Flower's or from Tornado's.
"""

import logging
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final

from tornado.auth import AuthError
from tornado.httpclient import HTTPClientError
from tornado.web import Finish, HTTPError, RequestHandler

from flower_ng.errors import AnswerError, BadGateway, Forbidden, LoginError
from flower_ng.web.logins.base import BaseHandler
from flower_ng.web.logins.oauth import resolved

log = logging.getLogger(__name__)

#: What an answer of this site needs; a handler's own version goes first, Flower's does not.
_OURS: Final = (
    "_request_summary",
    "check_xsrf_cookie",
    "get_current_user",
    "log_exception",
    "on_finish",
    "options",
    "prepare",
    "send_error",
    "set_default_headers",
    "set_secure_cookie",
    "set_signed_cookie",
    "write_error",
)
_MAKERS: Final = frozenset({"flower", "flower_ng", "tornado"})
_UNREACHABLE: Final = (ConnectionError, TimeoutError, socket.gaierror, ssl.SSLError)
_CLIENT_ERRORS: Final = range(400, 500)


def mounted(handler: type[RequestHandler]) -> type[RequestHandler]:
    """The handler with what this site adds to it."""
    own: dict[str, Any] = {
        name: _with_error_answers(getattr(handler, name), handler)
        for name in ("get", "post")
        if getattr(handler, name) is not getattr(RequestHandler, name)
    }
    own["is_login"] = True
    if issubclass(handler, BaseHandler):
        return type(handler.__name__, (handler,), own)
    ours = {name: getattr(BaseHandler, name) for name in _OURS if not _is_own(handler, name)}
    theirs = {"get_argument": handler.get_argument}
    return type(handler.__name__, (handler, BaseHandler), {**theirs, **ours, **own})


def _is_own(handler: type[RequestHandler], name: str) -> bool:
    """Whether somebody else than Flower, Tornado and us wrote this method."""
    makers = (cls.__module__ for cls in handler.__mro__ if name in vars(cls))
    return next(makers).partition(".")[0] not in _MAKERS


def _with_error_answers(
    method: Callable[..., Any], handler: type[RequestHandler]
) -> Callable[..., Any]:
    """The method; what goes wrong in it becomes an answer in words."""

    @wraps(method)
    async def run(self: RequestHandler, *arguments: str) -> None:
        with _in_words(handler):
            await resolved(method(self, *arguments))

    return run


@contextmanager
def _in_words(handler: type[RequestHandler]) -> Iterator[None]:
    try:
        yield
    except (AnswerError, HTTPError, Finish):
        raise
    except AuthError as error:
        raise Forbidden(f"{error}. Please try logging in again.") from error
    except HTTPClientError as error:
        raise _provider_error(error) from error
    except _UNREACHABLE as error:
        raise BadGateway(_error(f"the login provider cannot be reached: {error}")) from error
    except Exception as error:
        name = f"{handler.__module__}.{handler.__qualname__}"
        log.exception("The login handler %s failed", name)
        raise LoginError(f"The login handler {name} failed; the log says why.") from error


def _provider_error(error: HTTPClientError) -> AnswerError:
    if error.code in _CLIENT_ERRORS:
        return Forbidden(_error(f"the login provider answered {error.code}"))
    return BadGateway(_error(f"the login provider failed: {error}"))


def _error(reason: str) -> str:
    return f"OAuth authenticator error: {reason}"
