"""`flower-ng doctor` as people run it, in a fork."""

import json
import os
import subprocess
from typing import Any

from tests.forks import ROOT, ran


def doctored(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if "FLOWER" not in name}
    return ran(("doctor", *words), ROOT, {**inherited, **environ}, 90)


def found(done: subprocess.CompletedProcess[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the checks of `--json` by area and name."""
    told = json.loads(done.stdout)
    return {(one["area"], one["name"]): one for one in told["checks"]}
