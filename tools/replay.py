"""Replay asks Flower and flower_ng the same questions, on one broker, and compares the answers.

    python tools/replay.py http://127.0.0.1:5555 http://127.0.0.1:5556 --worker w1@host

The first address is Flower's. Both need an open API, the app `tests.shop` with a result backend,
and one worker of it that has worker_pool_restarts on and may be changed: it is shut down at last.
Compared are the status, the content type, the headers that the contract names, and the structure of
JSON: key paths and types of values. A difference that is meant is named in its case; each other one
is printed, and makes the exit code 1. Other words in a plain text are only remarked on.
"""

import argparse
import http.client
import json
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

#: Not Access-Control-Allow-Origin: Flower lets any page read an open API, flower_ng on purpose not.
HEADERS = ("Etag", "X-Content-Type-Options")
FORM = "application/x-www-form-urlencoded"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Case:
    """One request; `better` is the status that we answer with on purpose, `why` its reason."""

    method: str
    path: str
    body: str = ""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    better: int | None = None
    why: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.body}".strip()


@dataclass(frozen=True)
class Answer:
    """What came back; `shape` is a set of `path: type` for JSON, else empty."""

    status: int
    content_type: str
    headers: frozenset[str]
    shape: frozenset[str]
    text: str


def get(path: str, better: int | None = None, why: str = "", **headers: str) -> Case:
    """Return a GET."""
    return Case("GET", path, headers=headers, better=better, why=why)


def post(path: str, form: str = "", better: int | None = None, why: str = "") -> Case:
    """Return a POST of a form."""
    return Case("POST", path, form, FORM, better=better, why=why)


def publish(path: str, body: str, better: int | None = None, why: str = "") -> Case:
    """Return a POST of a publish call's body."""
    return Case("POST", path, body, better=better, why=why)


def pages(worker: str, task: str) -> Iterator[Case]:
    """The routes that people open, with what goes wrong there."""
    for path in ("/", "/workers", "/tasks", "/broker", "/metrics", "/healthcheck", "/logout"):
        yield get(path)
        yield Case("DELETE", path)
        yield Case("OPTIONS", path)
    yield get(f"/worker/{worker}")
    yield get(f"/worker/{quote(worker, safe='')}")
    yield get(f"/worker/{worker}?limit=2")
    yield get(f"/worker/{worker}?limit=x")
    yield get("/worker/nobody@nowhere")
    yield get(f"/task/{task}")
    yield get(f"/task/{NOBODY}")
    for path in ("/workers/", "/api/tasks/", "/nothing", "/login", "/login/", "/api", "/api/x"):
        yield get(path)
    for method in ("POST", "PUT", "DELETE"):
        yield Case(method, "/nothing")
    yield get("/workers?json=1")
    yield get("/workers?json=yes&refresh=1")
    yield get("/workers?json=maybe")
    yield get("/workers?json=")
    yield get("/workers?refresh=2")
    for path in ("/", "/healthcheck", "/api/tasks"):
        why = "HEAD works like GET"
        yield Case("HEAD", path, better=200, why=why)
    yield get("/static/favicon.ico")
    yield get("/static/nothing.css")


def datatable() -> Iterator[Case]:
    """The table of the Tasks page."""
    path = "/tasks/datatable"
    asked = "draw=1&start=0&length=5&order[0][column]=0"
    yield get(f"{path}?{asked}")
    yield post(path, asked)
    for column in ("name", "uuid", "state", "received", "runtime", "worker", "retries", "nonsense"):
        for direction in ("asc", "desc"):
            yield get(f"{path}?{asked}&columns[0][data]={column}&order[0][dir]={direction}")
    for search in ("add", "state:success", "kwargs:a=1", "result:%22a+b%22", "%22", "(", "ab"):
        yield get(f"{path}?{asked}&search[value]={search}")
    yield get(path)
    yield get(f"{path}?draw=x&start=0&length=5&order[0][column]=0")
    yield get(f"{path}?draw=1&start=-5&length=-5&order[0][column]=99")
    yield get(f"{path}?draw=1&start=0&length=0&order[0][column]=0")
    yield Case("PUT", path)


def workers(worker: str) -> Iterator[Case]:
    """Reading workers and queues."""
    path = "/api/workers"
    for query in ("", "?refresh=1", "?status=1", "?refresh=true&status=true", "?refresh=maybe"):
        yield get(path + query)
    yield get(f"{path}?workername={worker}")
    yield get(f"{path}?workername={worker}&refresh=1")
    yield get(f"{path}?workername=")
    yield get(f"{path}?workername=nobody@nowhere")
    yield get(f"{path}?workername=nobody@nowhere&refresh=1")
    yield get(f"{path}?workername=nobody@nowhere&status=1")
    yield get(f"{path}?status=")
    yield get("/api/queues/length")
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        yield Case(method, path)


