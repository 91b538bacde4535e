"""The machine that is measured on: what it is, and how busy others keep it."""

import os
import platform
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.services import ROOT, need, rabbit_script

PACKAGES = ("celery", "kombu", "redis", "tornado")
TICKS = os.sysconf("SC_CLK_TCK")


def busy_percent(seconds: float = 1.0) -> float:
    """Return how much of all cores others use, or take away, while we do nothing."""
    before = _spent()
    time.sleep(seconds)
    used, idle = (now - then for now, then in zip(_spent(), before, strict=True))
    return 100 * used / max(1, used + idle)


def _spent() -> tuple[int, int]:
    """Return the ticks in which a core was used, or lent to strangers, and was not."""
    fields = [int(text) for text in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return sum(fields) - idle, idle


def cpu_s(pid: int) -> float:
    """Return the seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid: int) -> float:
    """Return the memory that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def described() -> str:
    """Return the date, the machine, the versions and the commit, as a sentence."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), {memory:.0f}"
        f" GB, Linux {platform.release().split('-')[0]}, Python {platform.python_version()},"
        f" {packages}, Redis {_redis()}, RabbitMQ {_rabbit()}, commit {_commit()}."
    )


def _redis() -> str:
    told = subprocess.run([need("redis-server"), "--version"], capture_output=True, check=True)
    return told.stdout.decode().partition("v=")[2].split()[0]


def _rabbit() -> str:
    home = Path(rabbit_script()).resolve().parent.parent.name
    return home.rpartition("-")[2]


def _commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    told = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    return told.stdout.strip() or "unknown"
