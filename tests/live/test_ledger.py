"""A ledger: tasks of every outcome, and what the workers' logs and the result backend say of each.

What the API, the pages and /metrics tell is compared with that, task by task. LEDGER_TASKS is how
many tasks there are, about; `make soak` runs it with 10,000.
"""

import gc
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from celery import Celery, chain, chord, group
from celery.result import AsyncResult
from redis import Redis as Client

from tests.services import Dashboard, Rabbit, Redis, Worker, wait_until

TASKS = int(os.environ.get("LEDGER_TASKS", "400"))
PATIENCE_S = 60 + TASKS / 20
#: Tasks whose end no event tells are in doubt sooner than after five minutes.
OPTIONS = ("--inspect_timeout=2000", "--problem_task_unclaimed=2", "--problems_interval=1")
#: After so long a message that a killed worker on Redis had is delivered again.
VISIBLE_S = 2
pytestmark = [pytest.mark.live, pytest.mark.timeout(120 + TASKS / 5)]

#: A line of a worker's log that names a task, and what it says of it.
LINE = re.compile(r"Task (?P<name>[\w.]+)\[(?P<id>[-0-9a-f]{36})\] (?P<said>.*)")
DISCARDED = re.compile(r"Discarding revoked task: (?P<name>[\w.]+)\[(?P<id>[-0-9a-f]{36})\]")
TERMINATED = re.compile(r"Terminating (?P<id>[-0-9a-f]{36}) ")
LIMITED = re.compile(
    r"Hard time limit \(\S+\) exceeded for (?P<name>[\w.]+)\[(?P<id>[-0-9a-f]{36})"
)
SUCCEEDED = re.compile(r"succeeded in (?P<runtime>[-\d.e]+)s: (?P<result>.*)")
#: What is delivered again, and known to be revoked or expired by then, is logged as received and
#: discarded at once; no event tells of the receipt.
AT_ONCE = timedelta(seconds=0.5)
#: How what a line says begins, and what happened then.
SAID = {
    "received": "received",
    "succeeded in ": "succeeded",
    "retry: ": "retried",
    "raised unexpected: ": "failed",
    "ignored": "ignored",
    "reject requeue=False": "refused",
    "reject requeue=True": "requeued",
}
EVENTS = re.compile(
    r'^flower_events_total\{task="([^"]*)",type="task-([^"]*)",worker="([^"]*)"\} (\S+)$',
    re.MULTILINE,
)
TAB = re.compile(
    r'data-state="(\w+)">[^<]*</span>\s*<small\s+class="number"[^>]*>\s*([^<]*?)\s*</small>'
)
TYPE = re.compile(r'id="type-/types/([^"]*)".*?data-label="Tasks">([0-9,]+)<', re.DOTALL)
ABOUT = ("retries", "exception", "is_received")
SHOP, OURS = "tests.shop.", "tests.ledger_tasks."


@dataclass(slots=True)
class Sent:
    """A task that was sent: what was meant to become of it, and where it went."""

    id: str
    name: str
    state: str
    retries: int = 0
    queue: str = "ledger"
    exception: str = ""
    #: What is known to be revoked is logged as received, and no event tells of the receipt.
    is_received: bool = True


