"""Login sends people to the login provider and takes them back in; Logout ends their session."""

import hmac
import secrets
from dataclasses import dataclass
from typing import ClassVar

from flower_ng.errors import Forbidden, NotFound
from flower_ng.web.auth.landing import landing
from flower_ng.web.auth.oauth import OAuthClient, Provider
from flower_ng.web.auth.pattern import EmailPattern
from flower_ng.web.base import Access, Handler, Page
from flower_ng.web.guard import SESSION_COOKIE

STATE_COOKIE = "oauth_state"
NEXT_COOKIE = "oauth_next"
_MISMATCH = "OAuth authenticator error: State tokens do not match. Please try logging in again."


class Login(Handler):
    """`/login` for one provider: there without a code, back with one."""

    access = Access.OPEN
    provider: ClassVar[type[Provider]]

    async def get(self) -> None:
        """Send the browser to the provider, or let in whom it sent back."""
        if self.get_argument("error"):
            reason = self.get_argument("error_description") or self.get_argument("error")
            raise Forbidden(f"OAuth authenticator error: {reason}")
        code = self.get_argument("code")
        if code:
            await self._let_in(code)
        else:
            self._send_out()

    def _send_out(self) -> None:
        state = secrets.token_urlsafe(32)
        self.set_signed_cookie(STATE_COOKIE, state, **self.cookie_rules)
        wanted = landing(self.get_argument("next", ""), self.services.prefix)
        self.set_signed_cookie(NEXT_COOKIE, wanted, expires_days=1, **self.cookie_rules)
        self.redirect(self._service().authorization(state))

    async def _let_in(self, code: str) -> None:
        self._check_state()
        address = await self._service().identity(code, self._pattern())
        self.set_signed_cookie(SESSION_COOKIE, address, **self.cookie_rules)
        wanted = self.get_argument("next") or self._signed(NEXT_COOKIE)
        self.clear_cookie(STATE_COOKIE)
        self.clear_cookie(NEXT_COOKIE)
        self.redirect(landing(wanted, self.services.prefix))

    def _check_state(self) -> None:
        """A code counts only in the browser that was sent out for it."""
        ours = self._signed(STATE_COOKIE)
        theirs = self.get_argument("state", "")
        if not ours or not hmac.compare_digest(ours.encode(), theirs.encode()):
            raise Forbidden(_MISMATCH)

    def _signed(self, cookie: str) -> str:
        return (self.get_signed_cookie(cookie) or b"").decode()

    def _pattern(self) -> EmailPattern:
        pattern = self.services.door.pattern
        if pattern is None:
            raise NotFound("No login is configured: --auth_provider needs --auth")
        return pattern

    def _service(self) -> Provider:
        client = OAuthClient(**self.settings["oauth"])
        return self.provider(client, self.services.door.environ)


def login_with(provider: type[Provider]) -> type[Login]:
    """The handler of `/login` for this provider."""
    return type(f"{provider.name}Login", (Login,), {"provider": provider})


@dataclass(frozen=True, slots=True)
class LogoutView:
    """The page after logging out."""

    title: str = "Logged out"


class Logout(Page):
    """`/logout` ends the session; it answers without any login as well."""

    access = Access.OPEN
    path = "/logout"
    template = "pages/logout.html"

    async def view(self, *_path_args: str) -> LogoutView:
        """Clear the session's cookie."""
        self.clear_cookie(SESSION_COOKIE)
        return LogoutView()
