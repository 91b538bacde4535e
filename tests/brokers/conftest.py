"""A real broker for each adapter, and a pool for the blocking ones."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from flower_ng.brokers import BrokerAdapter, broker_for
from tests.brokers.places import Place, Sentinel
from tests.services import Redis, free_port, running


@pytest.fixture
def pool() -> Iterator[Executor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


@pytest.fixture
def adapter(pool: Executor) -> Callable[[Place], BrokerAdapter]:
    def make(place: Place) -> BrokerAdapter:
        return broker_for(place.connection(), pool, management_url=place.management_url)

    return make


@pytest.fixture
def redis_place(redis_url: str) -> Place:
    return Place(redis_url)


@pytest.fixture
def sentinel_place(tmp_path: Path, redis_server: Redis, redis_url: str) -> Iterator[Place]:
    """Two sentinels, the first of which is dead, and a database that is not the first."""
    dead = free_port()
    with running(Sentinel(tmp_path, redis_server)) as sentinel:
        urls = f"sentinel://127.0.0.1:{dead}/3;sentinel://127.0.0.1:{sentinel.port}/3"
        third = redis_url.removesuffix("0") + "3"
        yield Place(urls, {"master_name": "flowers"}, publish_url=third)


@pytest.fixture
def filesystem_place(tmp_path: Path) -> Place:
    folder = str(tmp_path)
    folders = ("data_folder_in", "data_folder_out", "control_folder")
    return Place("filesystem://", dict.fromkeys(folders, folder))


@pytest.fixture
def memory_place() -> Place:
    return Place("memory://")


@pytest.fixture
def rabbit_place(rabbit: Any) -> Place:
    return Place(rabbit.url, management_url=rabbit.management_url)
