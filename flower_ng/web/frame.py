"""Frame is what stands around every page: title, navigation, toasts, banners, controls."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flower_ng.web.guard import Controls

if TYPE_CHECKING:
    from flower_ng.monitor.events import ConnectionState

TOAST_COOKIE = "flower_toast"
_TOAST_LENGTH = 1000  # a cookie holds 4 KiB; signing and escapes take their share


@dataclass(frozen=True, slots=True)
class NavItem:
    """One link of the navigation bar; `url` carries the prefix."""

    label: str
    url: str
    active: bool


@dataclass(frozen=True, slots=True)
class Toast:
    """What came of an action: its words, and whether it failed."""

    text: str
    failed: bool = False

    def packed(self) -> str:
        """The toast as a cookie carries it."""
        return json.dumps([self.text[:_TOAST_LENGTH], self.failed])

    @classmethod
    def unpacked(cls, packed: bytes | None) -> tuple["Toast", ...]:
        """The toast that a signed cookie held, if any."""
        if packed is None:
            return ()
        text, failed = json.loads(packed)
        return (cls(text, failed),)


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame of one page; `xsrf` is empty where forms need no token, `user` without a session.

    `connection` is the state of the events' connection to the broker; `warnings` are sentences.
    """

    title: str
    app_name: str
    nav: tuple[NavItem, ...]
    toasts: tuple[Toast, ...]
    connection: "ConnectionState"
    warnings: tuple[str, ...]
    controls: Controls
    read_only: bool
    xsrf: str
    user: str | None
    demo: bool
    version: str
