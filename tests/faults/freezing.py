"""Servers that accept and are silent, and how late the dashboard answers meanwhile."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

from celery import Celery

from tests.services import Dashboard, Process, wait_until
from tests.stalls import Stall, read


@contextlib.contextmanager
def frozen(*servers: Process) -> Iterator[None]:
    """Stop servers as SIGSTOP does: their kernel goes on to accept and to acknowledge."""
    try:
        for server in servers:
            signal_all(server, signal.SIGSTOP)
        yield
    finally:
        for server in servers:
            signal_all(server, signal.SIGCONT)


def signal_all(server: Process, number: int) -> None:
    """Signal a server and its children: PostgreSQL's are in process groups of their own."""
    server.signal(number)
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text()
    for child in map(int, children.split()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)


def publish(broker: str, name: str = "tests.shop.add") -> str:
    """Send a task of which the dashboard hears, though no worker runs; return its id."""
    with Celery("faults", broker=broker, set_as_current=False) as app:
        app.conf.task_send_sent_event = True
        app.conf.broker_transport_options = {"socket_timeout": 30}
        return str(app.send_task(name, (1, 2)).id)


def heard_task(dashboard: Dashboard, broker: str) -> str:
    """Return the id of a task that the dashboard has heard of, and kept."""
    sent: list[str] = []

    def is_heard() -> bool:
        sent.append(publish(broker))
        return any(dashboard.ask(f"/api/task/info/{uuid}").status == 200 for uuid in sent)

    wait_until(is_heard, 15, "a task is heard of")
    return next(uuid for uuid in sent if dashboard.ask(f"/api/task/info/{uuid}").status == 200)


class Metered(Dashboard):
    """A dashboard whose loop tells what held it; `stalls()` gives what it told."""

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "tests.stalls", str(self._told), *super().command[2:]]

    def stalls(self) -> list[Stall]:
        return read(self._told)

    @property
    def _told(self) -> Path:
        return self.log.with_suffix(".stalls")
