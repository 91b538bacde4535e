"""The dashboard as one object: how it starts and how it stops."""

import logging
import sqlite3
import time

import pytest
from celery import Celery

from flower_ng.app import Flower
from flower_ng.settings import load_arguments


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
