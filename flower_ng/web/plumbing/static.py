"""Files serves `/static/…`; a path that carries the digest may be kept for ever."""

import re
from http import HTTPStatus
from pathlib import Path
from typing import Any

from tornado.routing import URLSpec
from tornado.web import GZipContentEncoding, HTTPError, RequestHandler, StaticFileHandler

from flower_ng.web.http.guard import OF_DOCUMENTS, SECURITY_HEADERS
from flower_ng.web.http.services import Services
from flower_ng.web.plumbing.not_found import bare

_IMPORT = re.compile(r'@import url\("([^"]+)"\) layer\((\w+)\);')
#: A file needs nothing else; a first view has three dozen of them, so few bytes count.
_HEADERS = {
    **{name: value for name, value in SECURITY_HEADERS.items() if name not in OF_DOCUMENTS},
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
#: Runs by itself, so that its own answer says what it may do.
_WORKER = "js/shared_stream.js"
_OF_WORKER = "default-src 'none'; script-src 'self'; connect-src 'self'"
_LASTING = "public, max-age=31536000, immutable"  # a year, the longest that caches honour


class Files(StaticFileHandler):
    """Static files, open to all; what is missing answers with a bare line."""

    cache_control: str = "no-cache"

    def initialize(self, path: Path, cache_control: str) -> None:  # type: ignore[override]  # fewer options
        """Serve the folder `path`, each file under this caching rule."""
        super().initialize(str(path))
        self.cache_control = cache_control

    def prepare(self) -> None:
        """Pack what is text, unless only a part is asked for."""
        if "Range" not in self.request.headers:
            self._transforms.append(GZipContentEncoding(self.request))

    def set_default_headers(self) -> None:
        """Put the security headers on static files too."""
        for name, value in _HEADERS.items():
            self.set_header(name, value)

    def set_extra_headers(self, path: str) -> None:
        """Let browsers keep what can't change, and ask again for what can."""
        self.set_header("Cache-Control", self.cache_control)
        if path == _WORKER:
            self.set_header("Content-Security-Policy", _OF_WORKER)

    def compute_etag(self) -> str | None:
        """The tag of a file that may change; of one that can't, its address is tag enough."""
        return None if self.cache_control == _LASTING else super().compute_etag()

    def validate_absolute_path(self, root: str, absolute_path: str) -> str | None:
        """Find no file whose name the system refuses."""
        if "\0" in absolute_path:
            raise HTTPError(HTTPStatus.NOT_FOUND)
        return super().validate_absolute_path(root, absolute_path)

    def write_error(self, status_code: int, **_kwargs: Any) -> None:
        """Write a bare line."""
        self.finish(bare(status_code))


class Styles(Files):
    """All style sheets of every page as one, so that a browser waits for one answer, not thirty."""

    async def get(self, path: str = "", include_body: bool = True) -> None:  # noqa: ARG002, FBT001, FBT002 - Tornado's signature
        """Answer with `css/app.css` and all that it imports."""
        self.set_header("Content-Type", "text/css; charset=UTF-8")
        self.set_header("Cache-Control", self.cache_control)
        self.write(gathered(Path(self.root) / "css/app.css"))

    def compute_etag(self) -> str | None:
        """The tag of what was written."""
        return RequestHandler.compute_etag(self)


def gathered(sheet: Path) -> str:
    """The style sheet with what it imports in its place, each in its layer."""
    return _IMPORT.sub(
        lambda found: f"@layer {found[2]} {{\n{(sheet.parent / found[1]).read_text()}}}",
        sheet.read_text(),
    )


def file_specs(services: Services) -> list[URLSpec]:
    """The routes of static files: with this build's digest, with another's, and plain.

    Browsers ask for `/favicon.ico` too, whatever a page says.
    """
    root, digest = re.escape(services.url("/static")), services.assets.digest
    folder = services.assets.static
    return [
        URLSpec(
            rf"{root}/{digest}/css/all\.css", Styles, {"path": folder, "cache_control": _LASTING}
        ),
        URLSpec(rf"{root}/{digest}/(.*)", Files, {"path": folder, "cache_control": _LASTING}),
        URLSpec(
            rf"{re.escape(services.prefix)}/(favicon\.ico)",
            Files,
            {"path": folder, "cache_control": "no-cache"},
        ),
        URLSpec(
            rf"{root}/(?:[0-9a-f]{{8,64}}/)?(.*)",
            Files,
            {"path": folder, "cache_control": "no-cache"},
        ),
    ]
