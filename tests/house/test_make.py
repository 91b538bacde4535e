import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.services import ROOT

MAKE = str(shutil.which("make"))


def run(*command: str, cwd: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_make_alone_lists_what_can_be_made() -> None:
    listed = run(MAKE, "--no-print-directory").stdout

    words = [line.split()[1] for line in listed.splitlines()]
    assert {"help", "setup", "vendor", "demo", "test", "check", "test-setup", "wheel"} <= set(words)


def test_without_a_new_python_make_refuses_with_one_line() -> None:
    done = run(MAKE, "--no-print-directory", "python", "PYTHON=")

    assert done.returncode != 0
    assert "No Python 3.11 or newer found" in done.stderr


def test_without_node_make_refuses_with_one_line(tmp_path: Path) -> None:
    shell = str(shutil.which("bash"))

    done = run(MAKE, "--no-print-directory", "node", f"SHELL={shell}", PATH=str(tmp_path))

    assert done.returncode != 0
    assert "No Node.js 20.19 or newer found" in done.stderr


def test_missing_services_are_named_with_the_command_that_gets_them(tmp_path: Path) -> None:
    done = run(sys.executable, "tools/test_setup.py", PATH=str(tmp_path))

    assert done.returncode == 1
    assert "redis-server" in done.stderr
    assert "chromium" in done.stderr
    assert "make test-setup" in done.stderr


def test_continuous_integration_runs_make_test() -> None:
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == "exec make test"
