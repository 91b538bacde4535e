"""make: what it does first, what it asks for, and that it heals after an interruption."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.services import ROOT, need, wait_until

MAKE = [str(shutil.which("make")), "--no-print-directory", f"PYTHON={sys.executable}"]
NEEDED = ("Makefile", "pyproject.toml", "hatch_build.py", "package.json", "package-lock.json")
PROGRAMS = (
    "redis-server",
    "promtool",
    "chromium-headless-shell",
    "firefox-esr",
    "openssl",
    "nginx",
    "caddy",
    "apache2",
    "haproxy",
    "git",
)  # those that are on the PATH alone


def run(*command: str, cwd: Path = ROOT, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """What make needs of a checkout in which nothing was made yet."""
    checkout = tmp_path / "checkout"
    for folder in ("requirements", "tools"):
        shutil.copytree(ROOT / folder, checkout / folder)
    for name in (*NEEDED, "README.md", "LICENSE", "flower_ng/__init__.py"):
        (checkout / name).parent.mkdir(exist_ok=True)
        shutil.copy2(ROOT / name, checkout / name)
    return checkout


def test_make_alone_lists_what_can_be_made() -> None:
    listed = run(*MAKE).stdout

    words = {line.split()[1] for line in listed.splitlines()}
    assert {"help", "setup", "vendor", "demo", "test", "check", "test-setup", "wheel"} <= words
    assert {"lock", "test-latest", "release"} <= words


def test_without_a_new_python_make_refuses_with_one_line() -> None:
    done = run(*MAKE, "python", "PYTHON=")

    assert done.returncode != 0
    assert "No Python 3.11 or newer found" in done.stderr
    assert "apt-get install python3 python3-venv" in done.stderr


def test_a_python_without_venv_is_told_with_the_package_that_brings_it(tmp_path: Path) -> None:
    bare = tmp_path / "python3"  # a stand-in for Debian's: it can't import ensurepip
    bare.write_text("#!/bin/sh\nexit 1\n")
    bare.chmod(0o755)

    done = run(*MAKE, "python", f"PYTHON={bare}")

    assert done.returncode != 0
    assert "apt-get install python3-venv" in done.stderr


def test_what_python_compiles_is_kept_whatever_the_environment_says(tmp_path: Path) -> None:
    stand_in(tmp_path, "python3", f'env > "{tmp_path}/environ"')

    run(*MAKE, "python", f"PYTHON={tmp_path}/python3", PYTHONDONTWRITEBYTECODE="1")

    assert "PYTHONDONTWRITEBYTECODE" not in (tmp_path / "environ").read_text()


def test_what_the_tests_need_is_looked_for_before_anything_is_made(fresh: Path) -> None:
    plan = run(*MAKE, "--dry-run", "test", cwd=fresh).stdout

    assert 0 < plan.index("tools/test_setup.py") < plan.index("venv --clear")


@pytest.mark.parametrize("target", ["demo", "wheel"])
def test_who_looks_or_packs_does_not_wait_for_the_tools(target: str, fresh: Path) -> None:
    plan = run(*MAKE, "--dry-run", target, cwd=fresh).stdout

    assert "requirements/build.txt" in plan
    assert "tools/vendor.js" in plan
    assert "requirements/tools.txt" not in plan
    assert "node_modules/.made" not in plan


def test_what_is_missing_is_named_where_there_is_no_apt(tmp_path: Path) -> None:
    done = run(sys.executable, "tools/test_setup.py", PATH=str(tmp_path))

    assert done.returncode == 1
    assert "redis-server" in done.stderr
    assert "chromium" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def stand_in(folder: Path, name: str, script: str) -> None:
    folder.joinpath(name).write_text(f"#!/bin/sh\n{script}\n")
    folder.joinpath(name).chmod(0o755)


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every user may read, unlike pytest's own."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_who_is_not_root_is_told_the_one_command(public: Path) -> None:
    stand_in(public, "apt-get", "exit 1")
    nobody = () if os.geteuid() else (need("setpriv"), "--reuid=65534", "--clear-groups")
    python = shutil.which("python3", path="/usr/bin") or sys.executable  # one that nobody may run
    script = (ROOT / "tools/test_setup.py").read_text()

    done = run(*nobody, python, "-c", script, cwd=public, PATH=str(public))

    assert done.returncode == 1
    assert done.stderr.endswith("Run: sudo make test-setup\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs")
def test_root_gets_what_is_missing_and_no_service_starts(tmp_path: Path) -> None:
    policy = Path("/usr/sbin/policy-rc.d")
    before = policy.exists()
    made = "; ".join(f"ln -sf /bin/true {tmp_path / name}" for name in PROGRAMS)
    # stand-ins for Debian's: `install` brings the programs while services are kept asleep
    stand_in(tmp_path, "dpkg", "exit 0")
    stand_in(tmp_path, "apt-get", f"PATH=/usr/bin:/bin; test -x {policy} || exit 9; {made}")

    done = run(sys.executable, "tools/test_setup.py", PATH=str(tmp_path))

    assert done.returncode == 0, done.stderr
    assert "Installing for the tests:" in done.stdout
    assert "redis-server" in done.stdout
    assert policy.exists() == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs")
def test_an_installation_that_fails_is_told_in_one_line(tmp_path: Path) -> None:
    stand_in(tmp_path, "dpkg", "exit 0")
    stand_in(tmp_path, "apt-get", "exit 100")

    done = run(sys.executable, "tools/test_setup.py", PATH=str(tmp_path))

    assert done.returncode == 1
    assert "ended with 100" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_continuous_integration_runs_make_test() -> None:
    assert (ROOT / ".ci/run").stat().st_mode & 0o111
    assert (ROOT / ".ci/run").read_text().splitlines()[-1] == "exec make test"


def pip_is_replaced(checkout: Path) -> bool:
    """The pip that came with Python went, another comes."""
    packages = checkout.glob(".venv-build/lib/python*/site-packages")
    return any((folder / "hatchling").exists() or list(folder.glob("~*")) for folder in packages)


def npm_fetches(checkout: Path) -> bool:
    return (checkout / "static/vendor.new/node_modules").exists()


def npm_unpacks(checkout: Path) -> bool:
    return any((checkout / "node_modules").glob("*/package.json"))


def borrow(checkout: Path, name: str, programs: Path) -> None:
    """Have an environment in a checkout whose programs are another's."""
    (checkout / name).mkdir(exist_ok=True)
    (checkout / name / "bin").symlink_to(programs)
    (checkout / name / "pyvenv.cfg").write_text(f"command = python -m venv {checkout / name}\n")
    (checkout / name / ".made").touch()


