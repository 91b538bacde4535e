"""Measure a history of a million tasks: filling it, starting with it, asking it.

What a folder holds from an earlier run is not filled again.
Times are those of the server's work for one question, from the call to the rows, in milliseconds:
the median and the slowest of ROUNDS.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

from history import APART_S, FIRST_S, changes, fill

from flower_ng.store import FACETS, Store, TaskQuery, parse_search

ROUNDS = 7
EVENTS = 90_000
SORTS = ("name", "uuid", "state", "worker", "received", "started", "runtime", "retries", "root_id")

Ask = Callable[[Store], Awaitable[object]]


def listed(**query: object) -> Ask:
    """Return the question for a page of 25."""
    asked = TaskQuery(limit=25, **query)  # type: ignore[arg-type]
    return lambda store: store.tasks(asked)


def searched(text: str, **query: object) -> Ask:
    """Return the question for the first page of a search."""
    return listed(search=parse_search(text), **query)


def counted(**query: object) -> Ask:
    """Return the question for all facets."""
    asked = TaskQuery(**query)  # type: ignore[arg-type]
    return lambda store: store.facets(asked, tuple(FACETS))


def over_time(tasks: int, **query: object) -> Ask:
    """Return the question for a histogram of everything."""
    asked, end = TaskQuery(**query), FIRST_S + tasks * APART_S  # type: ignore[arg-type]
    return lambda store: store.histogram(asked, FIRST_S, end, 100)


def questions(tasks: int, uuid: str) -> dict[tuple[str, float], dict[str, Ask]]:
    """Return what is asked: `{(what, milliseconds allowed): {which: question}}`."""
    charge = "shop.orders.charge"
    return {
        ("newest page", 10): {"": listed()},
        ("one sort column", 10): {
            f"{sort} {way}": listed(sort=sort, descending=way == "down")
            for sort in SORTS
            for way in ("up", "down")
        },
        ("one of state, name, worker", 10): {
            "state SUCCESS": listed(state="SUCCESS"),
            "state STARTED": listed(state="STARTED"),
            "name": listed(name=charge),
            "worker": listed(worker="celery@node-101"),
        },
        ("two or more together", 50): {
            "name, state": listed(name=charge, state="FAILURE"),
            "name, by runtime": listed(name=charge, sort="runtime", descending=True),
            "state, by name": listed(state="FAILURE", sort="name"),
            "state, by retries": listed(state="FAILURE", sort="retries", descending=True),
            "worker, by name": listed(worker="celery@node-101", sort="name"),
            "name, state, worker": listed(name=charge, state="FAILURE", worker="celery@node-101"),
            "queue, state, by received": listed(queue="mail", state="FAILURE", sort="received"),
            "name, received": listed(
                name=charge, received_start=FIRST_S + 1000, received_end=FIRST_S + 9000
            ),
        },
        ("word in < 1 % or > 5 % of tasks", 60): {
            word: searched(word)
            for word in ("zanzibar", "quokka", "marigold", "charge", "nowhere", '"long street"')
        },
        ("word in 1 to 5 % of tasks", 150): {
            "lavender": searched("lavender"),
            "lavender, by runtime": searched("lavender", sort="runtime", descending=True),
        },
        ("search by fields", 150): {
            text: searched(text)
            for text in ("runtime:>5", "kwargs.order:126366", "-plain", "state:FAILURE quokka")
        },
        ("task page", 5): {"": lambda store: store.task(uuid)},
        ("facets", 100): {
            "all": counted(),
            "state": counted(state="FAILURE"),
            "name, state": counted(name=charge, state="SUCCESS"),
            "quokka": counted(search=parse_search("quokka")),
            "charge": counted(search=parse_search("charge")),
        },
        ("histogram", 100): {
            "all": over_time(tasks),
            "state": over_time(tasks, state="FAILURE"),
            "quokka": over_time(tasks, search=parse_search("quokka")),
        },
    }


async def took_ms(store: Store, ask: Ask) -> list[float]:
    """Return how long a question takes, each time."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await ask(store)
        times.append((time.perf_counter() - began) * 1000)
    return times


async def asked(store: Store, tasks: int) -> bool:
    """Print how long each kind of question takes; return whether each is within its bounds."""
    (row,) = (await store.tasks(TaskQuery(limit=1, offset=tasks // 2))).rows
    print("\n| what | slowest of | median, ms | worst, ms | allowed, ms |")
    print("| --- | --- | ---: | ---: | ---: |")
    is_met = True
    for (what, allowed), asks in questions(tasks, row.uuid).items():
        times = {which: await took_ms(store, ask) for which, ask in asks.items()}
        slowest = max(times, key=lambda which: statistics.median(times[which]))
        median, worst = statistics.median(times[slowest]), max(map(max, times.values()))
        print(f"| {what} | {len(asks)}: {slowest} | {median:.1f} | {worst:.1f} | {allowed} |")
        is_met &= median <= allowed
    return is_met


def started(path: Path, tasks: int) -> Store:
    """Start a store as the dashboard does, and print how long that takes."""
    store = Store(path, max_tasks=2 * tasks)
    began = time.perf_counter()
    store.start()
    store.restored(10_000)
    print(f"start-up with {tasks:,} tasks: {time.perf_counter() - began:.2f} s (allowed: 2)")
    return store


def indexed(store: Store) -> None:
    """Wait for the index, and print how long that takes."""
    began = time.perf_counter()
    while store.status().unindexed != 0:
        time.sleep(0.2)
    print(f"indexed after {time.perf_counter() - began:.0f} s more")


async def loop_us() -> float:
    """Return the microseconds of the loop that an event costs with a history."""
    costs = []
    for observes in (False, True):
        store = Store(None, max_tasks=EVENTS)
        store.start()
        store.begin()
        began = time.thread_time()
        for number, change in enumerate(changes(EVENTS // 3, Random(7))):
            if observes:
                store.observe(change)
            if number % 100 == 0:
                await asyncio.sleep(0)
        costs.append(time.thread_time() - began)
        store.stop()
    return (costs[1] - costs[0]) / EVENTS * 1e6


def arguments() -> tuple[int, Path | None]:
    """Return what the command line asks for."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("tasks", type=int, nargs="?", default=1_000_000)
    parser.add_argument("folder", type=Path, nargs="?", help="kept; without it, a temporary one")
    told = parser.parse_args()
    return told.tasks, told.folder


def measured(tasks: int, path: Path) -> bool:
    """Print what a history at `path` takes; return whether its answers are within their bounds."""
    if not Path(f"{path}.sqlite3").exists():
        began = time.perf_counter()
        fill(path, tasks)
        print(f"filled with {tasks:,} tasks in {time.perf_counter() - began:.0f} s")
    store = started(path, tasks)
    indexed(store)
    store.stop()
    store = started(path, tasks)
    is_met = asyncio.run(asked(store, tasks))
    store.stop()
    sizes = [Path(f"{path}{end}.sqlite3").stat().st_size / 1e6 for end in ("", ".index")]
    print("\non disk: {:,.0f} MB, and an index of {:,.0f} MB".format(*sizes))
    print(f"loop time of an event with history: {asyncio.run(loop_us()):.1f} µs (allowed: 5)")
    return is_met


if __name__ == "__main__":
    tasks, folder = arguments()
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(not measured(tasks, (folder or Path(temporary)) / f"history-{tasks}"))
