"""Landing decides where a browser may be sent after a login or an action: only to our own pages."""

import re
from urllib.parse import quote

_FORBIDDEN = re.compile(r"[\x00-\x20\x7f\\]")  # browsers drop or turn these, and leave our host
_ROOTLESS = re.compile(r"[\w.-]+(?:[/?]|$)")


def landing(wanted: str, prefix: str) -> str:
    """The wanted path when it is a local one, else the front page.

    `prefix` is the normalised `url_prefix` with its slash, or empty; with it a missing first slash
    is added, as Flower does. A local path starts with one slash and names no host.
    """
    if prefix and _ROOTLESS.match(wanted):
        wanted = f"/{wanted}"
    return quote(wanted, safe="/?&=%#+:@,;!$'()*~[]") if _is_local(wanted) else f"{prefix}/"


def _is_local(wanted: str) -> bool:
    path = re.split("[?#]", wanted, maxsplit=1)[0]
    is_rooted = path.startswith("/") and "//" not in path and ".." not in path.split("/")
    return is_rooted and not _FORBIDDEN.search(wanted)
