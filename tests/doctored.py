"""`flower-ng doctor` as people run it."""

import json
import os
import subprocess
import sys
from typing import Any

from tests.services import ROOT

DOCTOR = (sys.executable, "-c", "from flower_ng.cli.script import main; main()", "doctor")


def doctored(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if "FLOWER" not in name}
    return subprocess.run(
        (*DOCTOR, *words),
        cwd=ROOT,
        env={**inherited, "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def found(done: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the checks of `--json` by area and name."""
    told = json.loads(done.stdout)
    return {(one["area"], one["name"]): one for one in told["checks"]}
