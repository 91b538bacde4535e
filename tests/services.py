"""The real services that tests start for themselves: Redis, RabbitMQ, PostgreSQL, Celery workers.

Each listens on a free loopback port, keeps its files in a folder of its own, and is ended by pid.
"""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import Any

import psycopg

from tests.forks import Forked, forks

ROOT = Path(__file__).resolve().parent.parent
RABBIT_SCRIPTS = (
    "/usr/lib/rabbitmq/bin/rabbitmq-server",
    "/usr/local/lib/rabbitmq/bin/rabbitmq-server",
    "/usr/sbin/rabbitmq-server",
)
#: How many times as long as it takes on a quiet machine is waited for what has to happen.
PATIENCE = 4
#: Debian's shell has no windows to draw: opening one costs a fifth of Chromium's time.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser")
#: Has a program run as the user that Debian's package made.
OWNER = ("--reuid=postgres", "--regid=postgres", "--clear-groups")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(happened: Callable[[], Any], timeout_s: float = 15.0, what: str = "") -> Any:
    """Return the first true value of `happened()`; fail where it is not within `timeout_s`.

    That is on a quiet machine: a busy one gets PATIENCE. What promises a time measures it.
    """
    deadline = time.monotonic() + timeout_s * PATIENCE
    while time.monotonic() < deadline:
        value = happened()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"not within {timeout_s * PATIENCE} s: {what or happened}")


def answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
        return True
    return False


class Process:
    """A program that a test started; ended by its pid, its output kept in `log`."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.process: subprocess.Popen[bytes] | Forked | None = None

    def spawn(self, command: list[str], env: Mapping[str, str] | None = None) -> None:
        """Start it; dashboards and workers in a fork, where nothing is asked of Python itself."""
        environment = {**os.environ, **(env or {})}
        match command:
            case [sys.executable, "-m", ("celery" | "flower_ng") as module, *arguments] if not any(
                name.startswith("PYTHON") for name in env or ()
            ):
                self.process = forks(module).start(arguments, environment, self.log)
            case _:
                self.process = self._started(command, environment)

    def _started(self, command: list[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as out:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=ROOT,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def output(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def signal(self, number: int) -> None:
        """Signal the process and the children that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        if self.running:
            self.signal(signal.SIGKILL)
            assert self.process is not None
            self.process.wait(10)

    def stop(self, timeout_s: float = 10.0) -> int | None:
        """End it with SIGTERM, after `timeout_s` with SIGKILL; return its exit code."""
        if self.process is None:
            return None
        if self.running:
            self.process.terminate()
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.kill()
        self.signal(signal.SIGKILL)  # a child that outlived it
        return self.process.returncode


class Redis(Process):
    """A redis-server that keeps nothing on disk; `stop` and `start` keep the port."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "redis.log")
        self.folder = folder
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> "Redis":
        command = [need("redis-server"), "--port", str(self.port), "--bind", "127.0.0.1"]
        self.spawn([*command, "--save", "", "--appendonly", "no", "--dir", str(self.folder)])
        wait_until(lambda: answers(self.port), 10, "redis-server answers")
        return self


class Rabbit(Process):
    """A RabbitMQ node with the management plugin and an epmd of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "rabbit.log")
        self.folder = folder
        self.port, self.management_port = free_port(), free_port()
        self.epmd_port, self.dist_port = free_port(), free_port()

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}//"

    @property
    def management_url(self) -> str:
        return f"http://guest:guest@127.0.0.1:{self.management_port}/api/"

    @property
    def environment(self) -> dict[str, str]:
        folder = str(self.folder)
        return {
            "HOME": folder,
            "RABBITMQ_NODENAME": f"t{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.dist_port),
            "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia",
            "RABBITMQ_LOG_BASE": f"{folder}/log",
            "RABBITMQ_CONFIG_FILE": f"{folder}/rabbitmq.conf",
            "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/enabled_plugins",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}"
            ),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.epmd_port),
        }

    def start(self) -> "Rabbit":
        (self.folder / "enabled_plugins").write_text("[rabbitmq_management].\n")
        (self.folder / "rabbitmq.conf").write_text(
            f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {self.management_port}\n"
            "loopback_users.guest = true\n"
            "collect_statistics_interval = 1000\n"  # what its API tells is no older than this
        )
        self.spawn([rabbit_script()], self.environment)
        wait_until(
            lambda: answers(self.port) and answers(self.management_port), 60, "RabbitMQ answers"
        )
        wait_until(lambda: self._has_memory_alarm() is False, 60, "RabbitMQ tells of its node")
        return self

    def control(self, *words: str) -> None:
        """Run rabbitmqctl on this node."""
        environ = {**os.environ, **self.environment}
        command = [str(Path(rabbit_script()).with_name("rabbitmqctl")), *words]
        subprocess.run(command, env=environ, check=True, capture_output=True, timeout=60)

    @contextlib.contextmanager
    def memory_alarm(self) -> Iterator[None]:
        """Be short of memory; when it ends, the node's statistics tell of no alarm any more."""
        self.control("set_vm_memory_high_watermark", "0.000001")
        try:
            wait_until(lambda: self._has_memory_alarm() is True, 30, "the alarm is on")
            yield
        finally:
            self.control("set_vm_memory_high_watermark", "0.4")
            wait_until(lambda: self._has_memory_alarm() is False, 30, "the alarm is off")

    def _has_memory_alarm(self) -> bool | None:
        """Return what the node's statistics tell, None where they do not yet."""
        plain = self.management_url.replace("guest:guest@", "")
        login = {"Authorization": "Basic Z3Vlc3Q6Z3Vlc3Q="}
        request = urllib.request.Request(f"{plain}nodes?columns=mem_alarm", headers=login)
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                nodes = json.load(reply)
                # until a node has statistics it is an empty list, with none of the columns
                return nodes[0].get("mem_alarm") if nodes and nodes[0] else None
        except OSError:
            return None

    def stop(self, timeout_s: float = 20.0) -> int | None:
        """Kill it: to end in good order takes it ten seconds, and nobody needs what it has."""
        self.kill()
        self.stop_epmd()
        return super().stop(timeout_s)

    def stop_epmd(self) -> None:
        """End the port mapper that this node started: it left the node's process group."""
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (
                    b"epmd" in (entry / "cmdline").read_bytes()
                    and f"ERL_EPMD_PORT={self.epmd_port}".encode()
                    in (entry / "environ").read_bytes()
                ):
                    os.kill(int(entry.name), signal.SIGTERM)


