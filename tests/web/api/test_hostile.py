"""Requests that mean harm or nonsense, sent to the real dashboard over a real broker and worker.

Each must end soon, with an allowed status and words that say what is wrong, without a stack trace,
and the next request must be fine.
"""

import contextlib
import socket
import time
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.services import Dashboard, Redis, running

pytestmark = pytest.mark.xdist_group("real")

ADD, SEND = "/api/task/async-apply/tests.shop.add", "/api/task/send-task/tests.shop.add"
CHUNKED, ENDED = "Transfer-Encoding: chunked", "0\r\n\r\n"
TABLE = "/tasks/datatable?draw=1&start={}&length={}&order[0][column]={}"


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    folder = tmp_path_factory.mktemp("locked")
    with (
        running(Redis(folder)) as redis,
        running(Dashboard(folder, redis.url, options=("--basic_auth=ok:ok",))) as dashboard,
    ):
        yield dashboard


def check(dashboard: Dashboard, method: str, path: str, body: str, status: int, **headers) -> None:
    started = time.monotonic()

    answer = dashboard.ask(path, method, body.encode() if body else None, headers)

    assert answer.status == status, answer.text
    assert time.monotonic() - started < 3
    assert method == "HEAD" or answer.text.strip()
    assert status == 200 or "Traceback" not in answer.text  # failed tasks in lists have their own
    assert dashboard.ask("/healthcheck").status == 200


def deep(count: int) -> str:
    return "[" * count


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/tasks?limit=abc", 400),
        ("/api/tasks?limit=-1", 200),
        ("/api/tasks?limit=1e3", 400),
        ("/api/tasks?limit=1" + 30 * "0", 200),
        ("/api/tasks?offset=1" + 30 * "0", 200),
        ("/api/tasks?limit=" + 5000 * "9", 400),
        ("/api/tasks?sort_by=bogus", 400),
        ("/api/tasks?received_start=bogus", 400),
        ("/api/tasks?received_end=" + quote("1900-01-01 00:00"), 200),
        ("/api/tasks?offset=-5", 200),
        ('/api/tasks?search="', 400),
        ("/api/tasks?search=" + 20 * "(", 400),
        ("/api/tasks?search=" + 3000 * "x", 400),
        ("/api/tasks?search=%ff", 400),
        ("/api/tasks?search=" + "+OR+".join(f"term{n}" for n in range(64)), 200),
        ("/tasks/datatable", 400),
        (TABLE.format(-5, -5, 99), 200),
        (TABLE.format(0, 10_000_000, 0), 200),
        (TABLE.format("1" + 30 * "0", 5, 0), 200),
        ("/task/%ff", 400),
        ("/task/%00", 404),
        ("/task/..%2f..%2fetc", 404),
        ("/task/" + 60_000 * "x", 404),
        ("/worker/a%2Fb", 404),
        ("/worker/%0d%0aX", 404),
        ("/api/task/info/%00", 404),
        ("/api/task/result/x?timeout=abc", 400),
        ("/api/task/result/x?timeout=nan", 400),
        ("/api/task/result/x?timeout=-1", 400),
        ("/api/workers?refresh=maybe", 400),
    ],
)
def test_a_wrong_question_is_answered_with_words(real, path, status):
    check(real.dashboard, "GET", path.replace('"', "%22"), "", status)


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("PUT", 405), ("FOO", 405)])
def test_a_method_that_pages_lack_is_refused_and_head_is_not(real, method, status):
    check(real.dashboard, method, "/workers", "", status)


