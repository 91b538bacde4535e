"""Secrets that are planted where apps have theirs are found in no output of the dashboard.

One dashboard with a worker, a broker that has a password, and receivers of notices; then every
page, every answer of the API, the log, the history's file and the process list are searched.
"""

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
import redis
from celery import Celery

from flower_ng.web.routes import ENDPOINTS, PAGES
from tests.services import Dashboard, Redis, Worker, running, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("ends")]

#: Each secret begins so, and goes on with where it was planted.
MARK = "kanarie"


def secret(place: str) -> str:
    return f"{MARK}{place}9f3c1"


BROKER = secret("broker")
#: Problems are raised, and told, at once.
QUICK = (
    "--problems_interval=0.3",
    "--problems_hold=0.6",
    "--problems_quiet_start=0",
    "--webhook_wait=0.2",
    "--problem_events_away=1",
)
#: A queue that nobody consumes from: messages stay in it.
IDLE = "idle"
CONF: dict[str, Any] = {
    "security_key_password": secret("conf1"),
    "s3_access_key_id": "AKIAIOSFODNN7EXAMPLE",
    "s3_secret_access_key": secret("conf2"),
    "broker_transport_options": {
        "sentinel_kwargs": {"password": secret("conf3")},
        "predefined_queues": {"q": {"url": "https://sqs/q", "secret_access_key": secret("conf4")}},
    },
    "result_backend_transport_options": {"global_keyprefix": "x", "token": secret("conf5")},
    "mongodb_backend_settings": {"user": "ann", "password": secret("conf6")},
    "SENTRY_DSN": f"https://{secret('conf7')}@sentry.example/1",
    "DATABASES": {"default": f"postgresql://ann:{secret('conf8')}@db/x"},
    "api_keys": [secret("conf9")],
    "AZURE": f"DefaultEndpointsProtocol=https;AccountKey={secret('conf10')};EndpointSuffix=x",
    "HEADERS": [["Authorization", f"Bearer {secret('conf11')}"]],
    "beat_schedule": {
        "nightly": {"task": "x", "schedule": 1e6, "kwargs": {"password": secret("conf12")}}
    },
    "private_key": f"-----BEGIN PRIVATE KEY-----\n{secret('conf13')}\n-----END PRIVATE KEY-----",
}
KWARGS: dict[str, Any] = {
    "user": "ann-the-user",
    "password": secret("kwargs1"),
    "nested": {"tokens": [secret("kwargs2")], "apiKey": secret("kwargs3")},
    "url": f"amqp://ann:{secret('kwargs4')}@h//",
    "headers": [["Authorization", f"Basic {secret('kwargs5')}"]],
    "body": json.dumps({"client_secret": secret("kwargs6")}),
}
ARGS = ({"passwd": secret("args1")}, f"Bearer {secret('args2')}")