@dataclass(slots=True)
class Books:
    """What the workers' logs say, by task."""

    #: What happened to a task, on which worker, and how often.
    happened: dict[str, Counter[tuple[str, str]]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    runtimes: dict[str, float] = field(default_factory=dict)
    results: dict[str, str] = field(default_factory=dict)

    def read(self, worker: Worker) -> "Books":
        received_at: dict[str, datetime] = {}
        for line in worker.output().splitlines():
            for kind, found in _told(line):
                uuid = found["id"]
                if kind == "received":
                    received_at[uuid] = moment(line)
                elif kind == "discarded" and moment(line) - received_at[uuid] < AT_ONCE:
                    self.happened[uuid]["unheard", worker.hostname] += 1
                if kind != "terminated":
                    self.names[uuid] = found["name"]
                self.happened.setdefault(uuid, Counter())[kind, worker.hostname] += 1
                if kind == "succeeded" and (end := SUCCEEDED.match(found["said"])):
                    self.runtimes[uuid] = float(end["runtime"])
                    self.results[uuid] = end["result"]
        return self

    def times(self, uuid: str, kind: str) -> int:
        """Return how often it happened to a task, on all workers."""
        return sum(count for (one, _), count in self.happened.get(uuid, {}).items() if one == kind)

    def workers(self, uuid: str) -> set[str]:
        return {worker for _, worker in self.happened.get(uuid, {})}

    def having(self, *kinds: str) -> set[str]:
        """Return the tasks to which one of these happened."""
        return {
            uuid for uuid, told in self.happened.items() if any(kind in kinds for kind, _ in told)
        }

    def by_type(self, kind: str) -> Counter[tuple[str, str]]:
        """Return how often it happened, by the task's name and the worker."""
        counts: Counter[tuple[str, str]] = Counter()
        for uuid, told in self.happened.items():
            for (one, worker), count in told.items():
                if one == kind:
                    counts[self.names[uuid], worker] += count
        return counts


def moment(line: str) -> datetime:
    """Return when a line was logged."""
    return datetime.strptime(line[1:24], "%Y-%m-%d %H:%M:%S,%f")  # noqa: DTZ007 - compared with its like


def _told(line: str) -> Iterator[tuple[str, re.Match[str]]]:
    if found := LINE.search(line):
        for begin, kind in SAID.items():
            if found["said"].startswith(begin):
                yield kind, found
    if found := DISCARDED.search(line):
        yield "discarded", found
    if found := TERMINATED.search(line):
        yield "terminated", found
    if found := LIMITED.search(line):
        yield "limited", found


@dataclass(slots=True)
class Town:
    """Two workers, and a dashboard that keeps what it hears; `sent` is all that was sent."""

    app: Celery
    dashboard: Dashboard
    workers: list[Worker]
    start: Callable[[str, str], Worker]
    #: Where tasks note that they ran.
    runs: Path
    sent: dict[str, Sent] = field(default_factory=dict)
    #: What /metrics told when all had ended.
    metrics: str = ""

    def send(self, state: str, task: str, *args: Any, **options: Any) -> str:
        """Send a task; the options of Sent are told apart from Celery's."""
        about = {key: options.pop(key) for key in ABOUT if key in options}
        uuid = options.setdefault("task_id", str(uuid4()))
        options.setdefault("queue", "ledger")
        self.app.send_task(task, args, **options)
        self.sent[uuid] = Sent(uuid, task, state, queue=options["queue"], **about)
        return uuid

    def flow(self, result: AsyncResult, names: Iterable[str]) -> None:
        """Note tasks of a flow: the last one, and the names from the last to the first."""
        one: Any = result
        for name in names:
            self.sent[one.id] = Sent(one.id, name, "SUCCESS")
            one = one.parent

    def books(self) -> Books:
        books = Books()
        for worker in self.workers:
            books.read(worker)
        return books

    def backend(self, uuid: str) -> str:
        """Return the state that the result backend has."""
        return str(self.app.backend.get_state(uuid))

    def reach(self, uuids: Iterable[str], state: str) -> None:
        """Wait until the dashboard has heard that tasks are in a state: nothing is sent after."""
        for uuid in uuids:
            wait_until(lambda uuid=uuid: self.state(uuid) == state, PATIENCE_S, f"{uuid} {state}")

    def state(self, uuid: str) -> str:
        answer = self.dashboard.ask(f"/api/task/info/{uuid}")
        return answer.json()["state"] if answer.status == 200 else ""

    def happens(self, uuids: Iterable[str], kind: str) -> None:
        """Wait until a worker's log says that it happened to all of them."""
        wanted = set(uuids)

        def happened() -> bool:
            return wanted <= self.books().having(kind)

        wait_until(happened, PATIENCE_S, f"{kind}: {wanted}")

    def tasks(self, **asked: Any) -> dict[str, Any]:
        """Return all tasks of a list, from its first page to its last."""
        found: dict[str, Any] = {}
        cursor = ""
        while cursor is not None:
            page = self.dashboard.get("/api/tasks/page", limit=1000, cursor=cursor, **asked)
            found |= {task["uuid"]: task for task in page["tasks"]}
            cursor = page["next"]
        assert page["exact"]
        assert page["total"] == len(found)
        return found


def share(part: float, *, least: int = 2, most: int = 10_000) -> int:
    return max(least, min(most, round(TASKS * part)))


def send_all(town: Town) -> None:
    """Have tasks end in every way that Celery has."""
    few = share(0.005, most=10)
    killed = [town.send("SUCCESS", f"{OURS}linger", queue="ledger-late") for _ in range(2)]
    town.reach(killed, "STARTED")
    wait_until(lambda: {one.name for one in town.runs.iterdir()} == set(killed), PATIENCE_S)
    town.workers[-1].kill()
    time.sleep(VISIBLE_S)  # a worker on Redis looks for what is older when it starts
    town.workers.append(town.start("w2", "ledger,ledger-late"))
    town.workers[-1].wait()

    late = [town.send("REVOKED", f"{SHOP}add", 1, 2, countdown=4) for _ in range(few)]
    expiring = [
        town.send("REVOKED", f"{SHOP}add", 1, 2, countdown=4, expires=3) for _ in range(few)
    ]
    town.happens(late + expiring, "received")
    early = [str(uuid4()) for _ in range(few)]
    heard = town.app.control.revoke(late + early, reply=True, timeout=10, limit=2)
    assert len(heard) == 2
    for uuid in early:
        town.send("REVOKED", f"{SHOP}add", 1, 2, task_id=uuid, is_received=False)
    for _ in range(few):
        town.send("FAILURE", f"{SHOP}crash", exception="WorkerLostError")
        town.send("FAILURE", f"{SHOP}sleep", 60, time_limit=1, exception="TimeLimitExceeded")
    for _ in range(few):
        town.send("SUCCESS", f"{SHOP}add", 1, 2, countdown=1)
    send_many(town)
    wait_for_ends(town)
    running = [town.send("REVOKED", f"{SHOP}sleep", 60) for _ in range(2)]
    town.reach(running, "STARTED")
    town.app.control.revoke(running, terminate=True, signal="SIGTERM")
    town.reach(running, "REVOKED")


def send_many(town: Town) -> None:
    for _ in range(share(0.1)):
        town.send("FAILURE", f"{SHOP}fail", "empty shelf", exception="ValueError")
        town.send("SUCCESS", f"{SHOP}flaky", 2, retries=2, exception="OSError")
    for _ in range(share(0.04)):
        town.send("SUCCESS", f"{SHOP}again", retries=1, exception="OSError")
        town.send("FAILURE", f"{SHOP}flaky", 9, retries=3, exception="OSError")
        town.send("FAILURE", f"{SHOP}refuse", exception="Reject")
        town.send("SUCCESS", f"{OURS}bounce")
        town.send("STARTED", f"{SHOP}ignore")
    add = town.app.signature(f"{SHOP}add", queue="ledger")
    total = town.app.signature(f"{OURS}total", queue="ledger")
    for number in range(share(0.02)):
        linked = chain(add.clone((1, number)), add.clone((2,)), app=town.app)()
        town.flow(linked, [add.task] * 2)
        together = group([add.clone((1, one)) for one in range(3)], app=town.app)()
        for one in together:
            town.flow(one, [add.task])
        joined = chord([add.clone((1, one)) for one in range(3)], app=town.app)(total.clone())
        town.flow(joined, [total.task])
        for one in joined.parent:
            town.flow(one, [add.task])
    for number in range(TASKS - len(town.sent)):
        town.send("SUCCESS", f"{SHOP}add", 1, number)


def unended(town: Town) -> list[Sent]:
    """Return of which tasks neither a log nor the result backend tells the end."""
    books = town.books()
    ended = books.having("succeeded", "failed", "ignored", "discarded", "limited", "refused")
    return [
        one
        for one in town.sent.values()
        if one.id not in ended and town.backend(one.id) != "FAILURE"
    ]


def wait_for_ends(town: Town) -> None:
    rest = list(town.sent.values())
    deadline = time.monotonic() + PATIENCE_S
    while rest and time.monotonic() < deadline:
        time.sleep(0.2)
        rest = unended(town)
    assert rest == [], "these did not end"


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("redis", marks=pytest.mark.xdist_group("live-redis")),
        pytest.param("rabbitmq", marks=pytest.mark.xdist_group("rabbit")),
    ],
)
def town(
    request: pytest.FixtureRequest,
    redis_server: Redis,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Town]:
    """Start workers and dashboard, have all tasks run, and hand out what was sent."""
    folder = tmp_path_factory.mktemp("ledger")
    backend = redis_server.url.replace("/0", "/7")
    with Client.from_url(backend) as client:
        client.flushdb()
    broker, options = backend, (*OPTIONS, "--persistent", f"--db={folder / 'kept'}")
    if request.param == "rabbitmq":
        rabbit: Rabbit = request.getfixturevalue("rabbit")
        broker, options = rabbit.url, (*options, f"--broker_api={rabbit.management_url}")
    (folder / "runs").mkdir()
    town = Town(
        app=Celery("ledger", broker=broker, backend=backend, set_as_current=False),
        dashboard=Dashboard(folder, broker, backend, options, env=environment(folder)),
        workers=[],
        runs=folder / "runs",
        start=lambda name, queues: launched(folder, broker, backend, name, queues),
    )
    town.app.conf.task_send_sent_event = True
    try:
        town.workers += [town.start("w1", "ledger"), town.start("w2", "ledger-late")]
        town.dashboard.start()
        for worker in town.workers:
            worker.wait()
        wait_until(lambda: all_online(town), 30, "both workers are online")
        send_all(town)
        with suppress(AssertionError):  # the tests then say what differs
            wait_until(lambda: is_heard(town), 10)
        yield town
    finally:
        town.dashboard.stop()
        for worker in town.workers:
            worker.kill()
        # Celery keeps results of flows; when they go they would look for a Redis that ended.
        for one in gc.get_objects():
            if isinstance(one, AsyncResult) and one.app is town.app:
                one.backend = None
        town.app.close()


