"""Styleguide shows all parts of pages in all their states; only a site in debug has it."""

from dataclasses import dataclass
from typing import Final

from flower_ng.web.http.base import Need, Page
from flower_ng.web.ui.icons import SPRITE, icons_of

STATES: Final = (
    "PENDING", "RECEIVED", "STARTED", "SUCCESS", "FAILURE", "RETRY", "REVOKED", "REJECTED",
    "online", "offline", "bad",
)  # fmt: skip
GROUNDS: Final = ("frame", "canvas", "surface", "sunken", "raised", "border", "accent-faint")
INKS: Final = ("text", "text-soft", "accent", "good", "warn", "bad")
BUSY: Final = (0, 25, 60, 100)
LONG_NAME: Final = "a.package.with.a.long.path.of.modules.that_ends_in_the_name_of_the_task"
UUID: Final = "0c598d7b-125e-4d91-b248-b46949ea3931"


@dataclass(frozen=True, slots=True)
class StyleguideView:
    """What the parts are shown with."""

    title: str
    states: tuple[str, ...]
    grounds: tuple[str, ...]
    inks: tuple[str, ...]
    icons: tuple[str, ...]
    shares: tuple[int, ...]
    name: str
    uuid: str
    now: float


class Styleguide(Page):
    """`/styleguide`, with the option `debug`."""

    path = "/styleguide"
    need = Need.READ
    template = "pages/styleguide.html"

    async def view(self, *_none: str) -> StyleguideView:
        """Show everything."""
        sprite = self.services.assets.static / SPRITE
        return StyleguideView(
            title="Style guide",
            states=STATES,
            grounds=GROUNDS,
            inks=INKS,
            icons=icons_of(sprite.read_text()),
            shares=BUSY,
            name=LONG_NAME,
            uuid=UUID,
            now=self.services.clock(),
        )
