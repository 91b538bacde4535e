"""The dashboard as one object: how it starts and how it stops."""

import asyncio
import logging
import sqlite3
import threading
import time
from dataclasses import replace

import pytest
from celery import Celery
from tornado.httpclient import AsyncHTTPClient

from flower_ng.app import Flower
from flower_ng.banners import BEHIND_S, RETURNING_S
from flower_ng.settings import load_arguments
from flower_ng.store import Store
from flower_ng.store.backends import damage
from flower_ng.store.tables.rows import Restored


@pytest.fixture
def flower(redis_url, tmp_path):
    """A function that makes the dashboard, on the running loop, with these options."""

    def make(*options: str) -> Flower:
        given = ("--port=0", "--address=127.0.0.1", *options)
        settings = load_arguments(given, tmp_path).settings
        return Flower(Celery("shop", broker=redis_url, set_as_current=False), settings)

    return make


def breaks() -> None:
    raise RuntimeError("this part does not end")


async def test_a_part_that_fails_to_stop_is_logged_and_the_state_is_saved(
    flower, tmp_path, monkeypatch, caplog
):
    site = flower("--persistent", f"--db={tmp_path / 'flower'}")
    await site.start()
    site.cluster.state.event(
        {"type": "task-received", "uuid": "u1", "hostname": "w1", "timestamp": time.time()}
    )
    monkeypatch.setattr(site.cluster.inspector, "stop", breaks)  # no real part fails on demand

    with caplog.at_level(logging.ERROR):
        await site.stop()

    assert "this part does not end" in caplog.text
    with sqlite3.connect(tmp_path / "flower.sqlite3") as kept:
        assert kept.execute("SELECT uuid, state FROM task").fetchall() == [("u1", "RECEIVED")]
    kept.close()


async def test_the_urls_name_the_real_port_and_the_prefix_once(flower):
    site = flower("--url_prefix=/flower/")
    await site.start()

    assert site.port != 0
    assert site.urls == [f"http://127.0.0.1:{site.port}/flower/"]
    await site.stop()


async def page(site: Flower, path: str) -> str:
    answer = await AsyncHTTPClient().fetch(f"{site.urls[0]}{path.lstrip('/')}")
    return answer.body.decode()


async def test_a_history_that_cannot_be_written_is_said_on_every_page_until_it_can(
    flower, tmp_path, caplog
):
    site = flower("--persistent", f"--db={tmp_path / 'flower'}")
    await site.start()
    other = sqlite3.connect(tmp_path / "flower.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    received = {"type": "task-received", "hostname": "w1", "timestamp": time.time()}

    with caplog.at_level(logging.ERROR):
        site.cluster.state.event({**received, "uuid": "u1"})
        shown = [await page(site, path) for path in ("/tasks", "/broker", "/history")]
    assert all("The history cannot be written" in text for text in shown)

    other.execute("ROLLBACK")
    other.close()
    async with asyncio.timeout(30):
        while site.cluster.store.failing:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.05)
    assert "u1" in await page(site, "/tasks")
    assert "cannot be written" not in await page(site, "/tasks")
    await site.stop()


async def test_a_history_that_is_seconds_behind_is_said_on_every_page(
    flower, tmp_path, monkeypatch
):
    monkeypatch.setattr(damage, "BUSY_TIMEOUT_S", 30.0)  # a locked file stands in for a slow disk
    site = flower("--persistent", f"--db={tmp_path / 'flower'}")
    await site.start()
    other = sqlite3.connect(tmp_path / "flower.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    received = {"type": "task-received", "hostname": "w1", "timestamp": time.time()}

    site.cluster.state.event({**received, "uuid": "u1"})
    assert "s behind" not in await page(site, "/workers")
    await asyncio.sleep(BEHIND_S + 0.5)
    assert "s behind, so lists lack the newest tasks: the disk has not answered" in await page(
        site, "/workers"
    )

    other.execute("ROLLBACK")
    other.close()
    assert "u1" in await page(site, "/tasks")
    assert "s behind" not in await page(site, "/workers")
    await site.stop()


async def test_tasks_that_are_still_read_back_are_said_on_every_page(flower, tmp_path, monkeypatch):
    site = flower("--persistent", f"--db={tmp_path / 'flower'}")
    await site.start()
    said = {"type": "task-received", "hostname": "w1", "uuid": "u1", "name": "shop.buy"}
    site.cluster.state.event({**said, "timestamp": time.time()})
    await site.stop()

    goes_on = threading.Event()
    monkeypatch.setattr(Store, "restored", held(Store.restored, goes_on))
    again = flower("--persistent", f"--db={tmp_path / 'flower'}")
    await again.start()
    assert "Loading tasks" not in await page(again, "/workers")
    await asyncio.sleep(RETURNING_S + 0.1)
    assert "Loading tasks from the history, 0 so far" in await page(again, "/workers")
    assert "u1" in await page(again, "/tasks")

    goes_on.set()
    async with asyncio.timeout(30):
        while not again.cluster.state.tasks:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
    assert "Loading tasks" not in await page(again, "/workers")
    reserved = again.cluster.task_observer.reserved(again.cluster.state, 9)
    assert [task.uuid for task in reserved] == ["u1"]
    await again.stop()


def held(restored, goes_on):
    """Return `Store.restored` with tasks that are read once `goes_on` is set."""

    def waiting(tasks):
        assert goes_on.wait(30)
        yield from tasks

    def held_back(store, *bounds):
        found = restored(store, *bounds)
        return replace(found, tasks=waiting(found.tasks))

    return held_back


async def test_tasks_that_cannot_be_read_back_are_said_on_every_page(flower, monkeypatch):
    def broken():
        raise OSError("disk I/O error")
        yield

    monkeypatch.setattr(Store, "restored", lambda *_: Restored([], {}, broken()))
    site = flower()
    await site.start()
    async with asyncio.timeout(30):
        while not site.cluster.events.returning.fault:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
    assert "Only 0 tasks could be loaded from the history" in await page(site, "/workers")
    assert "disk I/O error" in await page(site, "/workers")
    await site.stop()


async def test_the_options_bound_the_history(flower, tmp_path):
    site = flower(
        "--persistent",
        f"--db={tmp_path / 'flower'}",
        "--history_max_tasks=7",
        "--history_max_age=12h",
        "--history_max_failure_age=0",
        "--history_max_bytes=500MB",
    )
    await site.start()

    status = site.cluster.store.status()
    await site.stop()

    bounds = (status.max_tasks, status.max_age_s, status.max_failure_age_s, status.max_bytes)
    assert bounds == (7, 43_200, None, 500_000_000)


async def test_a_task_that_is_forgotten_leaves_memory_too(flower):
    site = flower()
    await site.start()
    received = {"type": "task-received", "hostname": "w1", "timestamp": time.time()}
    site.cluster.state.event({**received, "uuid": "u1"})

    assert await site.cluster.store.forget_task("u1")

    assert "u1" not in site.cluster.state.tasks
    await site.stop()


@pytest.mark.parametrize(
    ("options", "is_told"),
    [
        (("--address=0.0.0.0",), True),
        (("--address=127.0.0.1",), False),
        (("--address=0.0.0.0", "--trusted_hosts=flower.example"), False),
        (("--address=0.0.0.0", "--basic_auth=ann:secret"), False),
        (("--unix_socket=/nowhere/socket",), False),
    ],
)
async def test_the_start_says_where_any_host_name_is_accepted_without_a_login(
    flower, options, is_told
):
    assert ("--trusted_hosts" in flower(*options).advice) is is_told
