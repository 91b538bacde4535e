"""A history to measure: a shop's tasks, as many as wanted, written by the store's own writer."""

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.records import Task, Worker
from flower_ng.store import Store

#: 50 task types, the most frequent 50 times as frequent as the rarest.
VERBS = (
    "charge",
    "refund",
    "index",
    "resize",
    "mail",
    "sync",
    "import",
    "export",
    "score",
    "purge",
)
NOUNS = ("orders", "invoices", "images", "customers", "reports")
NAMES = [f"shop.{noun}.{verb}" for noun in NOUNS for verb in VERBS]
WORKERS = [Worker(f"celery@node-{number:03}") for number in range(200)]
QUEUES = ("default", "mail", "media", "billing", "slow")
#: States and their shares in a hundred.
STATES = {"SUCCESS": 90, "FAILURE": 6, "REVOKED": 2, "RETRY": 1.5, "STARTED": 0.5}
ERRORS = ("ValueError", "TimeoutError", "ConnectionError", "IntegrityError", "KeyError")
#: Words of arguments by how many tasks in a million hold them.
WORDS = {"zanzibar": 100, "quokka": 5_000, "lavender": 20_000, "marigold": 80_000}
FIRST_S = 1_760_000_000.0
#: Seconds between two tasks: a million in a week.
APART_S = 0.6


def fill(path: Path, tasks: int) -> None:
    """Write a history of so many tasks of three events each to the store at `path`; index it."""
    store = Store(path, max_tasks=2 * tasks)
    store.start()
    for change in changes(tasks, Random(7)):
        store.observe(change)
    store.flush()
    await_index(store)
    store.stop()


def finished(tasks: int) -> Iterator[Task]:
    """Yield each task as its last event leaves it, the oldest first."""
    last: Task | None = None
    for change in changes(tasks, Random(7)):
        if last is not None and change.task is not last:
            yield last
        last = change.task
    if last is not None:
        yield last


def await_index(store: Store) -> None:
    """Wait until the index holds all tasks."""
    while store.status().unindexed != 0:
        time.sleep(0.2)


def changes(tasks: int, random: Random) -> Iterator[Change]:
    """Yield what the events of the tasks change, task by task, the oldest first."""
    weights = [1 / (1 + number) for number in range(len(NAMES))]
    names = random.choices(NAMES, weights, k=tasks)
    states = random.choices(list(STATES), list(STATES.values()), k=tasks)
    parent = None
    for number, (name, state) in enumerate(zip(names, states, strict=True)):
        task = _task(number, name, parent, random)
        yield from _events(task, state, random)
        parent = task.uuid if number % 3 else None


def _task(number: int, name: str, parent: str | None, random: Random) -> Task:
    uuid = f"{random.getrandbits(128):032x}"
    uuid = "-".join((uuid[:8], uuid[8:12], uuid[12:16], uuid[16:20], uuid[20:]))
    customer = random.randrange(50_000)
    word = next((word for word, n in WORDS.items() if random.random() * 1_000_000 < n), "plain")
    return Task(
        uuid,
        state="RECEIVED",
        name=name,
        received=FIRST_S + number * APART_S,
        timestamp=FIRST_S + number * APART_S,
        args=f"({number}, 'customer-{customer:05}', '{word}')",
        kwargs=f"{{'order': {random.randrange(10**6)}, 'amount': {random.random() * 100:.2f},"
        f" 'currency': 'EUR', 'notify': True, 'address': '{customer % 900} Long Street',"
        f" 'note': 'please leave it with the neighbours at number {customer % 90}'}}",
        retries=0,
        worker=random.choice(WORKERS),
        queue=QUEUES[hash_of(name) % len(QUEUES)],
        routing_key=QUEUES[hash_of(name) % len(QUEUES)],
        root_id=uuid,
        parent_id=parent,
        clock=3 * number,
    )


def hash_of(name: str) -> int:
    """Return a number that is the same in every run."""
    return sum(name.encode())


def _events(task: Task, state: str, random: Random) -> Iterator[Change]:
    yield _change("task-received", task)
    task.started = task.timestamp = task.timestamp + random.expovariate(1)
    task.state = "STARTED"
    yield _change("task-started", task)
    if state == "STARTED":
        return
    runtime = random.lognormvariate(-1, 1)
    task.timestamp += runtime
    task.state = state
    if state == "SUCCESS":
        task.succeeded, task.runtime = task.timestamp, runtime
        task.result = f"{{'ok': True, 'id': {random.randrange(10**9)}, 'took': {runtime:.3f}}}"
    elif state in {"FAILURE", "RETRY"}:
        task.failed = task.timestamp
        task.exception = f"{random.choice(ERRORS)}('order {random.randrange(10**6)} is gone')"
        task.traceback = f"Traceback (most recent call last):\n  in {task.name}\n{task.exception}\n"
    else:
        task.revoked = task.timestamp
    yield _change("task-finished", task)


def _change(kind: str, task: Task) -> Change:
    worker = task.worker
    assert worker is not None
    return Change(Event(kind, worker.hostname, task.timestamp, uuid=task.uuid), task, worker)