class Prometheus(Process):
    """A Prometheus that scrapes one target, and judges rules, each second."""

    def __init__(self, folder: Path, target_port: int, rules: Sequence[Path] = ()) -> None:
        super().__init__(folder / "prometheus.log")
        self.folder, self.port = folder, free_port()
        self.config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(path) for path in rules],
            "scrape_configs": [
                {
                    "job_name": "flower_ng",
                    "static_configs": [{"targets": [f"127.0.0.1:{target_port}"]}],
                }
            ],
        }

    def start(self) -> "Prometheus":
        config = self.folder / "prometheus.yml"
        config.write_text(json.dumps(self.config))  # which is YAML, too
        command = [need("prometheus"), f"--config.file={config}"]
        command += [f"--storage.tsdb.path={self.folder / 'data'}"]
        self.spawn([*command, f"--web.listen-address=127.0.0.1:{self.port}"])
        wait_until(lambda: self.is_ready() or not self.running, 30, "Prometheus is ready")
        assert self.running, self.output()
        return self

    def is_ready(self) -> bool:
        """Whether it answers queries: it listens before that."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        with contextlib.closing(connection), contextlib.suppress(OSError):
            connection.request("GET", "/-/ready")
            return connection.getresponse().status == HTTPStatus.OK
        return False

    def ask(self, path: str, **query: str) -> Any:
        """Return the data of an answer, which must be a success without a warning."""
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(url, timeout=30) as reply:
                answer = json.load(reply)
        except urllib.error.HTTPError as reply:
            with reply:
                raise AssertionError((query, reply.read())) from None
        assert answer["status"] == "success", (query, answer)
        assert not answer.get("warnings"), (query, answer)
        return answer["data"]

    def values(self, expression: str) -> list[float]:
        """Return the values of all series that an expression has now."""
        return [float(one["value"][1]) for one in self.ask("query", query=expression)["result"]]


class Postgres(Process):
    """A PostgreSQL cluster without durability; `stop` and `start` keep the port and the data.

    Its server refuses to run as root: then it is the user `postgres`, who may not enter pytest's
    folders, so that its own lies beside them.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "postgres.log")
        self.port = free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="flower-ng-postgres-"))
        self._databases = count(1)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres:secret@127.0.0.1:{self.port}/{database}"

    def new_database(self) -> str:
        """Create a database and return its URL."""
        name = f"test{next(self._databases)}"
        self.say(f"CREATE DATABASE {name}")
        return self.url(name)

    def say(self, statement: str, database: str = "postgres") -> None:
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)

    def start(self) -> "Postgres":
        if not (self.folder / "data").exists():
            self._init()
        options = {"port": self.port, "listen_addresses": "127.0.0.1", "fsync": "off"}
        options["unix_socket_directories"] = self.folder
        settings = [f"-c{name}={value}" for name, value in options.items()]
        self.spawn([*self._as_owner, postgres("postgres"), "-D", self._data, *settings])
        wait_until(self._is_ready, 20, "PostgreSQL answers")
        return self

    def stop(self, timeout_s: float = 10.0) -> int | None:
        """End it at once, with its clients' connections."""
        self.signal(signal.SIGINT)
        return super().stop(timeout_s)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    @property
    def _data(self) -> str:
        return str(self.folder / "data")

    @property
    def _as_owner(self) -> list[str]:
        return [need("setpriv"), *OWNER] if os.geteuid() == 0 else []

    def _init(self) -> None:
        if os.geteuid() == 0:
            shutil.chown(self.folder, "postgres")
        command = [postgres("initdb"), "-D", self._data, "-U", "postgres", "-A", "trust"]
        command += ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        subprocess.run([*self._as_owner, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")

    def _is_ready(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            self.say("SELECT 1")
            return True
        return False


class Worker(Process):
    """A real Celery worker of tests/shop.py, ready when `start` returns."""

    def __init__(
        self,
        folder: Path,
        broker: str,
        backend: str = "",
        name: str = "w1",
        options: tuple[str, ...] = ("-P", "prefork", "-c", "2"),
        env: Mapping[str, str] | None = None,
        clock: Path | None = None,
    ) -> None:
        super().__init__(folder / f"worker-{name}-{time.monotonic_ns()}.log")
        self.hostname = f"{name}@{socket.gethostname()}"
        self.name, self.options, self.clock = name, options, clock
        self.environment = {"SHOP_BROKER": broker, "SHOP_BACKEND": backend, **(env or {})}

    def start(self, timeout_s: float = 30.0) -> "Worker":
        self.launch()
        self.wait(timeout_s)
        return self

    def launch(self) -> None:
        """Start it without waiting for it: several come up together."""
        command = [*python(self.clock), "celery", "-A", "tests.shop", "worker"]
        command += ["-n", f"{self.name}@%h", "-l", "INFO", "--without-gossip", "--without-mingle"]
        self.spawn([*command, *self.options], self.environment)

    def wait(self, timeout_s: float = 30.0) -> None:
        """Return when it is ready."""
        wait_until(lambda: self.output().find(" ready.") > 0, timeout_s, "the worker is ready")


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, redirects not followed."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None


class Dashboard(Process):
    """The dashboard as users start it: `python -m flower_ng -A tests.shop flower_ng --port=…`."""

    def __init__(
        self,
        folder: Path,
        broker: str,
        backend: str = "",
        options: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        clock: Path | None = None,
    ) -> None:
        super().__init__(folder / f"dashboard-{time.monotonic_ns()}.log")
        self.port = free_port()
        self.options, self.clock = options, clock
        self.environment = {
            "SHOP_BROKER": broker,
            "SHOP_BACKEND": backend,
            "FLOWER_UNAUTHENTICATED_API": "true",
            **(env or {}),
        }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def command(self) -> list[str]:
        flower = [*python(self.clock), "flower_ng", "-A", "tests.shop", "flower_ng"]
        return [*flower, f"--port={self.port}", "--address=127.0.0.1", *self.options]

    def start(self) -> "Dashboard":
        self.spawn(self.command, self.environment)
        wait_until(lambda: answers(self.port) or not self.running, 20, "the dashboard answers")
        assert self.running, self.output()
        return self

    def ask(
        self,
        path: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float = 30.0,
    ) -> Answer:
        request = urllib.request.Request(self.url + path, body, dict(headers or {}), method=method)
        opener = urllib.request.build_opener(_Stay, urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=timeout_s) as reply:
                return Answer(reply.status, reply.headers, reply.read())
        except urllib.error.HTTPError as reply:
            with reply:
                return Answer(reply.code, reply.headers, reply.read())

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON of a GET that must succeed."""
        answer = self.ask(path + ("?" + urllib.parse.urlencode(query) if query else ""))
        assert answer.status == 200, (path, answer.status, answer.text)
        return answer.json()

    def post(self, path: str, body: Any = None, **form: Any) -> Answer:
        """POST a JSON body, or a form."""
        data = json.dumps(body) if body is not None else urllib.parse.urlencode(form)
        return self.ask(path, "POST", data.encode())


def python(clock: Path | None) -> list[str]:
    """Return what runs a module, by a clock of its own where there is one (tests/leap.py)."""
    return [sys.executable, "-m", *(["tests.leap", str(clock)] if clock else [])]


def need(program: str) -> str:
    """Return the path of a program that the tests need; fail with what to do."""
    found = shutil.which(program)
    assert found, f"{program} is missing: run `make test-setup`"
    return found


def chromium() -> str:
    """Return the path of the browser that tests drive."""
    return next(filter(None, map(shutil.which, BROWSERS)), None) or need(BROWSERS[0])


def firefox() -> str:
    """Return the path of the other browser that tests drive; Debian has the release for years."""
    return shutil.which("firefox-esr") or need("firefox")


def rabbit_script() -> str:
    found = next((script for script in RABBIT_SCRIPTS if Path(script).exists()), None)
    assert found, "rabbitmq-server is missing: run `make test-setup`"
    return found


def postgres(program: str) -> str:
    """Return the path of one of PostgreSQL's programs, which Debian keeps off the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    assert found or shutil.which(program), f"{program} is missing: run `make test-setup`"
    return str(found[-1]) if found else need(program)


@contextlib.contextmanager
def running(service: Any) -> Iterator[Any]:
    """Start a service, hand it out, and end it whatever happens."""
    try:
        yield service.start()
    finally:
        service.stop()
