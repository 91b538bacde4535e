"""Logout ends a session."""

from dataclasses import dataclass

from flower_ng.web.http.base import Access, Need, Page
from flower_ng.web.http.guard import SESSION_COOKIE


@dataclass(frozen=True, slots=True)
class LogoutView:
    """The page after logging out."""

    title: str = "Logged out"


class Logout(Page):
    """`/logout` ends the session; it answers without any login as well."""

    access = Access.OPEN
    path = "/logout"
    need = Need.OPEN
    template = "pages/logout.html"

    async def view(self, *_path_args: str) -> LogoutView:
        """Clear the session's cookie."""
        self.clear_cookie(SESSION_COOKIE)
        return LogoutView()
