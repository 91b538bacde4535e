"""Small handlers that show what the base does for every handler."""

import asyncio
from typing import Any

from flower_ng.errors import BadRequest, Forbidden, NotFound, Refused, Unavailable
from flower_ng.web.http.base import Access, Endpoint, ErrorView, Handler, Need, Page
from flower_ng.web.pages.logout import Logout
from flower_ng.web.routes import PLUMBING

ERRORS: dict[str, Any] = {
    "bad": BadRequest("No <good>"),
    "forbidden": Forbidden("Not <you>"),
    "refused": Refused("Failed: <reason>"),
    "missing": NotFound("Unknown task '<id>'"),
    "nothing": NotFound(),
    "away": Unavailable("Broker or result backend unavailable"),
    "mute": Unavailable(),
    "bug": ZeroDivisionError("a <bug>"),
}


class ShownView:
    title: str
    text: str


class Shown(Page):
    """A page in the navigation bar."""

    path = "/shown"
    need = Need.READ
    aliases = ("/also-shown",)
    nav = "Shown"
    template = "pages/error.html"

    async def view(self):
        return ErrorView("Shown", 200, self.get_argument("text", "hello"), "", "")


class Failing(Page):
    """A page that fails as asked."""

    path = "/failing/(.+)"
    need = Need.READ
    template = "pages/error.html"

    async def view(self, kind):
        raise ERRORS[kind]


class FailingApi(Endpoint):
    """An endpoint that fails as asked."""

    path = "/api/failing/(.+)"
    need = Need.READ
    summary = "Fail."

    async def get(self, kind):
        raise ERRORS[kind]


class Echo(Endpoint):
    """Shows the arguments as a handler gets them."""

    path = "/api/echo/(.*)"
    need = Need.READ
    summary = "Show."

    async def get(self, name):
        kinds = {"int": int, "float": float, "bool": bool}
        kind = kinds.get(self.get_argument("type", ""))
        required = self.get_argument("required", False, type=bool)
        value = self.get_argument("value", type=kind, required=required)
        self.write_json({"name": name, "value": value})


class EchoForm(Endpoint):
    """Shows an argument of a form, and acts."""

    path = "/api/act/(.+)"
    need = Need.OPERATE
    summary = "Act."
    methods = ("POST",)
    has_form = True

    async def act(self, name):
        if name in ERRORS:
            raise ERRORS[name]
        return {"message": f"Did '{name}' with {self.get_argument('value', '')!r}"}


class Waiting(Endpoint):
    """Waits for ever, and tells when it is ended."""

    path = "/api/waiting"
    need = Need.READ
    summary = "Wait."

    def initialize(self) -> None:
        self.ended = self.settings["services"].cluster.ended

    async def get(self):
        await self.while_here(self._wait())

    async def _wait(self):
        try:
            await asyncio.sleep(3600)
        finally:
            self.ended.set()


class Who(Handler):
    """Tells who asks."""

    path = "/who"
    need = Need.READ

    def get(self):
        who = self.identity
        groups = list(who.groups)
        self.write_json({"name": who.name, "how": who.how, "role": who.role.word, "groups": groups})


class Open(Handler):
    """Open to all."""

    path = "/open"
    need = Need.OPEN
    access = Access.OPEN

    def get(self):
        self.write(self.current_user)


class ShownFrame(Handler):
    """Tells what the frame of a page would show."""

    path = "/frame"
    need = Need.READ

    def get(self):
        frame = self._frame("", None)
        self.write_json({"app": frame.app_name, "sees": frame.connection is not None})


class OpenFrame(ShownFrame):
    """The same without a login."""

    path = "/open-frame"
    need = Need.OPEN
    access = Access.OPEN


HANDLERS = (
    ShownFrame,
    OpenFrame,
    Shown,
    Failing,
    FailingApi,
    Echo,
    EchoForm,
    Waiting,
    Who,
    Open,
    Logout,
    *PLUMBING,
)
