"""Every command of the documentation is run, or its words are looked at where it can't be.

Addresses, ports and folders are replaced by those of the test; nothing else is.
"""

import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from flower_ng.settings import load, load_arguments
from tests.docs.pages import block, blocks
from tests.services import ROOT, Process, free_port, wait_until

BIN = Path(sys.executable).parent
PROJECT = """
from celery import Celery

app = Celery("proj")


@app.task(name="proj.add")
def add(x, y):
    return x + y
"""
#: What begins a command that no test of this file runs, and why.
NOT_RUN = {
    "pip install": "fetches packages: test_what_pip_installs_is_ours",
    "make": "the suite is one of them: tests/house/test_make.py, test_names.py",
    "docker": "needs a container engine: make image-test",
    "export": "test_an_option_is_read_from_all_three_places",
    "echo": "test_an_option_is_read_from_all_three_places",
    "sqlite3": "test_a_history_is_restored_as_it_was_when_it_was_backed_up",
    "rm": "as above",
    "cp": "as above",
    ".venv/bin/pytest": "test_the_test_that_is_run_by_itself_exists",
    "--notify": "test_the_options_of_an_example_are_options",
    "flower-ng import": "test_flowers_file_is_imported",
    "flower-ng doctor": "test_the_doctor_answers",
    "flower-ng demo": "tests/demo",
}
SERVES = re.compile(r"(celery|flower-ng|python -m flower_ng) (?!import).*(flower_ng|--port)")


def commands() -> list[str]:
    """Return each command once, without the comment behind it."""
    lines = [
        line.partition("  #")[0].strip()
        for found in blocks("", "sh")
        for line in found.text.splitlines()
        if found.page.name != "architecture.md"  # a drawing
    ]
    return list(dict.fromkeys(part for line in lines for part in line.split(" && ") if part))


def test_every_command_is_of_a_kind_that_is_tested() -> None:
    others = [
        line
        for line in commands()
        if not line.startswith((*NOT_RUN, "curl ")) and not SERVES.match(line)
    ]

    assert not others
    assert all(any(line.startswith(kind) for line in commands()) for kind in NOT_RUN)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The reader's folder: a project, its settings, and the broker in the environment."""
    (tmp_path / "proj.py").write_text(PROJECT)
    (tmp_path / "celeryconfig.py").write_text("event_serializer = 'json'\n")
    return tmp_path


class Command(Process):
    """A command of a page, run in a folder of its own as a reader would."""

    def __init__(self, folder: Path, line: str, **environment: str) -> None:
        super().__init__(folder / "command.log")
        words = [str(BIN / word) if (BIN / word).exists() else word for word in shlex.split(line)]
        path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        environ = {"PATH": path, "PYTHONPATH": str(folder), **environment}
        self.spawn(["env", "-C", str(folder), *words], environ)


@pytest.mark.parametrize("line", [line for line in commands() if SERVES.match(line)])
def test_what_starts_the_dashboard_starts_it(line: str, folder: Path, redis_url: str) -> None:
    port = free_port()
    line = re.sub(r"--port=\d+", f"--port={port}", line)
    line = line.replace("redis://localhost:6379/0", redis_url)
    line = line.replace("/var/lib", str(folder))
    (folder / "flower").mkdir()
    command = Command(folder, line, CELERY_BROKER_URL=redis_url, FLOWER_PORT=str(port))
    try:
        wait_until(lambda: f":{port}/" in command.output() or not command.running, 20, line)
        assert command.running, command.output()
        wait_until(lambda: "Receiving events" in command.output(), 20, "it reaches the broker")
        command.signal(signal.SIGTERM)
        assert command.process is not None
        assert command.process.wait(20) == 0
    finally:
        command.kill()
    assert "Traceback" not in command.output()
    assert "unknown" not in command.output()


# The API


@pytest.fixture
def cluster(folder: Path, redis_url: str) -> Iterator[Callable[[str], int]]:
    """Start a worker `w1@host`; the function starts a dashboard and returns its port."""
    environment = {"CELERY_BROKER_URL": redis_url, "CELERY_RESULT_BACKEND": redis_url}
    worker = "celery -A proj worker -n w1@host -c 1 -l INFO --without-mingle --without-gossip"
    started: list[Process] = [Command(folder, worker, **environment)]
    wait_until(lambda: " ready." in started[0].output(), 30, "the worker is ready")

    def start(options: str) -> int:
        port = free_port()
        line = f"flower-ng -A proj --port={port} --address=127.0.0.1 {options}"
        own = folder / str(port)
        own.mkdir()
        shutil.copy(folder / "proj.py", own)
        is_open = "false" if options else "true"
        dashboard = Command(own, line, FLOWER_UNAUTHENTICATED_API=is_open, **environment)
        started.append(dashboard)
        wait_until(lambda: "Receiving events" in dashboard.output(), 20, "the dashboard is ready")
        return port

    yield start
    for process in reversed(started):
        process.stop()


