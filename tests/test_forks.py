"""Forks: what runs in one is as a program that was started alone, and ends with pytest."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forks import forks
from tests.services import ROOT, wait_until

STARTS_AND_ENDS = """
import os, sys
from pathlib import Path
from tests.forks import Forks
words = ["-A", "tests.shop", "worker", "-P", "solo"]
started = Forks("celery").start(words, os.environ, Path(sys.argv[1]))
print(started.pid, flush=True)
os.killpg(0, int(sys.argv[2]))
"""

ASKS_IN_THREADS = """
import threading
from concurrent.futures import ThreadPoolExecutor
from tests.forks import forks
together = threading.Barrier(8)
def asked(_):
    together.wait(30)
    return forks("celery")
with ThreadPoolExecutor(8) as pool:
    print(len(set(pool.map(asked, range(8)))))
"""


def test_a_fork_has_its_own_output_environment_and_exit_code(tmp_path: Path) -> None:
    log = tmp_path / "log"
    shown = forks("flower_ng").start(["flower_ng", "--version"], os.environ, log)
    refused = forks("flower_ng").start(
        ["flower_ng"], {**os.environ, "FLOWER_PORT": "none"}, tmp_path / "refused"
    )

    assert shown.wait(60) == 0
    assert log.read_text().startswith("flower_ng ")
    assert refused.wait(60) == 1
    assert "FLOWER_PORT" in (tmp_path / "refused").read_text()


def test_threads_that_start_programs_at_once_share_the_python_that_forks() -> None:
    command = [sys.executable, "-W", "error", "-c", ASKS_IN_THREADS]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, check=False, text=True, timeout=120
    )

    assert (done.stdout.strip(), done.returncode) == ("1", 0), done.stderr


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT], ids=["killed", "Ctrl-C"])
def test_what_runs_in_forks_is_killed_where_pytest_is_gone(tmp_path: Path, how: int) -> None:
    command = [sys.executable, "-c", STARTS_AND_ENDS, str(tmp_path / "log"), str(int(how))]
    done = subprocess.run(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
        timeout=120,
        start_new_session=True,
    )

    worker = Path(f"/proc/{int(done.stdout)}")

    wait_until(lambda: not worker.exists(), 15, "the worker is gone")
