"""A Python that has imported a program's modules, and forks for each start of the program.

To import Celery and the dashboard costs a second of CPU, and the tests start hundreds of them. A
fork runs `python -m MODULE ARGUMENT…` in a process group of its own, with its environment and its
log; only what was imported before is shared. `python -m tests.forks FD` is the Python that forks:
it takes requests from a connection, and ends where that ends. `ran` runs the console script.
"""

import contextlib
import gc
import os
import runpy
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
#: What is imported before the first fork, for each module that is run.
IMPORTED: Final = {
    "celery": (
        "celery.bin.celery",
        "celery.app.control",
        "celery.app.events",
        "celery.app.log",
        "celery.apps.worker",
        "celery.backends.redis",
        "celery.concurrency.prefork",
        "celery.events",
        "celery.fixups.django",
        "celery.worker.autoscale",
        "celery.worker.components",
        "celery.worker.consumer",
        "celery.worker.strategy",
        "kombu.pidbox",
        "kombu.transport.pyamqp",
        "kombu.transport.redis",
    ),
    "flower_ng": (
        "celery.app.amqp",
        "celery.app.control",
        "celery.fixups.django",
        "celery.loaders.app",
        "flower_ng.cli.script",
        "flower_ng.cli.serving",
        "kombu.transport.redis",
        "tornado.platform.asyncio",
    ),
}


class Forked:
    """A program that runs in a fork, with the methods of `subprocess.Popen` that tests use."""

    def __init__(self, forks: "Forks", pid: int) -> None:
        self._forks, self.pid = forks, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._forks.ask(self.pid)
        return self.returncode

    def wait(self, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(str(self.pid), timeout)
            time.sleep(0.01)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Forks:
    """The Python that forks, as pytest's process sees it; it ends with that."""

    def __init__(self, module: str) -> None:
        self._lock = threading.Lock()
        self._connection, theirs = Pipe()
        with theirs:
            command = [sys.executable, "-m", "tests.forks", str(theirs.fileno()), module]
            self._python = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # Ctrl-C ends pytest, whose end ends this
            )

    def start(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        log: Path,
        *,
        errors: Path | None = None,
        folder: Path = ROOT,
        module: str = "",
    ) -> Forked:
        """Run the module, or another one, in a folder; `errors` takes what is no output."""
        about = (list(arguments), dict(env), str(log), str(errors or log), str(folder))
        return Forked(self, self.ask((module, *about)))

    def ask(self, request: Any) -> Any:
        """Return the pid of a program to start, or the exit code of a pid, None while it runs."""
        with self._lock:
            self._connection.send(request)
            return self._connection.recv()


_STARTING: Final = threading.Lock()


def forks(module: str) -> Forks:
    """Return the Python that forks for this module; there is one for each in pytest's process."""
    with _STARTING:  # `cache` lets two threads start one each, and forgets the first
        return _forks(module)


@cache
def _forks(module: str) -> Forks:
    return Forks(module)


def ran(
    words: Sequence[str], folder: Path, env: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run `flower-ng` with these words in a folder, to its end."""
    with tempfile.TemporaryDirectory() as place:
        log, errors = Path(place, "log"), Path(place, "errors")
        program = forks("flower_ng").start(
            words, env, log, errors=errors, folder=folder, module="tests.script"
        )
        try:
            code = program.wait(timeout_s)
        finally:
            program.kill()
        return subprocess.CompletedProcess(words, code, log.read_text(), errors.read_text())


def serve(connection: Connection) -> tuple[str, list[str]]:
    """Fork as is asked; return, in the fork, the module that it is to run, and its arguments.

    Where pytest is gone, what still runs is killed, with the children that it started.
    """
    running: set[int] = set()
    with contextlib.suppress(EOFError, ConnectionError):
        while True:
            request = connection.recv()
            if isinstance(request, int):
                pid, status = os.waitpid(request, os.WNOHANG)
                running.discard(pid)
                connection.send(os.waitstatus_to_exitcode(status) if pid else None)
            elif pid := os.fork():
                os.setpgid(pid, pid)  # as the fork does: whoever comes first, it can be signalled
                running.add(pid)
                connection.send(pid)
            else:
                connection.close()
                module, arguments, *about = request
                become(*about)
                return module, arguments
    for pid in running:
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    sys.exit()


def become(env: dict[str, str], log: str, errors: str, folder: str) -> None:
    """Be as a program that has just been started."""
    os.setpgid(0, 0)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    os.chdir(folder)
    sys.path[:0] = filter(None, env.get("PYTHONPATH", "").split(os.pathsep))
    for path, stream in ((log, sys.stdout), (errors, sys.stderr)):
        output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(output, stream.fileno())
        os.close(output)


if __name__ == "__main__":
    program = sys.argv[2]
    for name in IMPORTED[program]:
        import_module(name)
    gc.freeze()
    other, sys.argv[1:] = serve(Connection(int(sys.argv[1])))
    runpy.run_module(other or program, run_name="__main__", alter_sys=True)