def tasks(task: str, worker: str) -> Iterator[Case]:
    """Reading tasks."""
    path = "/api/tasks"
    for query in (
        "",
        "limit=2",
        "limit=0",
        "limit=-1",
        "limit=2&offset=1",
        "limit=1&offset=-3",
        "limit=3&offset=100000",
        "limit=x",
        "limit=",
        "limit=1e3",
        "offset=x",
        "offset=",
        "sort_by=bogus",
        "sort_by=runtime",
        "state=SUCCESS",
        "state=success",
        "state=All",
        "state=nonsense",
        "state=",
        f"workername={worker}",
        f"workername={worker.upper()}",
        "workername=All",
        "workername=nobody",
        "taskname=tests.shop.add",
        "taskname=TESTS.SHOP.ADD&state=SUCCESS",
        "taskname=All",
        "received_start=2000-01-01 00:00",
        "received_end=2000-01-01 00:00",
        "received_start=2000-01-01 00:00&received_end=2100-01-01 00:00",
        "received_start=yesterday",
        "received_end=2000-01-01",
        "received_start=",
        "search=add",
        "search=ab",
        'search="',
        "search=(((((((",
        "search=" + "x" * 3000,
        "search=AND",
        "search=state:SUCCESS tests",
        "search=name:shop AND (fail OR add)",
        "unknown=1",
    ):
        yield get(f"{path}?{quote(query, safe='=&')}" if query else path)
    for key in ("name", "state", "received", "started"):
        for dashes in ("", "-", "--"):
            yield get(f"{path}?limit=5&sort_by={dashes}{key}")
    yield get(f"{path}?sort_by=", 200, "an empty sort_by is as if absent")
    yield get("/api/task/types")
    yield get(f"/api/task/info/{task}")
    yield get(f"/api/task/info/{NOBODY}")
    yield get("/api/task/info/")
    yield get(f"/api/task/result/{task}")
    yield get(f"/api/task/result/{task}?timeout=1")
    yield get(f"/api/task/result/{NOBODY}")
    yield get(f"/api/task/result/{NOBODY}?timeout=0.2")
    yield get(f"/api/task/result/{NOBODY}?timeout=0")
    yield get(f"/api/task/result/{NOBODY}?timeout=abc")
    yield get(f"/api/task/result/{NOBODY}?timeout=")
    for method in ("POST", "OPTIONS"):
        yield Case(method, path)
        yield Case(method, f"/api/task/info/{task}")


def publishing() -> Iterator[Case]:
    """Sending tasks."""
    words = "answered with the reason instead of 500"
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    for route in ("apply", "async-apply", "send-task"):
        path = f"/api/task/{route}/tests.shop.add"
        yield publish(path, '{"args": [1, 2]}')
        yield Case("POST", path, '{"args": [1, 2]}', FORM)
        yield publish(path, '{"args": [1], "kwargs": {"y": 2}, "priority": 3}')
        yield publish(path, "not json")
        yield publish(path, "[1]")
        yield publish(path, '{"args": 5}')
        yield publish(path, '{"args": [1, 2], "kwargs": []}', 400, "an array is no object")
        yield publish(path, '{"args": [1, 2], "count_down": 30}', 400, "an unknown option")
        yield publish(path, '{"args": [1, 2], "serializer": "yaml"}', 400, "nobody would read it")
        yield publish(path, '{"args": [1, 2], "kwargs": null}')
        yield publish(path, '{"args": [1, 2], "kwargs": [1]}', 400, words)
        yield publish(path, "[" * 100_000, 400, "a body nested too deep")
        yield get(path)
    for route in ("apply", "async-apply"):
        path = f"/api/task/{route}/tests.shop.add"
        yield publish(path, '{"args": [1]}', 400, words)
        yield publish(path, '{"args": [1, 2], "eta": "tomorrow"}')
        yield publish(path, '{"args": [1, 2], "eta": 5}', 400, words)
        yield publish(path, '{"args": [1, 2], "countdown": "x"}')
        yield publish(path, '{"args": [1, 2], "countdown": null}', 400, words)
        yield publish(path, '{"args": [1, 2], "countdown": 0}')
        yield publish(path, '{"args": [1, 2], "expires": "never"}')
        yield publish(path, '{"args": [1, 2], "expires": 60}')
        yield publish(path, f'{{"args": [1, 2], "expires": "{tomorrow:%Y-%m-%d %H:%M:%S.%f}"}}')
        yield publish(f"/api/task/{route}/no.such.task", "")
        yield publish(f"/api/task/{route}/no.such.task", "not json")
    yield publish("/api/task/apply/tests.shop.add", '{"args": [1, 2], "timeout": 5}')
    yield publish("/api/task/apply/tests.shop.add", '{"args": [1, 2], "timeout": "x"}')
    yield publish("/api/task/apply/tests.shop.sleep", '{"args": [4], "timeout": 0.1}')
    yield publish("/api/task/apply/tests.shop.fail", "")
    yield publish("/api/task/send-task/no.such.task", '{"queue": "nowhere"}')
    yield publish("/api/task/send-task/tests.shop.add", '{"args": [1, 2], "countdown": 0}')
    yield publish("/api/task/send-task/tests.shop.add", '{"countdown": "x"}', 400, words)


