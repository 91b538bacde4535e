"""Base is what login handlers made for Flower derive from: its `BaseHandler`, and their helpers."""

import hmac
import secrets
from typing import Any

from tornado.auth import AuthError
from tornado.escape import utf8
from tornado.web import RequestHandler

from flower_ng.web.auth.landing import landing
from flower_ng.web.auth.pattern import EmailPattern
from flower_ng.web.auth.sessions import SESSION_COOKIE, LoginSession, Sessions
from flower_ng.web.http.base import Access, Handler, Need

STATE_COOKIE = "oauth_state"
NEXT_COOKIE = "oauth_next"


class BaseHandler(Handler):
    """`flower.views.BaseHandler`."""

    access = Access.OPEN
    need = Need.OPEN
    #: The session that this request began.
    begun: LoginSession | None = None

    def get_argument(
        self,
        name: str,
        default: Any = None,
        strip: bool = True,  # noqa: FBT001, FBT002 - Flower's signature
        type: type | None = None,  # noqa: A002 - Flower's signature
        required: bool = False,  # noqa: FBT001, FBT002 - Flower's signature
        escape: bool = True,  # noqa: FBT001, FBT002 - Flower's signature
    ) -> Any:
        """Return an argument as ours does, but escaped for HTML unless told otherwise."""
        return super().get_argument(name, default, strip, type, required, escape)

    def set_signed_cookie(
        self,
        name: str,
        value: str | bytes,
        expires_days: float | None = 30,
        version: int | None = None,
        **kwargs: Any,
    ) -> None:
        """Sign a cookie, with our attributes unless others are given.

        That of a session is a new one, which lasts no longer than sessions may.
        """
        rules = {**self.cookie_rules, **kwargs}
        sessions: Sessions | None = self.settings.get("sessions")
        if name == SESSION_COOKIE and sessions is not None:
            signed = self._renewed(sessions, utf8(value).decode())
            days = None if expires_days is None else min(expires_days, sessions.max_age_days)
            self.set_cookie(name, signed, expires_days=days, **rules)
            return
        super().set_signed_cookie(name, value, expires_days, version, **rules)

    def _renewed(self, sessions: Sessions, who: str) -> str:
        """Begin a session; the one that this browser had ends, for there may be copies of it."""
        if self.session is not None:
            sessions.end(self.session)
        signed = sessions.signed(who)
        self.begun = sessions.of(signed)
        return signed

    def set_secure_cookie(self, name: str, value: str | bytes, *args: Any, **kwargs: Any) -> None:
        """Sign a cookie, by the older name; whichever of the two is overridden, that counts."""
        self.set_signed_cookie(name, value, *args, **kwargs)

    def _request_summary(self) -> str:
        """Name the request in the log without its query, which holds the provider's code."""
        return f"{self.request.method} {self.request.path} ({self.request.remote_ip})"

    @property
    def capp(self) -> Any:
        """The Celery app."""
        return self.cluster.capp


class OAuth2StateMixin:
    """`flower.views.auth.OAuth2StateMixin`: a code counts only in the browser sent out for it."""

    def set_oauth_state(self: Any) -> str:
        """Remember a random state in the browser, and return it for the provider."""
        state = secrets.token_urlsafe(32)
        self.set_secure_cookie(STATE_COOKIE, state)
        return state

    def verify_oauth_state(self: Any) -> None:
        """Raise AuthError unless the provider returned the browser's state; it works once."""
        ours = self.get_secure_cookie(STATE_COOKIE) or b""
        theirs = self.get_argument("state", "")
        if not ours or not hmac.compare_digest(ours, theirs.encode()):
            raise AuthError("OAuth authenticator error: State tokens do not match")
        self.clear_cookie(STATE_COOKIE)


def get_next_url(handler: RequestHandler) -> str:
    """Where the person wanted to go, when that is one of our own pages; else the front page.

    The provider may return `next`; otherwise it is what the browser remembers.
    """
    remembered = (handler.get_signed_cookie(NEXT_COOKIE) or b"").decode()
    wanted = handler.get_argument("next", "") or remembered
    return landing(wanted, handler.settings["services"].prefix)


def is_safe_redirect(target: str) -> bool:
    """Whether it is a path of this site."""
    return target == "/" or (bool(target) and landing(target, "") != "/")


def authenticate(pattern: str, email: str) -> bool:
    """Whether the `auth` option lets this address in."""
    return EmailPattern(pattern).accepts(email)


def validate_auth_option(pattern: str) -> bool:
    """Whether the `auth` option may be written like this."""
    return EmailPattern.fault(pattern) is None