def interrupt(target: str, checkout: Path, when: Callable[[Path], bool], how: int) -> None:
    """Begin to make a target, and end all that make started as soon as it came so far."""
    with subprocess.Popen(
        [*MAKE, target],
        cwd=checkout,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        wait_until(lambda: when(checkout) or process.poll() is not None, 90, "it came so far")
        assert process.poll() is None, "it ended before it was interrupted"
        os.killpg(process.pid, how)
    assert not (checkout / target).exists()


@pytest.mark.package
@pytest.mark.xdist_group("interrupted")
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("target", "when", "how"),
    [
        (".venv-build/.made", pip_is_replaced, signal.SIGKILL),
        ("static/vendor/icons.svg", npm_fetches, signal.SIGKILL),
        ("node_modules/.made", npm_unpacks, signal.SIGINT),
    ],
)
def test_what_was_interrupted_is_made_anew(
    target: str,
    when: Callable[[Path], bool],
    how: int,
    fresh: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIP_COMPILE", "0")  # nobody runs what is installed but once
    if "venv" not in target:
        borrow(fresh, ".venv-node", ROOT / ".venv-node/bin")
    interrupt(target, fresh, when, how)

    done = run(*MAKE, target, cwd=fresh)

    assert done.returncode == 0, done.stdout + done.stderr
    proof = {
        ".venv-build/.made": [".venv-build/bin/python", "-m", "build", "--version"],
        "static/vendor/icons.svg": ["test", "-s", "static/vendor/icons.svg"],
        "node_modules/.made": [".venv-node/bin/node", "node_modules/eslint/bin/eslint.js", "-v"],
    }
    shown = run(*proof[target], cwd=fresh)
    assert shown.returncode == 0, shown.stderr
    assert not (fresh / "static/vendor.new").exists()


@pytest.fixture
def made(fresh: Path) -> Path:
    """The same, with the marks of what was made."""
    for mark in (".venv-node/.made", "static/vendor/icons.svg", ".venv/.tools"):
        (fresh / mark).parent.mkdir(parents=True, exist_ok=True)
        (fresh / mark).touch()
    for name in (".venv-node", ".venv"):
        borrow(fresh, name, Path(sys.executable).parent)
    return fresh


def test_where_only_the_package_changed_its_lists_stay(made: Path) -> None:
    plan = run(*MAKE, "--dry-run", "setup", "--what-if=pyproject.toml", cwd=made).stdout

    assert "--editable ." in plan
    assert "--require-hashes" not in plan


def test_an_environment_whose_python_is_gone_is_made_anew(made: Path) -> None:
    assert "venv --clear" not in run(*MAKE, "--dry-run", "setup", cwd=made).stdout

    (made / ".venv/bin").unlink()
    (made / ".venv/bin").symlink_to(made / "gone")

    assert "venv --clear .venv\n" in run(*MAKE, "--dry-run", "setup", cwd=made).stdout


def test_an_environment_that_was_moved_with_its_checkout_is_made_anew(made: Path) -> None:
    there = made.rename(made.with_name("moved"))

    assert "venv --clear .venv\n" in run(*MAKE, "--dry-run", "setup", cwd=there).stdout