def task_commands(task: str, worker: str) -> Iterator[Case]:
    """Steering tasks."""
    for form in ("", "terminate=true", "terminate=1&signal=SIGKILL", "terminate=maybe"):
        yield post(f"/api/task/revoke/{NOBODY}", form)
    yield post(
        f"/api/task/revoke/{NOBODY}", "terminate=1&signal=SIGBOGUS", 400, "an unknown signal"
    )
    yield post(f"/api/task/abort/{task}")
    yield post(f"/api/task/abort/{NOBODY}")
    add, here = "tests.shop.add", f"workername={worker}"
    limits, rates = f"/api/task/timeout/{add}", f"/api/task/rate-limit/{add}"
    for form in (f"{here}&soft=30&hard=60", f"{here}&hard=60", here, f"{here}&soft=x", "soft=3"):
        yield post(limits, form)
    yield post(limits, "workername=nobody&soft=3")
    yield post("/api/task/timeout/no.such.task", f"{here}&soft=3")
    for form in (f"{here}&ratelimit=200/m", f"{here}&ratelimit=0", f"{here}&ratelimit=bogus"):
        yield post(rates, form)
    for form in (here, "ratelimit=3", "workername=nobody&ratelimit=3"):
        yield post(rates, form)
    yield post("/api/task/rate-limit/no.such.task", f"{here}&ratelimit=3")


def worker_commands(worker: str) -> Iterator[Case]:
    """Steering workers; the last case ends the worker."""
    pool, queue = "/api/worker/pool", "/api/worker/queue"
    for act in ("grow", "shrink"):
        for form in ("", "n=1", "n=x", "n="):
            yield post(f"{pool}/{act}/{worker}", form)
        yield post(f"{pool}/{act}/nobody@nowhere", "n=x")
        yield get(f"{pool}/{act}/{worker}")
    for form in ("min=1&max=3", "min=1", "max=3", "min=a&max=3", ""):
        yield post(f"{pool}/autoscale/{worker}", form)
    yield post(f"{pool}/restart/{worker}")
    yield post(f"{pool}/restart/nobody@nowhere")
    for act in ("add-consumer", "cancel-consumer"):
        for form in ("queue=spare", "queue=", ""):
            yield post(f"{queue}/{act}/{worker}", form)
        yield post(f"{queue}/{act}/nobody@nowhere", "queue=spare")
    yield post("/api/worker/shutdown/nobody@nowhere")
    yield post(f"/api/worker/shutdown/{worker}")


