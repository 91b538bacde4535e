import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from flower_ng import __version__
from flower_ng.cli import command, script
from flower_ng.settings import OPTIONS
from tests.forks import Forked, forks
from tests.services import PATIENCE, ROOT, answers, free_port, wait_until

MODULE = (sys.executable, "-m", "flower_ng")
CELERY = (sys.executable, "-m", "celery")
#: The module in a fork: for what it says, not for how it is started.
FORK = ("a fork",)
SCRIPT = (sys.executable, "-c", "from flower_ng.cli.script import main; main()")
DEAD = "redis://127.0.0.1:1/0"  # nobody listens on port 1
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Started:
    """A program with its output; the environment has nothing of ours but what is given."""

    def __init__(self, folder: Path, command: tuple[str, ...], environ: dict[str, str]) -> None:
        inherited = {name: value for name, value in os.environ.items() if "FLOWER" not in name}
        self.log = folder / "output"
        self.process: subprocess.Popen[bytes] | Forked
        if command[:1] == FORK:
            self.log.touch()
            given = {**inherited, **environ}
            self.process = forks("flower_ng").start(command[1:], given, self.log, folder=folder)
            return
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**inherited, "PYTHONPATH": str(ROOT), **environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        return self.log.read_text()

    def says(self, pattern: str) -> re.Match[str]:
        """Wait until the output matches."""
        wait_until(lambda: re.search(pattern, self.output) or self.process.poll() is not None, 30)
        found = re.search(pattern, self.output)
        assert found, self.output
        return found

    def ends(self) -> int:
        return self.process.wait(30 * PATIENCE)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Started]]:
    """Start a program in an empty folder: `start(*words, FLOWER_PORT="0")`."""
    started: list[Started] = []

    def start(*words: str, **environ: str) -> Started:
        started.append(Started(tmp_path, words, environ))
        return started[-1]

    yield start
    for program in started:
        program.process.kill()
        program.ends()


