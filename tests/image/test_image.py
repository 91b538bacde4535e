"""The image: built from the Dockerfile, then run as containers are run."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

from tests.image.container import Container
from tests.services import ROOT, Postgres, Redis, wait_until

pytestmark = [pytest.mark.image, pytest.mark.timeout(1800)]

USER = 10001
STOP_LIMIT_S = 3
NO_PROXY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(container: Container, path: str) -> tuple[int, str]:
    try:
        with NO_PROXY.open(container.url + path, timeout=10) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.code, refused.read().decode()


def is_ready(container: Container) -> bool:
    return get(container, "/readyz")[0] == 200


@pytest.fixture
def broker(redis_url: str) -> dict[str, str]:
    return {"CELERY_BROKER_URL": redis_url, "FLOWER_UNAUTHENTICATED_API": "true"}


def test_it_is_ready_as_an_ordinary_user_on_a_read_only_root_without_tmp(
    make_container: Callable[..., Container], broker: dict[str, str]
) -> None:
    container = make_container(env=broker).start()
    wait_until(lambda: is_ready(container), 30, "ready")
    status = Path(f"/proc/{container.main_pid}/status").read_text()
    assert f"\nUid:\t{USER}\t{USER}\t{USER}\t{USER}\n" in status
    writing = "import tempfile; tempfile.mkdtemp()"
    assert "No usable temporary directory" in container.run(["python", "-c", writing]).stderr


def test_it_ends_by_sigterm_as_pid_1(
    make_container: Callable[..., Container], broker: dict[str, str], data: Path
) -> None:
    env = {**broker, "FLOWER_PERSISTENT": "true"}
    container = make_container(env=env, volumes={"/data": data}).start()
    wait_until(lambda: is_ready(container), 30, "ready")
    inside = container.run(["python", "-c", "print(open('/proc/1/cmdline').read())"])
    assert "celery" in inside.stdout
    began = time.monotonic()
    assert container.end() == 0, container.output()
    assert time.monotonic() - began < STOP_LIMIT_S


def test_it_keeps_its_history_in_data_over_a_restart(
    make_container: Callable[..., Container],
    broker: dict[str, str],
    data: Path,
    worker: Any,
) -> None:
    env = {**broker, "FLOWER_PERSISTENT": "true"}
    first = make_container(env=env, volumes={"/data": data}).start()
    wait_until(lambda: json.loads(get(first, "/api/workers?refresh=1")[1]), 30, "a worker")
    task = send_a_task(broker["CELERY_BROKER_URL"])
    wait_until(lambda: "SUCCESS" in get(first, f"/api/task/info/{task}")[1], 30, "its end is told")
    assert first.end() == 0
    worker.stop()
    again = make_container(env=env, volumes={"/data": data}).start()
    assert "SUCCESS" in get(again, f"/api/task/info/{task}")[1]
    assert (data / "flower.sqlite3").is_file()


def send_a_task(broker: str) -> str:
    from celery import Celery  # noqa: PLC0415 - only here

    with Celery(broker=broker) as app:
        return str(app.send_task("tests.shop.add", (1, 2)).id)


def test_its_health_check_asks_whether_it_is_alive(
    make_container: Callable[..., Container], broker: dict[str, str], config: dict[str, Any]
) -> None:
    kind, *check = config["Healthcheck"]["Test"]
    assert (kind, check) == ("CMD", ["flower-ng", "probe", "--live"])
    container = make_container(env=broker).start()
    assert container.run(check).returncode == 0
    container.env["FLOWER_URL_PREFIX"] = "elsewhere"  # where nothing is
    assert container.run(check).returncode == 1


def test_its_labels_say_what_it_is(config: dict[str, Any]) -> None:
    labels = config["Labels"]
    prefix = "org.opencontainers.image."
    assert labels[prefix + "title"] == "flower_ng"
    assert labels[prefix + "licenses"] == "BSD-3-Clause"
    assert labels[prefix + "description"]


def test_history_in_postgresql_works_without_building_on_it(
    make_container: Callable[..., Container], broker: dict[str, str], postgres: Postgres
) -> None:
    container = make_container(env={**broker, "FLOWER_HISTORY": postgres.new_database()}).start()
    wait_until(lambda: is_ready(container), 30, "ready")
    assert json.loads(get(container, "/api/history")[1])["kind"] == "postgresql"


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[str]]]:
    """An HTTP server that apprise's `json://` tells problems to, and what it was told."""
    told: list[str] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Receiver) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"json://127.0.0.1:{server.server_port}/", told
        server.shutdown()


def test_problems_are_told_by_apprise_without_building_on_it(
    make_container: Callable[..., Container],
    tmp_path: Path,
    receiver: tuple[str, list[str]],
) -> None:
    address, told = receiver
    broker = Redis(tmp_path)
    env = {"CELERY_BROKER_URL": broker.url, "FLOWER_NOTIFY": address}
    make_container(env=env).start()  # its broker does not run
    wait_until(lambda: told, 120, "a problem is told")
    assert "broker" in told[0].lower()


def test_the_worker_of_the_compose_file_runs_in_it(
    make_container: Callable[..., Container], broker: dict[str, str], tmp_path: Path
) -> None:
    compose = yaml.safe_load((ROOT / "docs/compose.yml").read_text())
    app = tmp_path / "app"
    app.mkdir()
    tmp_path.chmod(0o755)
    (app / "shop.py").write_text(compose["configs"]["shop"]["content"].replace("$$", "$"))
    service = compose["services"]["worker"]
    env = {**service["environment"], "CELERY_BROKER_URL": broker["CELERY_BROKER_URL"]}
    env["CELERY_RESULT_BACKEND"] = broker["CELERY_BROKER_URL"]
    command = service["command"].split()
    worker = make_container(env=env, volumes={"/app": app}, command=command, read_only=False)
    worker.launch()
    dashboard = make_container(env=broker).start()
    wait_until(lambda: "SUCCESS" in get(dashboard, "/api/tasks")[1], 60, "a task ran")