@dataclass(slots=True)
class Receiver:
    """A receiver of webhooks; `bodies` is what it was sent."""

    server: HTTPServer
    bodies: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Write nothing."""

    found = Receiver(HTTPServer(("127.0.0.1", 0), Taking))
    thread = threading.Thread(target=found.server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()


@dataclass(frozen=True, slots=True)
class Planted:
    """A dashboard that has seen all the secrets."""

    board: Dashboard
    worker: Worker
    server: Redis
    folder: Path
    tasks: tuple[str, ...]
    webhook: str
    named: tuple[str, ...]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Planted]:
    folder = tmp_path_factory.mktemp("secrets")
    server = Redis(folder)
    server.start()
    with redis.Redis.from_url(server.url) as client:
        client.config_set("requirepass", BROKER)
    url = server.url.replace("redis://", f"redis://:{BROKER}@")
    webhook = f"http://127.0.0.1:{receiver.server.server_port}/{secret('webhook')}"
    (folder / "webhook").write_text(f"{webhook}\n")
    (folder / "cookie").write_text(f"{secret('cookie')} and more than 16 characters\n")
    env = {
        "SHOP_CONF": json.dumps(CONF),
        "FLOWER_WEBHOOK_URL_FILE": str(folder / "webhook"),
        "FLOWER_COOKIE_SECRET_FILE": str(folder / "cookie"),
    }
    worker = Worker(folder, url, url, env={"SHOP_CONF": json.dumps(CONF)})
    options = (*QUICK, "--persistent", f"--db={folder}/history", "--logging=debug", url)
    board = Dashboard(folder, url, url, options, env)
    app = Celery(broker=url, set_as_current=False)
    app.conf.task_send_sent_event = True
    try:
        worker.start()
        board.start()
        wait_until(lambda: board.get("/api/workers", status=1), 20, "the worker is seen")
        sent = (
            app.send_task("tests.shop.echo", ARGS, KWARGS),
            app.send_task("tests.shop.fail", (f"login failed, password={secret('raised')}",)),
            app.send_task("tests.shop.sleep", (60,), {"seconds": 60, "token": secret("kwargs7")}),
        )
        tasks = tuple(one.id for one in sent)
        for task in tasks:
            wait_until(lambda task=task: ended(board, task), 20, f"{task} has ended")
        app.send_task("tests.shop.echo", ARGS, KWARGS, queue=IDLE)
        wait_until(lambda: IDLE in board.ask("/queues").text, 20, f"{IDLE} is known")
        names = (IDLE, *written(board, tasks[0]))
        yield Planted(board, worker, server, folder, tasks, webhook, names)
    finally:
        app.close()
        board.stop()
        worker.stop()
        server.stop()


def written(board: Dashboard, task: str) -> Iterator[str]:
    """Have people write secrets wherever they can; yield names of what they wrote about."""

    def post(path: str, **form: Any) -> Any:
        answer = board.post(path, **form)
        assert answer.status == 200, answer.text
        assert found_in(answer.text) == set()
        return answer.json()

    password = lambda place: f"password={secret(place)}"  # noqa: E731
    kind = board.get("/api/failures")["failures"][0]["digest"]
    post(f"/api/failures/note/{kind}", note=password("note"), assignee=password("assignee"))
    post(f"/api/failures/mute/{kind}", reason=password("muted"), **{"for": "600"})
    post(f"/api/queue/pause/{IDLE}", reason=password("paused"))
    post("/api/problems/mute", rule="worker-gone", subject="x", reason=password("problem"))
    post("/api/deploys", name=password("deploy"), link=f"https://u:{secret('link')}@x/")
    search = f"name:echo OR args:{password('search')}"
    many = {"all": "1", "search": search, "reason": password("batch"), "rate": "100"}
    yield from (kind, post("/api/batches/rerun", **many)["batch"])
    yield post("/api/batches/rerun", ids=task, reason=password("ids"))["batch"]


def ended(board: Dashboard, task: str) -> bool:
    answer = board.ask(f"/api/task/info/{task}")
    return answer.status == 200 and answer.json()["state"] in ("SUCCESS", "FAILURE")


def found_in(text: str) -> set[str]:
    return set(re.findall(rf"{MARK}\w*?9f3c1", text))


def addresses(planted: Planted) -> Iterator[str]:
    """Yield what can be read: each page and route of the API, with names where they want some."""
    names = [planted.worker.hostname, "tests.shop.echo", "tests.shop.fail", *planted.tasks]
    names += planted.named
    for route in [*PAGES, *ENDPOINTS]:
        path = str(route.path).rstrip("/?")
        if "GET" not in getattr(route, "methods", ("GET",)):
            continue
        if "(" not in path:
            yield path.replace("\\", "") or "/"
            continue
        before = path[: path.index("(")]
        yield from (f"{before}{name}" for name in names)


def test_no_answer_holds_a_secret_and_ordinary_values_stay(planted: Planted) -> None:
    board, leaks, seen = planted.board, {}, ""
    board.get("/api/workers", refresh=1)
    board.get("/api/workers", refresh=1, workername=planted.worker.hostname)
    more = (
        "/tasks/export?format=csv", "/api/tasks/export?format=ndjson", "/metrics", "/nowhere",
        f"/worker/{planted.worker.hostname}?limit=1000", "/api/tasks?limit=abc", "/readyz",
        "/healthcheck", "/tasks?search=kwargs:password",
    )  # fmt: skip
    for path in [*addresses(planted), *more]:
        answer = board.ask(path.replace("@", "%40"))
        assert answer.status < 500, (path, answer.text)
        seen += answer.text
        if found := found_in(answer.text):
            leaks[path] = found
    assert leaks == {}
    assert "ann-the-user" in seen
    assert "[redacted]" in seen
    assert "sqs/q" in seen


@pytest.mark.parametrize(("mode", "is_shown"), [("off", True), ("strict", False)])
def test_the_option_says_how_much_is_hidden(
    planted: Planted, tmp_path: Path, mode: str, is_shown: bool
) -> None:
    url = planted.server.url.replace("redis://", f"redis://:{BROKER}@")
    kwargs = {"password": secret(mode), "email": "ann@example.com"}
    with (
        running(Dashboard(tmp_path, url, url, (f"--redact={mode}",))) as board,
        Celery(broker=url, set_as_current=False) as app,
    ):
        wait_until(lambda: board.get("/api/connection")["connected"], 20, "it hears events")
        task = app.send_task("tests.shop.echo", (), kwargs).id
        wait_until(lambda: ended(board, task), 20, "the task has ended")
        told = board.get(f"/api/task/info/{task}")["kwargs"]

    assert [value in told for value in kwargs.values()] == [is_shown, is_shown]


def test_pages_say_that_they_hide_secrets(planted: Planted) -> None:
    task = planted.board.ask(f"/task/{planted.tasks[0]}").text
    assert task.count("Secrets in it are hidden") >= 2
    worker = planted.board.ask(f"/worker/{planted.worker.hostname.replace('@', '%40')}").text
    assert "Secrets in it are hidden" in worker


def test_neither_the_log_nor_the_history_nor_the_process_list_holds_one(planted: Planted) -> None:
    board = planted.board
    board.post("/api/task/async-apply/tests.shop.echo", {"kwargs": KWARGS, "bogus": BROKER})
    board.post("/api/task/send-task/tests.shop.echo", {"kwargs": KWARGS, "queue": "celery"})
    board.ask("/api/task/apply/tests.shop.echo", "POST", json.dumps(KWARGS)[:-9].encode())
    assert found_in(board.output()) == set()
    files = list(planted.folder.glob("history*"))
    assert files
    for path in files:
        texts = path.rglob("*") if path.is_dir() else [path]
        for one in texts:
            if one.is_file():
                assert found_in(one.read_bytes().decode("latin-1")) == set(), one
    arguments = (
        Path(f"/proc/{board.pid}/cmdline").read_text().replace(planted.board.options[-1], "")
    )
    assert found_in(arguments) == set()


def test_notices_hold_none(planted: Planted, receiver: Receiver) -> None:
    """The last test: the broker is gone after it."""
    answer = planted.board.post("/api/problems/test")
    assert answer.status == 200, answer.text
    assert found_in(answer.text) == set()
    wait_until(lambda: receiver.bodies, 10, "a notice arrives")

    planted.server.stop()

    def raised() -> set[str]:
        notices = [json.loads(body) for body in tuple(receiver.bodies)]
        return {one["rule"] for notice in notices for one in notice["raised"]}

    wait_until(lambda: "events-away" in raised(), 60, "that the broker is gone is told")
    assert found_in("".join(receiver.bodies)) == set()
    for path in ("/problems", "/api/problems", "/broker", "/api/connection", "/readyz"):
        assert found_in(planted.board.ask(path).text) == set(), path
    assert found_in(planted.board.output()) == set()
