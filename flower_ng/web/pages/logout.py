"""Logout ends a session."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from flower_ng.web.http.base import Access, Need, Page
from flower_ng.web.http.guard import SESSION_COOKIE

#: What a browser says of a request that none of our own pages sent, nor its user by hand.
ELSEWHERE: Final = frozenset({"cross-site", "same-site"})


@dataclass(frozen=True, slots=True)
class LogoutView:
    """The page after logging out; or before it, where `is_out` is false."""

    title: str = "Logged out"
    is_out: bool = True


class Logout(Page):
    """`/logout` ends the session; it answers without any login as well.

    A GET does it too, as in Flower, but for a link or an image on another site, which is asked.
    """

    access = Access.OPEN
    path = "/logout"
    need = Need.OPEN
    template = "pages/logout.html"

    async def post(self) -> None:
        """End the session."""
        self.write_page(self.template, self._ended(), nav=None)

    async def view(self, *_path_args: str) -> LogoutView:
        """End the session, unless another site had the browser ask for it."""
        return LogoutView("Log out", is_out=False) if self._is_from_elsewhere() else self._ended()

    def _ended(self) -> LogoutView:
        self.clear_cookie(SESSION_COOKIE)
        self.record_logout()
        return LogoutView()

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
