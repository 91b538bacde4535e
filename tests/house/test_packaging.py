"""What people install: the wheel, and the sdist, of which pip makes the same; each is started."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from flower_ng import __version__
from tests.services import ROOT, answers, free_port, wait_until

pytestmark = [
    pytest.mark.package,
    pytest.mark.xdist_group("package"),
    pytest.mark.timeout(900),  # all three are built when the first test asks
]

SOURCES = ("pyproject.toml", "hatch_build.py", "package.json", "package-lock.json", "LICENSE")
INFO = f"flower_ng-{__version__}.dist-info"
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def run(
    *command: object, path: str | None = None, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "PATH": os.environ["PATH"] if path is None else path},
        capture_output=True,
        text=True,
        check=False,
    )


def build(source: Path, target: Path, *options: str) -> Path:
    """Build without isolation: the tools are in this environment already."""
    done = run(sys.executable, "-m", "build", "--no-isolation", "-o", target, *options, source)
    assert done.returncode == 0, done.stdout + done.stderr
    return target


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return next(build(ROOT, tmp_path_factory.mktemp("wheel"), "--wheel").glob("*.whl"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return next(build(ROOT, tmp_path_factory.mktemp("sdist"), "--sdist").glob("*.tar.gz"))


@pytest.fixture(scope="module")
def wheel_of_sdist(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    assert run("tar", "--extract", "--file", sdist, "--directory", folder).returncode == 0
    source = next(folder.iterdir())
    return next(build(source, tmp_path_factory.mktemp("again"), "--wheel").glob("*.whl"))


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A fresh environment that sees the dependencies of this one, but not its flower_ng."""
    home = tmp_path / "environment"
    run(sys.executable, "-m", "venv", "--without-pip", home)
    [packages] = home.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home


def install(environment: Path, *what: object, path: str | None = None) -> None:
    pip = (sys.executable, "-m", "pip", "--python", environment / "bin/python", "install")
    done = run(
        *pip,
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--ignore-installed",
        "--no-compile",
        *what,
        path=path,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def started(request: pytest.FixtureRequest, environment: Path, tmp_path: Path) -> Iterator[str]:
    """Install what the parameter names, start it far from the checkout, and give its URL."""
    install(environment, request.getfixturevalue(request.param))
    port = free_port()
    command = [environment / "bin/flower-ng", "-b", "memory://", f"--port={port}"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            [*map(str, command), "--address=127.0.0.1"],
            cwd=tmp_path,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until(lambda: answers(port) or process.poll() is not None, 30, "it listens")
        assert process.poll() is None, (tmp_path / "log").read_text()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(20)


def fetched(url: str) -> bytes:
    with NO_PROXY.open(url, timeout=10) as answer:
        content: bytes = answer.read()
        return content


@pytest.mark.parametrize("started", ["wheel", "sdist"], indirect=True)
def test_what_is_installed_starts_and_serves_pages_with_their_files(started: str) -> None:
    assert fetched(f"{started}/healthcheck") == b"OK"

    page = fetched(f"{started}/").decode()
    files = re.findall(r'(?:href|src)="(/static/[^"]+)"', page)

    assert files
    assert all(fetched(started + file) for file in files)
    assert b"morph" in fetched(f"{started}/static/vendor/idiomorph.js")


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert {name.split("/")[0] for name in names} == {"flower_ng", INFO}
    assert not [name for name in names if "/." in name]
    assert "flower_ng/templates/base.html" in names
    assert "flower_ng/static/vendor/idiomorph.LICENSE" in names
    assert "flower_ng/py.typed" in names
    assert f"{INFO}/licenses/LICENSE" in names


def test_the_wheel_of_the_sdist_holds_what_the_wheel_holds(
    wheel: Path, wheel_of_sdist: Path
) -> None:
    one, other = (sorted(zipfile.ZipFile(path).namelist()) for path in (wheel, wheel_of_sdist))

    assert one == other


@pytest.fixture
def bare_source(tmp_path: Path) -> Path:
    """A checkout whose browser libraries were never fetched."""
    source = tmp_path / "source"
    for folder in ("flower_ng", "templates", "static", "tools"):
        shutil.copytree(
            ROOT / folder, source / folder, ignore=shutil.ignore_patterns("vendor", "__pycache__")
        )
    for name in (*SOURCES, "README.md"):
        shutil.copy(ROOT / name, source)
    return source


def test_without_npm_a_wheel_is_refused_with_what_to_do(bare_source: Path) -> None:
    done = run(sys.executable, "-m", "build", "--no-isolation", "--wheel", bare_source, path="")

    assert done.returncode != 0
    assert "run `make vendor`, or install Node.js with npm" in done.stdout + done.stderr


def test_without_npm_an_editable_install_works(bare_source: Path, environment: Path) -> None:
    install(environment, "--editable", bare_source, path="")

    where = run(
        environment / "bin/python",
        "-c",
        "import flower_ng; print(flower_ng.__file__)",
        cwd=environment,
    )
    assert where.stdout.strip() == str(bare_source / "flower_ng/__init__.py")