@pytest.mark.oldest
class TestStarting:
    @pytest.mark.parametrize(
        ("words", "number"),
        [
            ((*CELERY, "-b", "memory://", "flower_ng"), signal.SIGTERM),
            ((*CELERY, "-b", "memory://", "flower-ng"), signal.SIGINT),
            ((*MODULE, "--broker=memory://", "flower_ng"), signal.SIGTERM),
            ((*SCRIPT, "-b", "memory://"), signal.SIGINT),
            ((*SCRIPT, "-b", "memory://"), signal.SIGTERM),
        ],
        ids=["celery", "alias", "module", "script", "script-terminated"],
    )
    def test_each_way_serves_until_a_signal_ends_it_with_0(
        self, start: Any, words: tuple[str, ...], number: int
    ) -> None:
        program = start(*words, "--port=0", "--address=127.0.0.1")
        url = program.says(r"at (http://127\.0\.0\.1:\d+/)")[1]

        with NO_PROXY.open(f"{url}healthcheck", timeout=10) as answer:
            assert answer.status == 200

        program.process.send_signal(number)
        assert program.ends() == 0, program.output
        assert "Traceback" not in program.output

    def test_an_app_of_the_project_is_found_and_its_tasks_are_in_the_banner(
        self, start: Any, tmp_path: Path
    ) -> None:
        (tmp_path / "proj.py").write_text(
            textwrap.dedent("""
                from celery import Celery
                app = Celery("proj", broker="memory://")
                @app.task(name="proj.sell")
                def sell(): ...
            """)
        )

        program = start(*MODULE, "-A", "proj", "flower_ng", "--port=0")

        assert "proj.sell" in program.says(r"Registered tasks: .*")[0]

    def test_the_banner_masks_the_brokers_password_and_shows_the_prefix(self, start: Any) -> None:
        dead = f"redis://:secret@127.0.0.1:{free_port()}/0"

        program = start(*FORK, "-b", dead, "flower_ng", "--port=0", "--url_prefix=/flower/")

        program.says(r"at http://127\.0\.0\.1:\d+/flower/\n")
        program.says(r"Broker: redis://:\*\*@127\.0\.0\.1")
        assert "secret" not in program.output

    @pytest.mark.parametrize(
        ("options", "believed"),
        [
            ((), "loopback and private addresses"),
            (("--trusted_proxies=10.0.0.0/8,192.0.2.7",), r"10\.0\.0\.0/8, 192\.0\.2\.7\n"),
        ],
    )
    def test_the_banner_says_whose_headers_of_proxies_are_believed(
        self, start: Any, options: tuple[str, ...], believed: str
    ) -> None:
        program = start(*FORK, "-b", "memory://", "flower_ng", "--port=0", "--xheaders", *options)

        program.says(f"The headers of reverse proxies are believed from {believed}")

    def test_quiet_starts_without_a_banner(self, start: Any) -> None:
        port = free_port()

        program = start(*FORK, "-q", "-b", "memory://", "flower_ng", f"--port={port}")

        wait_until(lambda: answers(port), 30)
        assert "http://" not in program.output

    def test_a_unix_socket_is_served_instead_of_a_port(self, start: Any, tmp_path: Path) -> None:
        program = start(*FORK, "-b", "memory://", "flower_ng", f"--unix_socket={tmp_path}/s")

        program.says(rf"at unix socket {tmp_path}/s")
        assert (tmp_path / "s").is_socket()
        assert "Every user of this machine can connect" in program.output

    def test_a_unix_socket_can_be_for_its_group(self, start: Any, tmp_path: Path) -> None:
        socket = f"--unix_socket={tmp_path}/s"
        program = start(*FORK, "-b", "memory://", "flower_ng", socket, "--unix_socket_mode=660")

        program.says(rf"at unix socket {tmp_path}/s")
        assert (tmp_path / "s").stat().st_mode & 0o777 == 0o660
        assert "Every user of this machine" not in program.output

    def test_warnings_of_the_options_are_logged(self, start: Any) -> None:
        words = (*FORK, "-b", "memory://", "flower_ng", "--port=0", "--prot=1", "--broker=x")

        program = start(*words, FLOWER_UNAUTHENTICATED_API="maybe")

        program.says("Ignored unknown option --prot; did you mean --port")
        program.says("Ignored Celery's own options after the sub-command: --broker")
        program.says("FLOWER_UNAUTHENTICATED_API='maybe' is neither")
        program.says("at http://")

    def test_a_config_file_made_for_flower_works_without_flower(
        self, start: Any, tmp_path: Path
    ) -> None:
        (tmp_path / "flowerconfig.py").write_text(
            "from flower.utils.template import humanize\n"
            "port = 0\n"
            "def format_task(task):\n"
            "    task.args = humanize(task.args, length=10)\n"
            "    return task\n"
        )

        start(*FORK, "-b", "memory://", "flower_ng").says("at http://")

    def test_debug_starts_again_when_the_source_changes(self, start: Any, tmp_path: Path) -> None:
        source = tmp_path / "proj.py"
        source.write_text('from celery import Celery\napp = Celery(broker="memory://")\n')
        program = start(*MODULE, "-A", "proj", "flower_ng", "--port=0", "--debug")
        program.says("at http://")

        source.write_text(source.read_text() + '@app.task(name="sell")\ndef sell(): ...\n')

        def started_again() -> bool:
            os.utime(source)  # again and again: the first look only remembers
            return "sell" in program.output

        wait_until(started_again, 30)

    def test_a_login_handler_in_the_working_directory_is_found_and_reads_the_options(
        self, start: Any, tmp_path: Path
    ) -> None:
        (tmp_path / "door.py").write_text(
            textwrap.dedent("""
                from flower.urls import settings
                from flower.views.auth import GithubLoginHandler
                from tornado.options import options
                settings["sso"] = {"key": "k", "secret": "s", "redirect_uri": None}
                class Door(GithubLoginHandler):
                    _OAUTH_SETTINGS_KEY = "sso"
                    async def get(self):
                        self.write(f"{options.auth} {self.settings['sso']['key']}")
            """)
        )
        words = ("flower_ng", "--port=0", "--auth=a@example.com", "--auth_provider=door.Door")
        program = start(*CELERY, "-b", "memory://", *words)
        url = program.says(r"at (http://127\.0\.0\.1:\d+/)")[1]

        with NO_PROXY.open(f"{url}login", timeout=10) as answer:
            assert answer.read() == b"a@example.com k"

    def test_a_broker_url_in_the_wrong_place_is_not_logged(self, start: Any) -> None:
        words = ("flower_ng", "redis://:hush@127.0.0.1:1/0", "--port=0")  # as Airflow starts Flower

        program = start(*CELERY, "-b", "redis://:hush@127.0.0.1:1/0", *words)
        program.says("Registered tasks:")
        program.says("Not connected|No events|Receiving")

        assert "Access: read: everyone who can connect" in program.output
        assert "hush" not in program.output

    def test_the_log_is_an_object_a_line_and_so_is_the_audit(self, start: Any) -> None:
        words = (*FORK, "-b", "memory://", "flower_ng", "--port=0", "--log_format=json")
        program = start(*words, FLOWER_UNAUTHENTICATED_API="true")
        url = program.says(r"at (http://127\.0\.0\.1:\d+/)")[1]
        program.says("Registered tasks:")

        with pytest.raises(urllib.error.HTTPError) as missing:
            NO_PROXY.open(f"{url}api/worker/shutdown/nobody", data=b"", timeout=10)
        missing.value.close()
        program.says(r'"audit": ?\{.*\n')

        whole, _, _ = program.output.rpartition("\n")
        lines = [json.loads(line) for line in whole.splitlines()]
        assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
        (entry,) = [line["audit"] for line in lines if "audit" in line]
        told = [entry[name] for name in ("who", "action", "target", "outcome")]
        assert told == ["anonymous", "worker/shutdown", "nobody", "refused"]

    def test_a_log_file_gets_the_log(self, start: Any, tmp_path: Path) -> None:
        words = (*FORK, "-b", "memory://", "flower_ng", "--port=0")

        start(*words, f"--log_file_prefix={tmp_path}/log")

        log = tmp_path / "log"
        wait_until(lambda: log.exists() and "at http://" in log.read_text(), 30)