@pytest.mark.parametrize(
    "body",
    [
        "not json",
        "[1]",
        '{"args": 5}',
        pytest.param(deep(100_000), id="deep"),
        pytest.param('{"args": ' + deep(900) + "]" * 900 + "}", id="deep but readable"),
        '{"args": [1, 2], "kwargs": [1]}',
        '{"args": [1]}',
        '{"args": [1, 2], "eta": 5}',
        '{"args": [1, 2], "countdown": null}',
        '{"args": [1, 2], "expires": null}',
        '{"args": [1, 2], "countdown": 1e400}',
        '{"args": [1, 2], "connection": {}}',
        '{"args": [1, 2], "producer": {}}',
        '{"args": [1, 2], "queue": {}}',
        '{"args": [1, 2], "serializer": "zzz"}',
        '{"args": [1, 2], "serializer": "pickle"}',
        '{"args": [1, 2], "task_id": 5}',
        '{"args": [1, 2], "compression": "zzz"}',
        '{"args": [1, 2], "link": "x"}',
        '{"args": [NaN, 2]}',
        '{"args": ["\\ud800", 2]}',
        pytest.param('{"args": [' + 5000 * "9" + ", 2]}", id="5,000 digits"),
    ],
)
def test_a_message_that_cannot_be_sent_is_refused(real, body):
    check(real.dashboard, "POST", ADD, body, 400)


def test_half_characters_in_a_form_are_refused_as_in_a_body(real):
    answer = real.dashboard.post("/do/tasks/revoke-stamped", stamps='{"a": "\\ud800"}')

    assert answer.status == 303  # back to the form, with the reason


@pytest.mark.parametrize("value", ["1", "-1", '"yes"', "[]", "{}", "1e308"])
def test_what_is_true_or_false_is_nothing_else(real, value):
    body = f'{{"stamps": {{"a": "b"}}, "terminate": {value}}}'

    answer = real.dashboard.ask("/api/tasks/revoke-stamped", "POST", body.encode())

    assert (answer.status, answer.text) == (400, "terminate must be true or false")


OPTIONS = (
    "chain chord compression countdown delivery_mode eta exchange expires group_id headers "
    "ignore_result immutable link link_error mandatory name priority publisher queue reply_to "
    "root_id routing_key serializer shadow signature soft_time_limit stamps task_id task_type "
    "time_limit timeout unknown"
)


@pytest.mark.parametrize("value", ['{"a": [1]}', '"x\\u0000"', "[]", "1e308", "-1", "null", "true"])
@pytest.mark.parametrize("path", [ADD, SEND])
def test_no_option_is_an_error_of_ours(real, path, value):
    bodies = {key: f'{{"args": [1, 2], "{key}": {value}}}' for key in OPTIONS.split()}

    answers = {key: real.dashboard.ask(path, "POST", bodies[key].encode()) for key in bodies}

    wrong = {key: answer.text for key, answer in answers.items() if answer.status not in {200, 400}}
    assert wrong == {}


@pytest.mark.parametrize("name", ["%0A%0D", pytest.param(10_000 * "x", id="long"), "%00"])
def test_a_name_that_no_task_has_is_not_sent(real, name):
    check(real.dashboard, "POST", f"/api/task/send-task/{name}", "", 400)


FORMS = [
    ("/api/task/revoke/x", "terminate=1&signal=SIGBOGUS"),
    ("/api/task/revoke/x", "terminate=1&signal=9999"),
    ("/api/worker/pool/grow/{w}", "n=-1"),
    ("/api/worker/pool/grow/{w}", "n=0"),
    ("/api/worker/pool/grow/{w}", "n=1000000000"),
    ("/api/worker/pool/grow/{w}", "n=x"),
    ("/api/worker/pool/autoscale/{w}", "min=5&max=1"),
    ("/api/task/timeout/tests.shop.add", "soft=1"),
    ("/api/task/rate-limit/tests.shop.add", "ratelimit=1"),
    ("/api/task/rate-limit/tests.shop.add", "workername={w}&ratelimit=10/x"),
    ("/api/task/rate-limit/tests.shop.add", "workername={w}&ratelimit=-1/s"),
    ("/tasks/datatable", "&".join(f"f{n}=1" for n in range(2000))),
]


@pytest.mark.parametrize(("path", "form"), FORMS)
def test_a_command_that_cannot_be_meant_is_refused(real, path, form):
    path, form = path.format(w=real.worker), form.format(w=real.worker)
    kind = {"Content-Type": "application/x-www-form-urlencoded"}

    check(real.dashboard, "POST", path, form, 400, **kind)


