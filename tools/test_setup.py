"""Finds the servers and the browser that the tests start; as root, gets what is missing with apt.

With the word `image` it is what builds and runs the container image, instead.

Elsewhere the missing ones are named, with the one command that gets them, and the exit code is 1:
no test is skipped for want of them.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = {  # the names of a program, of which Debian has the first: its package
    ("postgres",): "postgresql",
    ("redis-server",): "redis-server",
    ("rabbitmq-server",): "rabbitmq-server",
    ("promtool",): "prometheus",
    ("chromium-headless-shell", "chromium", "chromium-browser"): "chromium-headless-shell",
    ("firefox-esr", "firefox"): "firefox-esr",  # 80 MB, 300 MB installed
    ("openssl",): "openssl",
    ("nginx",): "nginx-light",
    ("caddy",): "caddy",
    ("apache2",): "apache2-bin",
    ("haproxy",): "haproxy",
    ("git",): "git",
}
IMAGE_PROGRAMS = {("buildah",): "buildah", ("debootstrap",): "debootstrap"}
TARGETS = {"": "test-setup", "image": "image-test"}  # what installs the programs of each kind
ON_UBUNTU = {"chromium-headless-shell": "chromium-browser", "firefox-esr": "firefox"}
FOLDERS = "/usr/local/sbin:/usr/sbin:/sbin"  # not on every user's PATH
POLICY = Path("/usr/sbin/policy-rc.d")
ASLEEP = "#!/bin/sh\n# flower_ng's tests: start no service that is installed\nexit 101\n"
APT = ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300")


def main() -> None:
    """Exit with 0 when everything is there, in the end."""
    if not missing():
        return
    if not shutil.which("apt-get"):
        sys.exit(f"Missing for the tests: install {' '.join(missing())} (Debian's names for them)")
    if os.geteuid() != 0:
        sys.exit(f"Missing for the tests: {' '.join(missing())}. Run: sudo make {TARGETS[kind()]}")
    install(missing())
    if missing():
        sys.exit(f"apt-get installed them, yet {' '.join(missing())} can't be found")


def missing() -> list[str]:
    """The packages of the programs that are not found."""
    servers = map(str, Path("/usr/lib/postgresql").glob("*/bin"))  # Debian's, by version
    path = ":".join([os.environ.get("PATH", ""), FOLDERS, *servers])
    names = ON_UBUNTU if system() == "ubuntu" else {}
    known = 1 if system() == "debian" else None
    return [
        names.get(package, package)
        for programs, package in wanted().items()
        if not any(shutil.which(program, path=path) for program in programs[:known])
    ]


def wanted() -> dict[tuple[str, ...], str]:
    """The programs of that kind."""
    return IMAGE_PROGRAMS if kind() == "image" else PROGRAMS


def kind() -> str:
    """What is asked for on the command line."""
    return "image" if "image" in sys.argv[1:] else ""


def system() -> str:
    """Which system it is: Ubuntu names some packages otherwise."""
    told = Path("/etc/os-release")
    lines = told.read_text().splitlines() if told.exists() else []
    return next((line[3:].strip('"') for line in lines if line.startswith("ID=")), "")


def install(packages: Sequence[str]) -> None:
    """Install them without letting their services start, after whatever was interrupted."""
    print("Installing for the tests:", *packages, flush=True)
    with services_asleep():
        run("dpkg", "--configure", "-a")
        run(*APT, "update")
        run(*APT, "install", "--no-install-recommends", *packages)


def run(*command: str) -> None:
    """Run a command that asks nothing; one that fails has said why."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    code = subprocess.run(command, env=environment, check=False).returncode
    if code:
        sys.exit(f"Installing for the tests failed: {' '.join(command)} ended with {code}")


@contextmanager
def services_asleep() -> Iterator[None]:
    """Keep apt from starting what it installs: RabbitMQ and Prometheus listen to the world."""
    if POLICY.exists() and POLICY.read_text() != ASLEEP:
        yield
        return
    POLICY.write_text(ASLEEP)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


if __name__ == "__main__":
    main()