def is_ready(url: str) -> bool:
    with contextlib.suppress(urllib.error.HTTPError), NO_PROXY.open(f"{url}readyz", timeout=10):
        return True
    return False


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="needs mounts")
def test_where_no_file_can_be_written_tasks_are_in_memory_and_pages_and_readyz_say_so(
    start: Any,
) -> None:
    """In mounts of its own, in which nothing can be written, as in a hardened container."""
    read_only = (
        "mount --make-rprivate / && mount -o remount,ro,bind / && for folder in /tmp /var/tmp"
        " /dev/shm /run; do ! mountpoint -q $folder || mount -o remount,ro,bind $folder; done"
        ' && ! touch "$0" 2> /dev/null && exec "$@"'
    )
    words = (*MODULE, "-b", "memory://", "flower_ng", "--port=0", "--address=127.0.0.1")

    program = start("unshare", "-m", "sh", "-c", read_only, "/tmp/x", *words)

    url = program.says(r"at (http://\S+)")[1]
    with NO_PROXY.open(f"{url}tasks", timeout=10) as page:
        assert "No temporary file can be written" in page.read().decode()
    wait_until(lambda: is_ready(url), 10)
    with NO_PROXY.open(f"{url}readyz", timeout=10) as answer:
        store = json.load(answer)["store"]
    assert (store["ok"], store["kind"], store["wanted"]) == (True, "memory", "temporary")
    assert "Traceback" not in program.output


WRONG = (
    ("--port=x", "Invalid '--port' option: 'x' is not a whole number"),
    ("--port", "--port requires a value: --port=…"),
    ("--auth=*@*.com", "Invalid '--auth' option"),
    ("--auth=ann", "Invalid '--auth' option: 'ann' would let nobody in"),
    ("--auth=ann@example.com", "--auth needs --auth_provider"),
    ("--auth_provider=no.such", "--auth_provider needs --auth"),
    ("--basic_auth=:", "Invalid '--basic_auth' option: the value has an empty user"),
    ("--cookie_secret=x", "Invalid '--cookie_secret' option: the value is too easy"),
    ("--require_auth", "--require_auth is set and no login is configured"),
    (
        "--log_file_prefix=/no/such/folder/log",
        "Invalid '--log_file_prefix' option: '/no/such/folder/log' cannot be written (No",
    ),
    ("--read_only=maybe", "Invalid '--read_only' option: 'maybe' is neither true nor"),
    ("--cookie_secret=", "Invalid '--cookie_secret' option: it is empty: set a value"),
    (
        "--address=no.such.host.invalid",
        "Invalid '--address' option: cannot listen at 'no.such.host.invalid' (",
    ),
    (
        "--unix_socket=/no/such/folder/socket",
        "Invalid '--unix_socket' option: cannot listen at '/no/such/folder/socket' (No",
    ),
    ("--unix_socket=/etc/hostname", "Invalid '--unix_socket' option: cannot listen at"),
    ("--notify=nowhere://secret", "Invalid '--notify' option: apprise can't read"),
)


