"""The build hook: brings the browser libraries into static/vendor/ when they are not there yet."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HINT = "run `make vendor`, or install Node.js with npm"


class VendorHook(BuildHookInterface):
    """Fills static/vendor/ from npm; without npm a wheel is refused, an editable install warned."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Fetch what is missing, or say what to do; `version` is `editable` or `standard`."""
        root = Path(self.root)
        if (root / "static/vendor/icons.svg").is_file():  # there when all is
            return
        try:
            fetch(root)
        except (OSError, subprocess.CalledProcessError) as error:
            message = f"static/vendor/ is empty and could not be filled ({error}): {HINT}"
            if version != "editable":
                raise SystemExit(message) from None
            self.app.display_warning(message)


def fetch(root: Path) -> None:
    """Have the locked libraries fetched and copied; OSError where npm is missing."""
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        raise FileNotFoundError("npm not found")
    subprocess.run([node, "tools/vendor.js"], cwd=root, check=True)