def environment(folder: Path) -> dict[str, str]:
    """The settings of workers and dashboard: what a killed worker had comes back on Redis, too."""
    conf = (
        '{"imports": ["tests.ledger_tasks"], "broker_transport_options": {"visibility_timeout": 2}}'
    )
    return {"SHOP_CONF": conf, "SHOP_QUEUE": "ledger", "LEDGER_FOLDER": str(folder / "runs")}


def launched(folder: Path, broker: str, backend: str, name: str, queues: str) -> Worker:
    options = ("-P", "prefork", "-c", "2", "-Q", queues)
    env = environment(folder)
    if broker.startswith("amqp"):
        env["SHOP_CONF"] = '{"imports": ["tests.ledger_tasks"]}'
    worker = Worker(folder, broker, backend, name, options, env)
    worker.launch()
    return worker


def all_online(town: Town) -> bool:
    alive = town.dashboard.get("/api/workers", status=1)
    return all(alive.get(worker.hostname) for worker in town.workers)


def counted(metrics: str, kind: str) -> dict[tuple[str, str], int]:
    """Return what /metrics counts of one kind of event, by task type and worker."""
    return {
        (name, worker): int(float(value))
        for name, one, worker, value in EVENTS.findall(metrics)
        if one == kind and float(value)
    }