class TestNotStarting:
    @pytest.mark.parametrize(("argument", "why"), WRONG)
    def test_a_wrong_value_is_one_line_and_exit_code_1(
        self, start: Any, argument: str, why: str
    ) -> None:
        program = start(*FORK, "-b", DEAD, "flower_ng", argument)

        assert program.ends() == 1
        assert program.output.startswith(f"Error: {why}")
        assert program.output.count("\n") == 1

    @pytest.mark.parametrize(
        ("provider", "why"),
        [
            ("no.such", "cannot be used: ModuleNotFoundError"),
            ("door.Closed", "has no method get"),
            ("door.Gone", "has no attribute 'Gone'"),
        ],
    )
    def test_a_login_handler_that_cannot_be_used_is_one_line(
        self, start: Any, tmp_path: Path, provider: str, why: str
    ) -> None:
        (tmp_path / "door.py").write_text(
            "from flower.views import BaseHandler\nclass Closed(BaseHandler): pass\n"
        )
        words = ("flower_ng", "--auth=a@example.com", f"--auth_provider={provider}")

        program = start(*CELERY, "-b", DEAD, *words)

        assert program.ends() == 1
        assert program.output.startswith(f"Error: Invalid '--auth_provider' option: '{provider}' ")
        assert why in program.output
        assert program.output.count("\n") == 1

    def test_a_port_in_use_is_one_line_and_exit_code_1(self, start: Any, redis_server: Any) -> None:
        port = redis_server.port

        program = start(*FORK, "-b", DEAD, "flower_ng", f"--port={port}")

        assert program.ends() == 1
        assert program.output.count("\n") == 1
        assert f"Port {port} is in use" in program.output

    def test_a_certificate_that_is_none_is_named_with_its_file(
        self, start: Any, tmp_path: Path
    ) -> None:
        (tmp_path / "c.pem").write_text("no certificate")

        program = start(
            *FORK, "-b", DEAD, "flower_ng", FLOWER_CERTFILE="c.pem", FLOWER_KEYFILE="c.pem"
        )

        assert program.ends() == 1
        assert program.output.count("\n") == 1
        assert f"Invalid 'certfile' and 'keyfile' options: {tmp_path}/c.pem and" in program.output

    def test_a_history_that_was_asked_for_and_cannot_be_kept_is_one_line(
        self, start: Any, tmp_path: Path
    ) -> None:
        (tmp_path / "flower.sqlite3").write_text("something else")

        program = start(*FORK, "-b", DEAD, "flower_ng", "--port=0", FLOWER_PERSISTENT="yes")

        assert program.ends() == 1
        assert program.output.count("\n") == 1
        assert program.output.startswith("Error: The history can't be kept: flower.sqlite3 was not")
        assert program.output.endswith("or start with --history_optional to do without it\n")

    @pytest.mark.parametrize("asked", ["--persistent", "--history=postgresql://u:p@127.0.0.1:1/db"])
    def test_one_that_is_optional_is_done_without_and_pages_and_readyz_say_so(
        self, start: Any, tmp_path: Path, asked: str
    ) -> None:
        (tmp_path / "flower.sqlite3").write_text("something else")
        words = (*FORK, "-b", "memory://", "flower_ng", "--port=0", asked, "--history-optional")

        program = start(*words, "--address=127.0.0.1")

        url = program.says(r"at (http://\S+)")[1]
        said = "Tasks are kept only until flower_ng stops"
        with NO_PROXY.open(f"{url}history", timeout=10) as page:
            assert said in page.read().decode().replace("&#x27;", "'")
        wait_until(lambda: is_ready(url), 10)
        with NO_PROXY.open(f"{url}readyz", timeout=10) as answer:
            store = json.load(answer)["store"]
        wanted = "file" if asked == "--persistent" else "postgresql"
        assert (store["ok"], store["kind"], store["wanted"]) == (True, "temporary", wanted)
        assert said in program.output
        assert "u:p" not in program.output

    def test_the_demo_takes_no_app(self, start: Any) -> None:
        program = start(*SCRIPT, "-A", "proj", "demo")

        assert program.ends() == 1
        assert program.output == "The demo brings its own Celery app: leave out -A proj\n"


class TestTelling:
    def test_celerys_other_commands_do_not_load_the_dashboard(self, start: Any) -> None:
        code = "import sys, celery.bin.celery; print('flower_ng.cli' in sys.modules); "
        code += "print('flower_ng.app' in sys.modules, 'tornado' in sys.modules)"

        program = start(sys.executable, "-c", code)

        assert program.ends() == 0
        assert program.output == "True\nFalse False\n"

    def test_version_prints_the_version_and_exits(self, start: Any) -> None:
        program = start(*CELERY, "flower_ng", "--version")

        assert program.ends() == 0
        assert program.output == f"flower_ng {__version__}\n"

    def test_help_lists_every_option_below_its_group(self) -> None:
        text = command.get_help(click.Context(command, info_name="flower_ng"))

        assert all(f"  {option.flag}=" in text for option in OPTIONS)
        assert all(f"\n{option.group}:\n" in text for option in OPTIONS)
        assert "celery [CELERY OPTIONS] flower_ng [OPTIONS]" in text


@pytest.mark.parametrize(
    ("words", "before"),
    [
        ([], []),
        (["--port=1"], []),
        (["demo", "-q"], []),
        (["-A", "proj", "--port=1"], ["-A", "proj"]),
        (["-q", "--broker=x", "demo"], ["-q", "--broker=x"]),
        (["-b", "demo", "demo"], ["-b", "demo"]),
        (["--version"], []),
        (["-A"], ["-A"]),
    ],
)
def test_the_script_leaves_celerys_options_to_celery(words: list[str], before: list[str]) -> None:
    assert script.parted(words) == (before, words[len(before) :])
