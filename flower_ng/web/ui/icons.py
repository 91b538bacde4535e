"""Icons are drawn from one sprite, which is made of kept ones when the package is built; pure."""

import re
from html import escape

#: The sprite among the static files; `package.json` lists what is in it.
SPRITE = "vendor/icons.svg"


def icon(sprite_url: str, name: str) -> str:
    """An icon as markup (write it with `raw`): it takes the colour of the words beside it.

    It says nothing by itself: what it stands for must be in words beside it.
    """
    where = escape(f"{sprite_url}#{name}")
    return f'<svg class="icon" aria-hidden="true"><use href="{where}"></use></svg>'


def icons_of(sprite: str) -> tuple[str, ...]:
    """The names of the icons in a sprite."""
    return tuple(re.findall(r'<symbol id="([^"]+)"', sprite))