class Site:
    """One dashboard; each request has its own connection."""

    def __init__(self, url: str) -> None:
        self.host = urlsplit(url).netloc

    def ask(self, case: Case, timeout_s: float = 20) -> Answer:
        """Send one request and reduce its answer to what is compared; status 0 for none in time."""
        connection = http.client.HTTPConnection(self.host, timeout=timeout_s)
        headers = {"Content-Type": case.content_type, **case.headers}
        try:
            connection.request(case.method, case.path, case.body.encode(), headers)
            reply = connection.getresponse()
            text = reply.read().decode(errors="replace")
        except TimeoutError:
            return Answer(0, "", frozenset(), frozenset(), f"no answer within {timeout_s} s")
        finally:
            connection.close()
        content_type = reply.getheader("Content-Type") or ""
        shape = shape_of(json.loads(text)) if "json" in content_type and text else set()
        present = frozenset(name for name in HEADERS if reply.getheader(name))
        return Answer(reply.status, content_type, present, frozenset(shape), text[:200])

    def json(self, path: str) -> Any:
        """Return the JSON that a GET answers with."""
        connection = http.client.HTTPConnection(self.host, timeout=40)
        try:
            connection.request("GET", path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


def shape_of(value: Any, path: str = "") -> set[str]:
    """Return `path: type` for every value inside; ids and positions are one name each."""
    if isinstance(value, dict):
        paths = (shape_of(item, f"{path}.{UUID.sub('ID', key)}") for key, item in value.items())
        return {f"{path}: object"}.union(*paths)
    if isinstance(value, list):
        return {f"{path}: array"}.union(*(shape_of(item, f"{path}[]") for item in value))
    return {f"{path}: {type(value).__name__}"}


def differences(case: Case, flower: Answer, ours: Answer) -> Iterator[str]:
    """Say in words how the answers differ, where that is not meant."""
    if case.better is not None:
        if ours.status not in {case.better, flower.status}:
            yield f"status {ours.status}, expected {case.better} ({case.why})"
        return
    if ours.status != flower.status:
        yield f"status {ours.status}, Flower's {flower.status}: {ours.text!r}"
        return
    is_refusal = ours.status == HTTPStatus.FORBIDDEN and ours.content_type.startswith("text/plain")
    if ours.content_type != flower.content_type and not is_refusal:
        yield f"content type {ours.content_type!r}, Flower's {flower.content_type!r}"
    for name in sorted(flower.headers - ours.headers):
        yield f"no header {name}"
    for path in sorted(flower.shape - ours.shape)[:10]:
        yield f"missing {path}"
    for path in sorted(ours.shape - flower.shape)[:10]:
        yield f"added {path}"


def is_other_text(ours: Answer, flower: Answer) -> bool:
    """Tell whether two plain texts differ; metrics are none: they have their own numbers."""
    is_text = ours.content_type.startswith("text/plain") and not ours.text.startswith("# HELP")
    return is_text and ours.text != flower.text


def prepare(flower: Site, ours: Site) -> str:
    """Run one task of each outcome, wait until both sites show them all; return a finished one."""
    for name, body in (
        ("add", '{"args": [1, 2]}'),
        ("fail", '{"kwargs": {"message": "a b"}}'),
        ("flaky", ""),
        ("echo", '{"kwargs": {"a": 1}}'),
    ):
        flower.ask(publish(f"/api/task/apply/tests.shop.{name}", body))
    for site in (flower, ours):
        site.json("/api/workers?refresh=1")
    deadline = time.monotonic() + 20
    while flower.json("/api/tasks").keys() != ours.json("/api/tasks").keys():
        if time.monotonic() > deadline:
            sys.exit("The two do not show the same tasks: start both before the first task.")
        time.sleep(0.5)
    return str(next(iter(ours.json("/api/tasks?taskname=tests.shop.add&state=SUCCESS"))))


def replay(flower: Site, ours: Site, cases: Iterator[Case]) -> int:
    """Ask both; print each difference and a summary; return the number of cases that differ."""
    asked = better = wrong = 0
    for case in cases:
        theirs, answer = flower.ask(case), ours.ask(case)
        found = list(differences(case, theirs, answer))
        asked, wrong = asked + 1, wrong + bool(found)
        if case.better is not None and theirs.status != answer.status:
            better += 1
            print(f"better  {str(case)[:100]}: {theirs.status} -> {answer.status}, {case.why}")
        if answer.status == theirs.status and is_other_text(answer, theirs):
            print(f"remark  {str(case)[:100]}: {answer.text!r}, Flower's {theirs.text!r}")
        for words in found:
            print(f"DIFFERS {str(case)[:100]}: {words}")
    print(f"{asked} requests: {wrong} differ, {better} are better on purpose")
    return wrong


def main() -> None:
    """Read the command line, prepare both sites, replay all cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("flower", help="address of Flower 2.2.0")
    parser.add_argument("ours", help="address of flower_ng")
    parser.add_argument("--worker", required=True, help="name of the worker, as w1@host")
    options = parser.parse_args()
    flower, ours = Site(options.flower), Site(options.ours)
    task = prepare(flower, ours)

    def cases() -> Iterator[Case]:
        yield from pages(options.worker, task)
        yield from datatable()
        yield from workers(options.worker)
        yield from tasks(task, options.worker)
        yield from publishing()
        yield from task_commands(task, options.worker)
        yield from worker_commands(options.worker)

    sys.exit(1 if replay(flower, ours, cases()) else 0)


if __name__ == "__main__":
    main()
