"""The build hook: brings the browser libraries into static/vendor/ when they are not there yet."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HINT = "install Node.js with npm, then run `make vendor`"


class VendorHook(BuildHookInterface):
    """Fills static/vendor/ from npm; without npm a wheel is refused, an editable install warned."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's signature
        """Fetch what is missing, or say what to do; `version` is `editable` or `standard`."""
        root = Path(self.root)
        if (root / "static/vendor/icons.svg").is_file():  # it is written last
            return
        try:
            fetch(root)
        except (OSError, subprocess.CalledProcessError) as error:
            message = f"static/vendor/ is empty and could not be filled ({error}): {HINT}"
            if version != "editable":
                raise SystemExit(message) from None
            self.app.display_warning(message)


def fetch(root: Path) -> None:
    """Install the locked packages and copy the libraries; OSError where npm is missing."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if not npm or not node:
        raise FileNotFoundError("npm not found")
    subprocess.run([npm, "ci", "--ignore-scripts", "--omit=dev"], cwd=root, check=True)
    subprocess.run([node, "tools/vendor.js"], cwd=root, check=True)