def test_a_form_of_five_hundred_parts_is_refused(real):
    part = '--b\r\nContent-Disposition: form-data; name="f"\r\n\r\n1\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=b"}

    check(real.dashboard, "POST", "/tasks/datatable", 500 * part + "--b--\r\n", 400, **kind)


@pytest.mark.parametrize(
    ("credentials", "status"),
    [
        ("Basic w7w6w7w=", 401),
        ("Basic " + 50_000 * "x", 401),
        ("Basic", 401),
        ("Basic !!!", 401),
        ("Basic b2s=", 401),
        ("Bearer b2s6b2s=", 401),
        ("Basic b2s6b2s=", 200),
    ],
)
def test_credentials_that_are_none_are_refused(locked, credentials, status):
    check(locked, "GET", "/api/workers", "", status, Authorization=credentials)


@pytest.mark.parametrize(
    ("cookies", "statuses"),
    [
        (60_000 * "x", {200, 400, 431}),
        ("; ".join(f"c{n}=1" for n in range(5000)), {200, 400, 431}),
        ('user="2|1:0|10:1|4:user|4:eHh4|forged"', {200}),
    ],
)
def test_no_cookie_harms(real, cookies, statuses):
    assert real.dashboard.ask("/api/workers", headers={"Cookie": cookies}).status in statuses
    assert real.dashboard.ask("/healthcheck").status == 200


def status_of(dashboard: Dashboard, request: bytes) -> int:
    """Return the status of the answer to these very bytes; 0 where the connection just ends."""
    with socket.create_connection(("127.0.0.1", dashboard.port), 5) as connection:
        connection.sendall(request)
        with contextlib.suppress(ConnectionResetError):
            answer = connection.recv(200)
            return int(answer.split()[1]) if answer else 0
    return 0


def http(line: str, *headers: str, body: str = "") -> bytes:
    return "\r\n".join((f"{line} HTTP/1.1", *headers, "", body)).encode()


@pytest.mark.parametrize(
    ("request_bytes", "statuses"),
    [
        (http("GET /" + 70_000 * "x", "Host: x"), {0, 400, 414, 431}),
        (http("GET /api/workers", "Host: a", "Host: b"), {400}),
        (http("GET /api/workers"), {400}),
        (http("GET /api/workers", "Host: evil"), {403}),
        (http("GET http://evil/api/workers", "Host: localhost"), {400, 404}),
        (http("POST /api/workers", "Host: x", "Content-Length: -5"), {400}),
        (http("POST /api/workers", "Host: x", "Content-Length: 3", CHUNKED, body=ENDED), {400}),
        (http("POST /api/workers", "Host: x", CHUNKED, body="zz\r\n\r\n"), {400}),
    ],
    ids=range(8),
)
def test_what_is_not_http_is_refused(real, request_bytes, statuses):
    assert status_of(real.dashboard, request_bytes) in statuses
    assert real.dashboard.ask("/healthcheck").status == 200


def test_a_body_that_is_far_too_large_is_refused_before_it_is_sent(real):
    head = f"POST {ADD} HTTP/1.1\r\nHost: x\r\nContent-Length: {10**9}\r\n\r\n".encode()

    assert status_of(real.dashboard, head + b"x" * 1000) in {400, 413}
    assert real.dashboard.ask("/healthcheck").status == 200


def test_many_silent_connections_keep_nobody_waiting(real):
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            silent = socket.create_connection(("127.0.0.1", real.dashboard.port), 5)
            stack.enter_context(silent)
            silent.sendall(b"GET")

        started = time.monotonic()
        assert real.dashboard.ask("/healthcheck").status == 200

    assert time.monotonic() - started < 1


def test_an_error_tells_nothing_of_the_inside(real):
    answer = real.dashboard.post("/api/task/async-apply/tests.shop.add", {"args": [1]})

    assert "site-packages" not in answer.text
    assert 'File "' not in answer.text
