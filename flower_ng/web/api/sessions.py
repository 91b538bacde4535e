"""Ends the sessions of somebody, who may have left or lost a computer. On the loop."""

from typing import TYPE_CHECKING, Any

from flower_ng.errors import NotFound
from flower_ng.printable import one_line
from flower_ng.web.api.write import Write
from flower_ng.web.http.base import Need

if TYPE_CHECKING:
    from flower_ng.web.auth.sessions import Sessions


class SessionsEnd(Write):
    """End all sessions of one person; not one of Flower's."""

    path = r"/api/sessions/end"
    need = Need.ADMINISTER
    summary = "End all sessions of a person"

    async def act(self) -> dict[str, Any]:
        """End those that began until now; 404 where nobody has sessions."""
        who: str = self.get_argument("who", required=True)
        if self.services.door.pattern is None:
            raise NotFound("There are no sessions: no login by OAuth or OpenID Connect is set up")
        sessions: Sessions = self.settings["sessions"]
        sessions.end_all(who)
        return {"message": f"All sessions of {one_line(who)} that began until now have ended"}
