"""The style guide: all parts in all states, for who works on this dashboard."""

import json
import re

import pytest

from flower_ng import assets
from flower_ng.web.http.frame import PLACES
from flower_ng.web.pages.styleguide import STATES
from flower_ng.web.ui.icons import SPRITE, icons_of
from tests.services import ROOT

SOURCES = ((assets.templates(), "*.html"), (assets.static() / "js", "*.js"))


def listed():
    return json.loads((ROOT / "package.json").read_text())["icons"]


@pytest.mark.usefixtures("shop")
async def test_a_site_in_debug_shows_every_state_and_every_icon(look):
    main = (await look("/styleguide", debug=True)).one("main")

    assert [state.text for state in main.all("span", class_="state")][: len(STATES)] == [*STATES]
    assert [item.text for item in main.all("li", class_="icon-name")] == listed()


@pytest.mark.usefixtures("shop")
async def test_no_other_site_has_it(look):
    await look("/styleguide", status=404)


def test_the_sprite_has_the_icons_that_are_listed():
    assert list(icons_of((assets.static() / SPRITE).read_text())) == listed()


def test_what_is_listed_is_used_and_what_is_used_is_listed():
    texts = "".join(path.read_text() for root, kind in SOURCES for path in root.rglob(kind))
    drawn = set(re.findall(r'\bicon\("([^"]+)"\)', texts))
    places = {icon for icon, _ in PLACES.values()}

    assert drawn | places <= set(listed())
    assert [name for name in listed() if f'"{name}"' not in texts and name not in places] == []
