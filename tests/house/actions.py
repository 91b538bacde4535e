"""The handlers of the site with their guard left in, and their actions replaced by a test's own."""

from collections.abc import Callable
from typing import Any

from flower_ng.web.http.base import Endpoint, Handler
from flower_ng.web.routes import ENDPOINTS, PAGES, PLUMBING

HANDLERS = (*PAGES, *ENDPOINTS, *PLUMBING)


def with_action(action: Callable[[Handler], Any]) -> list[type[Handler]]:
    """Every handler, doing only this; what it writes itself or returns is the answer."""
    return [replaced(handler, action) for handler in HANDLERS]


def replaced(handler: type[Handler], action: Callable[[Handler], Any]) -> type[Handler]:
    def do(self: Handler, *_path_args: str) -> None:
        action(self)

    async def act(self: Handler, *_path_args: str) -> dict[str, Any]:
        action(self)
        return {"message": "done"}

    members: dict[str, Any] = {"act": act} if issubclass(handler, Endpoint) else {}
    if handler.answers("GET"):
        members["get"] = do
    if handler.answers("POST") and not issubclass(handler, Endpoint):
        members["post"] = do
    return type(handler.__name__, (handler,), members)
