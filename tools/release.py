"""Makes what is uploaded for a release, looks at it, and stops there. Run by `make release`.

It refuses a version that is still being worked on, a changelog without its date, and a tree with
changes; then it runs the checks, builds both files into dist/, lists what is in them, and installs
the wheel into a fresh environment, beside what requirements/package.txt names.
"""

import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent
DIST = ROOT / "dist"


def main() -> None:
    """Do it all, or exit with the one line that says what to do first."""
    version = released()
    unchanged()
    run("make", "--no-print-directory", "check")
    shutil.rmtree(DIST, ignore_errors=True)
    run("make", "--no-print-directory", "wheel")
    sdist, wheel = DIST / f"flower_ng-{version}.tar.gz", next(DIST.glob("*.whl"))
    with tarfile.open(sdist) as packed:
        show(sdist, packed.getnames())
    with zipfile.ZipFile(wheel) as zipped:
        show(wheel, zipped.namelist())
    try_out(wheel, version)
    print(f"Ready: {sdist.name} and {wheel.name} in dist/. Nothing was uploaded or tagged.")
    if not is_located():
        print("pyproject.toml has no [project.urls]: name the project's address before you upload.")


def released() -> str:
    """Return the version, which the changelog dates; nothing newer waits there."""
    text = (ROOT / "flower_ng/__init__.py").read_text()
    version = re.findall(r'^__version__ = "(.+)"', text, re.MULTILINE)[0]
    if not re.fullmatch(r"[0-9.]+", version):
        sys.exit(f"{version} is no release: set __version__ in flower_ng/__init__.py")
    sections = re.findall(r"^## \[.*", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    if not re.fullmatch(rf"## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d", sections[0]):
        sys.exit(f"CHANGELOG.md begins with {sections[0]!r}: date it, ## [{version}] - YYYY-MM-DD")
    return version


def is_located() -> bool:
    """Whether the package tells where the project lives, which its page on an index links to."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return bool(tomllib.load(file)["project"].get("urls"))


def unchanged() -> None:
    """Exit where something is not committed."""
    command = ("git", "status", "--porcelain")
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    if told:
        sys.exit(f"Commit or take away first:\n{told.rstrip()}")


def show(path: Path, names: Sequence[str]) -> None:
    """List what a file holds."""
    print(f"{path.name}: {len(names)} names, {path.stat().st_size:,} bytes")
    for name in sorted(names):
        print(f"  {name}")


def try_out(wheel: Path, version: str) -> None:
    """Install the wheel where nothing else is, and ask it for its version."""
    with tempfile.TemporaryDirectory() as folder:
        python = f"{folder}/bin/python"
        install = (python, "-m", "pip", "install", "--quiet")
        listed = ("--require-hashes", "--only-binary", ":all:", "-r", "requirements/package.txt")
        run(sys.executable, "-m", "venv", folder)
        run(*install, *listed)
        run(*install, "--no-deps", "--no-index", str(wheel))
        told = run(f"{folder}/bin/flower-ng", "--version", stdout=subprocess.PIPE)
    if told.strip() != f"flower_ng {version}":
        sys.exit(f"Installed, flower-ng --version says {told!r}, not flower_ng {version}")
    print(f"Installed in a fresh environment: {told.strip()}")


def run(*command: str, stdout: int | None = None) -> str:
    """Run a command in the checkout; one that fails has said why, and ends this one."""
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=stdout, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}")
    return done.stdout or ""


if __name__ == "__main__":
    main()
