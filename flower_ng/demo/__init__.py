"""`flower-ng demo`: a sample shop with three real workers, beat, and no broker server.

Runs in the main thread: it makes a temporary folder, starts the shop's processes, hands over to
the dashboard, and at its end takes all of it away again.
"""

import contextlib
import importlib
import logging
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Self

from celery import Celery

NOTICE = (
    "This is a demo: a sample shop on a broker made of folders. The REST API and all controls "
    "are open on this machine, and everything is gone when you stop it."
)
WORKERS = (
    ("storefront", ("--pool=prefork", "--concurrency=2", "--queues=orders,payments")),
    ("warehouse", ("--pool=prefork", "--concurrency=2", "--queues=stock,reports")),
    ("post", ("--pool=threads", "--concurrency=4", "--queues=mail")),
)


@contextlib.contextmanager
def open_shop() -> Iterator[Celery]:
    """Start workers, beat and customers in a folder of their own; yield the shop's Celery app."""
    folder = Path(tempfile.mkdtemp(prefix="flower_ng-demo-"))
    os.environ["FLOWER_NG_DEMO_FOLDER"] = str(folder)
    shop = importlib.import_module("flower_ng.demo.shop")
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        stack.enter_context(
            Keeper((command, folder / f"{name}.log") for name, command in commands(folder))
        )
        yield shop.app


def commands(folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the name and the command line of each process of the shop."""
    celery = [sys.executable, "-m", "celery", "-A", "flower_ng.demo.shop"]
    for name, options in WORKERS:
        worker = [*celery, "worker", "-E", "--loglevel=INFO", f"--hostname={name}@demo"]
        yield name, [*worker, *options]
    yield "beat", [*celery, "beat", f"--schedule={folder / 'schedule'}", "--pidfile="]
    yield "customers", [sys.executable, "-m", "flower_ng.demo.customers"]


def start(command: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start one process, its output in `log`, in a session of its own so that Ctrl-C spares it."""
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - our own interpreter and modules
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


class Keeper:
    """Keeps processes going while it is entered: one that fails is started again.

    Kombu's folders lose a worker now and then: it may read a message that is half written. One that
    was shut down ends without a failure, and stays away. A thread of its own looks each second.
    """

    def __init__(self, commands: Iterable[tuple[Sequence[str], Path]]) -> None:
        self._commands = list(commands)
        self._processes: list[subprocess.Popen[bytes]] = []
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._look, name="flower-demo", daemon=True)

    def __enter__(self) -> Self:
        """Start them."""
        self._processes = [start(*each) for each in self._commands]
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End them."""
        self._ends.set()
        self._thread.join()
        end(self._processes)

    def _look(self) -> None:
        while not self._ends.wait(1.0):
            for place, process in enumerate(self._processes):
                if process.poll():
                    signal_session(process, signal.SIGKILL)  # its children may be left
                    self._processes[place] = start(*self._commands[place])


def end(processes: Sequence[subprocess.Popen[bytes]], patience_s: float = 2.0) -> None:
    """Ask each process to end, wait a moment for all, then end what is left of its session."""
    for process in processes:
        signal_session(process, signal.SIGTERM)
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
        signal_session(process, signal.SIGKILL)
        process.wait()


def signal_session(process: subprocess.Popen[bytes], number: int) -> None:
    """Signal a process and the children that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def run(serve: Callable[[Celery, str], int]) -> int:
    """Open the shop, serve the dashboard on it until that ends, close the shop.

    `serve` takes the Celery app and the notice that every page shows; its exit code is returned.
    Signals must not end the process by themselves meanwhile: the shop would be left behind.
    """
    os.environ["FLOWER_UNAUTHENTICATED_API"] = "true"
    # A folder has no host name; Kombu warns of that at each connection.
    logging.getLogger("kombu.connection").setLevel(logging.ERROR)
    with open_shop() as capp:
        return serve(capp, NOTICE)
