"""Events that can't be read, keys under another prefix, connections that can't be made: named."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.doctored import doctored, found
from tests.live.watching import Watched
from tests.services import Dashboard, Redis, wait_until

pytestmark = pytest.mark.live

PICKLED = {"event_serializer": "pickle", "accept_content": ["json", "pickle"]}
QUICK = ("--problems_interval=0.2", "--problems_hold=0.2", "--problems_quiet_start=0")
CONTENT_TYPE = "application/x-python-serialize"


def test_events_that_may_not_be_read_are_a_problem_a_banner_and_a_line_of_the_doctor(
    redis_url: str, start_worker: Callable, start_dashboard: Callable
) -> None:
    options = ("-P", "solo", "-E", "--heartbeat-interval=1")
    env = {"SHOP_CONF": json.dumps(PICKLED), "C_FORCE_ROOT": "1"}
    start_worker(redis_url, options=options, env=env)
    dashboard: Dashboard = start_dashboard(redis_url, options=QUICK)

    problem = Watched(dashboard).sees("events-refused")

    assert problem["severity"] == "error"
    assert problem["evidence"]["content_type"] == CONTENT_TYPE
    assert "event_serializer = " in problem["advice"]
    banner = f"events could not be read, the latest in {CONTENT_TYPE}"
    assert banner in dashboard.ask("/workers").text
    assert dashboard.get("/api/connection")["events"]["malformed"]["content type"] >= 10

    checks = found(doctored("-b", redis_url, "--json"))
    assert checks["Events", "Readable"]["mark"] == "broken"
    assert CONTENT_TYPE in checks["Events", "Readable"]["said"]
    assert "event_serializer" in checks["Events", "Readable"]["setting"]


def test_the_app_that_allows_it_reads_them(
    redis_url: str, start_worker: Callable, start_dashboard: Callable
) -> None:
    env = {"SHOP_CONF": json.dumps(PICKLED), "C_FORCE_ROOT": "1"}
    worker = start_worker(redis_url, options=("-P", "solo", "-E"), env=env)
    dashboard: Dashboard = start_dashboard(redis_url, env=env)

    wait_until(lambda: worker.hostname in dashboard.get("/api/workers", status=1), 15)
    assert dashboard.get("/api/connection")["events"]["malformed"] == {}


def test_the_doctor_sees_that_celery_uses_another_prefix(
    redis_url: str, start_worker: Callable, tmp_path: Path
) -> None:
    conf: dict[str, Any] = {"broker_transport_options": {"global_keyprefix": "shop:"}}
    worker = start_worker(redis_url, options=("-P", "solo"), env={"SHOP_CONF": json.dumps(conf)})

    without = found(doctored("-b", redis_url, "--json"))
    (tmp_path / "prefixed.py").write_text(f"broker_transport_options = {conf.popitem()[1]!r}\n")
    path = {"PYTHONPATH": str(tmp_path)}
    config = found(doctored("-b", redis_url, "--config=prefixed", "--json", **path))

    assert (
        "Celery uses this Redis with keys that start with 'shop:'"
        in without["Workers", "Found"]["said"]
    )
    assert "global_keyprefix" in without["Workers", "Found"]["setting"]
    assert config["Workers", "Found"]["said"] == "1", worker.output()


@pytest.mark.parametrize(
    ("url", "cause", "fix"),
    [
        ("sentinel://127.0.0.1:1/0", "name of the master is not set", "--config=MODULE"),
        ("redis://127.0.0.1:{redis}/99", "no database with this number", "end of the broker"),
        ("redis://127.0.0.1:1/0", "Nothing listens", "host and port in its URL"),
        ("redis://no.such.host.invalid/0", "host name can't be resolved", "host in the broker"),
    ],
)
def test_the_banner_names_why_redis_cannot_be_connected_to(
    redis_server: Any, start_dashboard: Callable, url: str, cause: str, fix: str
) -> None:
    dashboard = start_dashboard(url.format(redis=redis_server.port))

    assert_named(dashboard, cause, fix)


@pytest.mark.parametrize("url", ["redis://:wrong@127.0.0.1:{}/0", "redis://127.0.0.1:{}/0"])
def test_the_banner_names_a_password_that_is_wrong_or_missing(
    own_redis: Redis, start_dashboard: Callable, url: str
) -> None:
    with redis.Redis(port=own_redis.port) as client:
        client.config_set("requirepass", "right")

    assert_named(
        start_dashboard(url.format(own_redis.port)), "user or the password is wrong", "%2F"
    )


@pytest.mark.xdist_group("rabbit")
@pytest.mark.parametrize(
    ("change", "cause", "fix"),
    [
        (("guest:guest@", "guest:wrong@"), "user or the password is wrong", "%2F"),
        (("//end", "/no.such.vhost"), "virtual host does not exist", "rabbitmqctl add_vhost"),
    ],
)
def test_the_banner_names_why_rabbitmq_cannot_be_connected_to(
    rabbit: Any, start_dashboard: Callable, change: tuple[str, str], cause: str, fix: str
) -> None:
    url = rabbit.url.rstrip("/") + "//end"
    dashboard = start_dashboard(url.replace(*change).replace("//end", "//"))

    assert_named(dashboard, cause, fix)


def assert_named(dashboard: Dashboard, cause: str, fix: str) -> None:
    def is_named() -> bool:
        text = dashboard.ask("/workers").text.replace("&#x27;", "'")
        return cause in text and fix in text

    began = time.monotonic()
    wait_until(is_named, 20, f"{cause} is named")
    assert time.monotonic() - began < 20
    assert "Check that the broker runs, and that this" not in dashboard.ask("/workers").text
