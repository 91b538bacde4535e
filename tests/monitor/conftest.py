"""A yard: a Redis of its own with two real workers, and the app that they run."""

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from celery import Celery

from tests.monitor.yard import Yard, shop
from tests.services import Redis, Worker, running


@pytest.fixture(scope="session")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """Workers on a Redis that no other test empties; tests leave them as they found them."""
    folder = tmp_path_factory.mktemp("yard")
    with contextlib.ExitStack() as services:
        redis = services.enter_context(running(Redis(folder)))
        workers = [
            Worker(folder, redis.url, redis.url, name, options)
            for name, options in (
                ("yard1", ("-P", "prefork", "-c", "2")),
                ("yard2", ("-P", "threads", "-c", "2")),
            )
        ]
        for worker in workers:
            services.callback(worker.kill)  # nobody needs its results any more
            worker.start()
        yield Yard(redis, *(worker.hostname for worker in workers))


@pytest.fixture
def app(yard: Yard) -> Iterator[Celery]:
    """An app that knows some of the workers' tasks, on the yard's broker and backend."""
    with shop(yard.redis.url, yard.redis.url) as app:
        yield app


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool
