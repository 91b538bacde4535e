"""What tests of asking and steering share: a yard of workers, apps, brokers that are not well."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from celery import Celery

from tests.services import PATIENCE, Redis


@dataclass(frozen=True, slots=True)
class Yard:
    """Redis, a prefork worker (which has no autoscaler) and a threads worker."""

    redis: Redis
    prefork: str
    threads: str

    @property
    def hosts(self) -> set[str]:
        return {self.prefork, self.threads}


@contextlib.contextmanager
def shop(broker: str, backend: str | None = None) -> Iterator[Celery]:
    """Make an app that registers tasks under the names of those in tests/shop.py."""
    app = Celery("yard", broker=broker, backend=backend, set_as_current=False)

    @app.task(name="tests.shop.add", shared=False)
    def add(x: int, y: int) -> int:
        return x + y

    for name in ("fail", "sleep", "patient", "echo"):
        app.task(typing=False, name=f"tests.shop.{name}", shared=False)(_elsewhere(name))
    try:
        yield app
    finally:
        app.close()
        if (backend or "").startswith("redis"):
            keeper: Any = app.backend
            keeper.result_consumer.stop()
            keeper.client.connection_pool.disconnect()


def _elsewhere(name: str) -> Any:
    def run(*_args: Any, **_kwargs: Any) -> None:
        raise AssertionError("only the workers run it")

    run.__name__ = name
    return run


@contextlib.contextmanager
def silent_broker() -> Iterator[str]:
    """Listen and never answer: what a broker behind a broken network looks like."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


@contextlib.contextmanager
def refused_broker() -> Iterator[str]:
    """Hold a port on which nobody listens."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield f"redis://127.0.0.1:{holder.getsockname()[1]}/0"


class Readings(list[str]):
    """The ids of the tasks that an app's result backend was asked for, in order."""

    def __init__(self, app: Celery, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__()
        kind = type(app.backend)  # each thread has a backend of its own
        real = kind.get_task_meta

        def get_task_meta(backend: Any, task_id: str, *args: Any, **kwargs: Any) -> Any:
            self.append(task_id)
            return real(backend, task_id, *args, **kwargs)

        monkeypatch.setattr(kind, "get_task_meta", get_task_meta)

    async def go_on(self) -> None:
        """Return when the backend has been asked again."""
        before = len(self)
        await eventually(lambda: len(self) > before)

    async def end(self) -> None:
        """Return when the backend was not asked for a second, which is twenty looks."""
        async with asyncio.timeout(30):
            before = -1
            while len(self) > before:
                before = len(self)
                await asyncio.sleep(1)


async def eventually(happened: Any, timeout_s: float = 10.0) -> Any:
    """Return the first true value of `happened()`, asked on the running loop."""
    async with asyncio.timeout(timeout_s * PATIENCE):
        while not (value := happened()):  # noqa: ASYNC110 - the outside world has no Event
            await asyncio.sleep(0.02)
    return value
