"""Finds the servers and the browser that the tests start; with --install, gets them with apt.

Without --install the missing ones are named, with the command that installs them, and the exit code
is 1: no test is skipped for want of them.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = {  # program: Debian's package
    "postgres": "postgresql",
    "redis-server": "redis-server",
    "rabbitmq-server": "rabbitmq-server",
    "promtool": "prometheus",
    "chromium": "chromium",
}
FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"  # not on every user's PATH
POLICY = Path("/usr/sbin/policy-rc.d")


def main() -> None:
    """Exit with 0 when everything is there, in the end."""
    packages = missing()
    if packages and "--install" in sys.argv[1:]:
        install(packages)
        packages = missing()
    if packages:
        sys.exit(
            f"Missing for the tests: {' '.join(packages)}. Run `make test-setup` as root, or "
            "install these packages of Debian yourself"
        )


def missing() -> list[str]:
    """The packages of the programs that are not found."""
    servers = map(str, Path("/usr/lib/postgresql").glob("*/bin"))  # Debian's, by version
    path = ":".join([os.environ.get("PATH", ""), FOLDERS, *servers])
    return [package for name, package in PROGRAMS.items() if not shutil.which(name, path=path)]


def install(packages: Sequence[str]) -> None:
    """Install them without letting their services start."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with services_asleep():
        subprocess.run(["apt-get", "update", "-qq"], env=environment, check=True)
        subprocess.run(
            ["apt-get", "install", "-qq", "--no-install-recommends", *packages],
            env=environment,
            check=True,
        )


@contextmanager
def services_asleep() -> Iterator[None]:
    """Keep apt from starting what it installs: RabbitMQ and Prometheus listen to the world."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


if __name__ == "__main__":
    main()