def test_the_examples_of_the_api_are_answered(cluster: Callable[[str], int]) -> None:
    ports = {"": cluster("")}
    ports |= {login: cluster(f"--basic_auth={login}") for login in ("ann:secret",)}
    curls = [line for line in commands() if line.startswith("curl ")]

    assert len(curls) >= 4
    for line in curls:
        [login] = re.findall(r"-u (\S+)", line) or [""]
        own = re.sub(r"localhost:5555", f"127.0.0.1:{ports[login]}", line)
        words = ["--silent", "--show-error", "--fail-with-body", "--noproxy", "*"]
        done = subprocess.run(
            ["curl", *words, *shlex.split(own)[1:]],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, (line, done.stdout, done.stderr)
        assert isinstance(json.loads(done.stdout), dict)


# The other commands


def test_what_pip_installs_is_ours() -> None:
    package = (ROOT / "pyproject.toml").read_text("utf-8")
    extras = package.partition("[project.optional-dependencies]")[2].partition("\n[")[0]
    known = set(re.findall(r"^(\w+) =", extras, re.MULTILINE))
    pages = "\n".join(page.read_text("utf-8") for page in (ROOT / "docs").glob("*.md"))
    named = re.findall(r"flower-ng\[(\w+)\]", pages + (ROOT / "README.md").read_text("utf-8"))

    assert {line for line in commands() if line.startswith("pip")} == {"pip install flower-ng"}
    assert 'name = "flower-ng"' in package
    assert set(named) == known


def test_an_option_is_read_from_all_three_places(tmp_path: Path) -> None:
    [written] = [line for line in commands() if line.startswith("echo ")]
    [exported] = [line for line in commands() if line.startswith("export ")]
    subprocess.run(["sh", "-c", written], cwd=tmp_path, check=True)
    name, _, value = exported.removeprefix("export ").partition("=")

    assert load([], {}, tmp_path).settings.port == 5556
    assert load([], {name: value}, tmp_path / "elsewhere").settings.port == 5556


def test_the_options_of_an_example_are_options(tmp_path: Path) -> None:
    [line] = [line for line in commands() if line.startswith("--notify")]
    loaded = load_arguments(shlex.split(line.replace("#", "%23")), tmp_path)

    assert len(loaded.settings.notify) == 2
    assert not loaded.warnings


def test_the_test_that_is_run_by_itself_exists() -> None:
    [line] = [line for line in commands() if line.startswith(".venv/bin/pytest")]

    assert (ROOT / shlex.split(line)[-1]).is_file()


def test_the_doctor_answers(folder: Path, redis_url: str) -> None:
    for line in [line for line in commands() if line.startswith("flower-ng doctor")]:
        own = line.replace("redis://localhost:6379/0", redis_url)
        command = Command(folder, own, CELERY_BROKER_URL=redis_url)
        assert command.process is not None
        assert command.process.wait(60) == 2, command.output()  # no worker runs
        assert "celery -A APP worker" in command.output()


def test_flowers_file_is_imported(folder: Path) -> None:
    """The one for PostgreSQL is only read: tests/test_cli_importing.py has the databases."""
    file, database = [line for line in commands() if line.startswith("flower-ng import")]
    (folder / "flower").mkdir()
    shutil.copy(ROOT / "tests/store/flower_files/2.2.0-sqlite/flower", folder / "flower/flower")
    command = Command(folder, file.replace("/var/lib", str(folder)))

    assert command.process is not None
    assert command.process.wait(60) == 0, command.output()
    assert "tasks" in command.output()
    loaded = load_arguments(shlex.split(database)[3:], folder)
    assert loaded.settings.history.startswith("postgresql://")
    assert not loaded.warnings


def history_files() -> set[str]:
    """Return the names in the table of docs/deployment.md."""
    page = (ROOT / "docs/deployment.md").read_text("utf-8")
    rows = re.findall(r"^\| (`flower\.[^|]+) \|", page, re.MULTILINE)
    return {name.rstrip("/") for row in rows for name in re.findall(r"`([^`]+)`", row)}


def test_a_history_is_restored_as_it_was_when_it_was_backed_up(
    folder: Path, redis_url: str
) -> None:
    for name in ("data", "backup"):
        (folder / name).mkdir()
    backup, restore = (
        block("deployment.md", "sh", number)
        .replace("/data", f"{folder}/data")
        .replace("/backup", f"{folder}/backup")
        for number in (0, 1)
    )
    port = free_port()
    line = f"flower-ng -A proj --persistent --db={folder}/data/flower --port={port}"
    for _ in range(2):
        command = Command(folder, line, CELERY_BROKER_URL=redis_url)
        try:
            wait_until(lambda: "Receiving events" in command.output(), 20, "it runs")  # noqa: B023
            subprocess.run(["sh", "-c", backup], check=True)
            assert {path.name for path in (folder / "data").iterdir()} <= history_files()
        finally:
            command.stop()
        subprocess.run(["sh", "-c", restore], check=True)
        (folder / "command.log").unlink()

    with sqlite3.connect(folder / "data/flower.sqlite3") as history:
        assert history.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert history.execute("SELECT count(*) FROM task").fetchone() == (0,)
