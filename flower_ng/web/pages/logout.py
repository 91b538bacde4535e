"""Logout ends a session."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urlsplit

from flower_ng.errors import BadGateway, Forbidden
from flower_ng.web.auth.sessions import GROUPS_COOKIE, SESSION_COOKIE, Sessions
from flower_ng.web.http.base import Access, Need, Page

if TYPE_CHECKING:
    from flower_ng.web.auth.oidc import OidcProvider

#: The wait for a login provider that has not been asked before.
PROVIDER_S: Final = 3.0
#: What a browser says of a request that none of our own pages sent, nor its user by hand.
ELSEWHERE: Final = frozenset({"cross-site", "same-site"})


@dataclass(frozen=True, slots=True)
class LogoutView:
    """The page after logging out; or before it, where `is_out` is false.

    `everywhere` is what ends the person's other sessions, `who` whose all were ended;
    `provider_url` is where a login provider ends its own session.
    """

    title: str = "Logged out"
    is_out: bool = True
    everywhere: str = ""
    who: str = ""
    provider_url: str = ""


class Logout(Page):
    """`/logout` ends the session; it answers without any login as well.

    A GET does it too, as in Flower, but for a link or an image on another site, which is asked.
    """

    access = Access.OPEN
    path = "/logout"
    need = Need.OPEN
    template = "pages/logout.html"

    async def post(self) -> None:
        """End the session; with `everywhere`, which the page after it offers, the others too."""
        offer = self.get_body_argument("everywhere", "")
        view = self._ended_everywhere(offer) if offer else await self._ended()
        self.write_page(self.template, view, nav=None)

    async def view(self, *_path_args: str) -> LogoutView:
        """End the session, unless another site had the browser ask for it."""
        if self._is_from_elsewhere():
            return LogoutView("Log out", is_out=False)
        return await self._ended()

    async def _ended(self) -> LogoutView:
        sessions: Sessions = self.settings["sessions"]
        session = self.session
        self.clear_cookie(SESSION_COOKIE)
        self.clear_cookie(GROUPS_COOKIE)
        if session is None:
            return LogoutView()
        sessions.end(session)
        self.record_logout(session.who)
        return LogoutView(
            everywhere=sessions.offer_everywhere(session.who), provider_url=await self._provider()
        )

    async def _provider(self) -> str:
        """Return where the provider's own session is ended; empty where none is, or it is away."""
        provider: OidcProvider | None = self.settings["oidc"]
        url = ""
        if provider is not None:
            with suppress(BadGateway, TimeoutError):
                async with asyncio.timeout(PROVIDER_S):
                    url = (await provider.endpoints()).logout
        mark = "&" if "?" in url else "?"
        return url and f"{url}{mark}{urlencode({'client_id': self.settings['oauth']['key']})}"

    def _ended_everywhere(self, offer: str) -> LogoutView:
        sessions: Sessions = self.settings["sessions"]
        who = sessions.end_everywhere(offer)
        if not who:
            raise Forbidden("This page is too old: log in and out again")
        self.clear_cookie(SESSION_COOKIE)
        self.clear_cookie(GROUPS_COOKIE)
        self.record_logout(who, "all sessions")
        return LogoutView(who=who)

    def _is_from_elsewhere(self) -> bool:
        headers = self.request.headers
        site = headers.get("Sec-Fetch-Site")
        if site is not None:
            return site in ELSEWHERE
        try:
            referrer = urlsplit(headers.get("Referer", "")).netloc
        except ValueError:
            return True
        return bool(referrer) and referrer.lower() != self.request.host.lower()
