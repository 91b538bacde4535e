"""`flower-ng probe`, against a real dashboard."""

import subprocess
import sys

from tests.services import ROOT, Dashboard, free_port

PROBE = (sys.executable, "-c", "from flower_ng.cli.script import main; main()", "probe")


def probed(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    path = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        (*PROBE, *words),
        env={**path, **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_dashboard_that_runs_is_live_and_ready(dashboard: Dashboard) -> None:
    live = probed("--live", f"--port={dashboard.port}")
    ready = probed(FLOWER_PORT=str(dashboard.port))

    assert (live.returncode, live.stdout) == (0, "OK\n")
    assert (ready.returncode, '"ready": true' in ready.stdout) == (0, True)


def test_where_nothing_listens_the_probe_fails_in_one_line() -> None:
    done = probed(f"--port={free_port()}")

    assert done.returncode == 1
    assert done.stderr.startswith("Error: The dashboard does not answer: ")