def is_heard(town: Town) -> bool:
    """Whether as much is counted as the logs say; keeps what is counted."""
    books, town.metrics = town.books(), town.dashboard.ask("/metrics").text
    counts = (sum(counted(town.metrics, kind).values()) for kind in ("succeeded", "retried"))
    return all(
        count == sum(books.by_type(kind).values())
        for count, kind in zip(counts, ("succeeded", "retried"), strict=True)
    )


def truth(town: Town) -> dict[str, tuple[str, str]]:
    """Return each task's name and state, by the logs and the result backend alone.

    A process that asks for a retry stores that after the retry is sent: on a busy machine the next
    run may have ended before, and the backend keeps RETRY. So a logged failure goes before it.
    """
    books = town.books()
    known = {uuid: (books.names[uuid], town.backend(uuid)) for uuid in town.sent}
    for uuid in books.having("failed") & known.keys():
        name, state = known[uuid]
        known[uuid] = name, "FAILURE" if state == "RETRY" else state
    return known


def told(tasks: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {uuid: (task["name"], task["state"]) for uuid, task in tasks.items()}


def differing(ours: dict[Any, Any], theirs: dict[Any, Any]) -> dict[Any, Any]:
    """Return where two accounts differ: nothing, or what each says."""
    return {
        key: (ours.get(key), theirs.get(key))
        for key in ours.keys() | theirs.keys()
        if ours.get(key) != theirs.get(key)
    }


def test_each_task_ended_as_it_was_meant_to(town):
    """The ledger itself is right: logs and result backend agree with what was sent."""
    meant = {uuid: (sent.name, sent.state) for uuid, sent in town.sent.items()}

    assert differing(truth(town), meant) == {}
    assert len(town.sent) >= TASKS


def test_the_lists_tell_each_task_as_it_was(town):
    known = truth(town)
    listed = town.dashboard.get("/api/tasks", limit=len(known) + 1000)

    assert differing(told(listed), known) == {}
    assert differing(told(town.tasks()), known) == {}


def test_each_record_says_what_the_logs_say(town):
    books, page = town.books(), town.tasks()
    wrong = {}
    for uuid, sent in town.sent.items():
        details = town.dashboard.get(f"/api/task/details/{uuid}")
        runs = [one for one in details["attempts"] if one["received"]]
        ours = {
            "state": (details["state"], page[uuid]["state"], town.state(uuid)),
            "worker": (details["worker"] or "") in books.workers(uuid),
            "queue": details["queue"],
            "retries": details["retries"] or 0,
            "exception": details["exception_class"] or "",
            "result": details["result"],
            "runtime": round(details["runtime"] or 0, 6),
            "received": len(runs),
            "retried": sum(one["state"] == "RETRY" for one in details["attempts"]),
        }
        theirs = {
            "state": (sent.state,) * 3,
            "worker": True,
            "queue": sent.queue,
            "retries": sent.retries,
            "exception": sent.exception,
            "result": books.results.get(uuid),
            "runtime": round(books.runtimes.get(uuid, 0), 6),
            "received": books.times(uuid, "received") - books.times(uuid, "unheard"),
            "retried": books.times(uuid, "retried"),
        }
        if found := differing(ours, theirs):
            wrong[sent.name, sent.state, uuid] = found
    assert wrong == {}


@pytest.mark.parametrize(
    ("kind", "told_by"),
    [
        ("succeeded", {"succeeded": 1}),
        ("retried", {"retried": 1}),
        ("rejected", {"requeued": 1, "refused": 1}),
        # Celery tells of a hard time limit twice.
        ("failed", {"failed": 1, "refused": 1, "limited": 2, "lost": 1}),
        ("revoked", {"discarded": 1, "terminated": 1}),
        ("received", {"received": 1, "unheard": -1}),
    ],
)
def test_metrics_count_what_the_logs_say(town, kind, told_by):
    books = town.books()
    expected: Counter[tuple[str, str]] = Counter()
    for uuid, worker in lost(town, books):
        books.happened[uuid]["lost", worker] += 1
    for one, weight in told_by.items():
        for key, count in books.by_type(one).items():
            expected[key] += weight * count

    told = Counter(counted(town.metrics, kind))
    for name, worker in list(told):
        if not name:  # what only task-sent names may be told of before that came
            told[f"{SHOP}add", worker] += told.pop((name, worker))
            assert kind == "revoked"

    assert differing(told, +expected) == {}


def lost(town: Town, books: Books) -> Iterator[tuple[str, str]]:
    """Return the tasks whose process was killed, which no line names, and the worker."""
    for uuid, sent in town.sent.items():
        if sent.exception == "WorkerLostError" and town.backend(uuid) == "FAILURE":
            (worker,) = books.workers(uuid)
            yield uuid, worker


@pytest.mark.soak
def test_an_end_that_no_event_tells_of_is_in_doubt(town):
    """Only the log says that a task was ignored: the result backend says STARTED for good.

    It takes a minute or two: workers are seldom asked.
    """
    ignored = [one.id for one in town.sent.values() if one.name == f"{SHOP}ignore"]
    assert set(ignored) <= town.books().having("ignored")

    def doubts() -> dict[str, str]:
        told = (town.dashboard.get(f"/api/task/details/{uuid}") for uuid in ignored)
        return {one["uuid"]: one["doubt"] for one in told if one["doubt"]}

    wait_until(lambda: doubts().keys() == set(ignored), 100, "they are in doubt")
    for uuid, doubt in doubts().items():
        assert doubt in town.dashboard.ask(f"/task/{uuid}").text


def test_a_search_finds_all_that_match_and_nothing_else(town):
    known = truth(town)
    wrong = {}
    for column, key in enumerate(("name", "state")):
        for value in {one[column] for one in known.values()}:
            found = town.tasks(search=f"{key}:={value}" if key == "name" else f"state:{value}")
            matching = {uuid for uuid, one in known.items() if one[column] == value}
            if found.keys() != matching:
                wrong[key, value] = found.keys() ^ matching
    for name in {one.exception for one in town.sent.values()} - {""}:
        found = town.tasks(search=f"exception:={name}")
        matching = {one.id for one in town.sent.values() if one.exception == name}
        if found.keys() != matching:
            wrong["exception", name] = found.keys() ^ matching
    assert wrong == {}


def test_facets_and_tabs_count_each_task_once(town):
    known = truth(town)
    answer = town.dashboard.get("/api/tasks/facets", limit=1000)
    assert answer["exact"]
    facets = {
        key: {one["value"]: one["count"] for one in values}
        for key, values in answer["facets"].items()
    }
    sent = town.sent.values()
    states = Counter(state for _, state in known.values())
    exceptions = Counter(one.exception for one in sent if one.exception)

    assert differing(facets["state"], states) == {}
    assert differing(facets["name"], Counter(name for name, _ in known.values())) == {}
    assert differing(facets["queue"], Counter(one.queue for one in sent)) == {}
    assert differing(facets["exception"], exceptions) == {}
    wait_until(
        lambda: differing(tabs(town), shortened(states)) == {}, 15, "the tabs count the same"
    )


def tabs(town: Town) -> dict[str, str]:
    page = town.dashboard.ask("/tasks").text
    return {state: count for state, count in TAB.findall(page) if count != "0"}


def shortened(states: Counter[str]) -> dict[str, str]:
    """Write counts as pages do: in thousands from 10,000."""
    return {
        state: f"{count:,}" if count < 10_000 else f"{count / 1000:.1f}".removesuffix(".0") + "k"
        for state, count in states.items()
    }


def test_the_table_of_types_counts_each_task_that_was_received_once(town):
    books = town.books()
    once = {
        uuid: books.names[uuid] for uuid in books.having("received") if town.sent[uuid].is_received
    }
    page = town.dashboard.ask("/types").text
    counts = {name: int(number.replace(",", "")) for name, number in TYPE.findall(page)}

    assert differing(counts, Counter(once.values())) == {}


def test_the_history_tells_the_same_after_a_restart(town):
    known = truth(town)
    town.dashboard.stop()
    town.dashboard.start()

    assert differing(told(town.tasks()), known) == {}
