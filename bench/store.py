"""Measure a history of a million tasks, or more: filling it, starting with it, asking it.

What a folder holds from an earlier run is not filled again. Free disk is looked at first.
Times are those of the server's work for one question, from the call to the rows, in milliseconds:
the median and the slowest of ROUNDS, and the median of the processor's time, which other programs
lengthen less.
"""

import asyncio
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.history import APART_S, FIRST_S, changes, fill
from bench.machine import busy_percent
from bench.report import Report, begun, parser
from flower_ng.store import FACETS, Store, TaskQuery, parse_search

TEXT = """\
`{command}` writes {tasks:,} tasks of 50 types, 200 workers and 5 queues through the store's own
writer, waits for the index, starts again and asks. Times are those from the question to the
rows, in the process of the dashboard; of each line the slowest question's median of seven, and
the worst of all answers, the first one, which reads from a cold file, included. “Processor” is
the time of the process for the slowest question, which a busy machine lengthens less."""
HEADER = ("what", "slowest of", "processor, ms", "median, ms", "worst, ms", "allowed, ms")
#: Of disk for a task while the index is built, and what is left to others.
BYTES_EACH, LEFT_BYTES = 4_000, 2 * 10**9
COMMANDS = {1_000_000: "make bench-store", 10_000_000: "make bench-10m"}
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
        ("newest page", 5): {"": listed()},
        ("one sort column", 15): {
            f"{sort} {way}": listed(sort=sort, descending=way == "down")
            for sort in SORTS
            for way in ("up", "down")
        },
        ("one of state, name, worker", 15): {
            "state SUCCESS": listed(state="SUCCESS"),
            "state STARTED": listed(state="STARTED"),
            "name": listed(name=charge),
            "worker": listed(worker="celery@node-101"),
        },
        ("two or more together", 15): {
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
        ("word in < 1 % or > 5 % of tasks", 15): {
            word: searched(word)
            for word in ("zanzibar", "quokka", "marigold", "charge", "nowhere", '"long street"')
        },
        ("word in 1 to 5 % of tasks", 15): {
            "lavender": searched("lavender"),
            "lavender, by runtime": searched("lavender", sort="runtime", descending=True),
        },
        ("search by fields", 15): {
            text: searched(text)
            for text in ("runtime:>5", "kwargs.order:126366", "-plain", "state:FAILURE quokka")
        },
        ("task page", 5): {"": lambda store: store.task(uuid)},
        ("facets", 20): {
            "all": counted(),
            "state": counted(state="FAILURE"),
            "name, state": counted(name=charge, state="SUCCESS"),
            "quokka": counted(search=parse_search("quokka")),
            "charge": counted(search=parse_search("charge")),
        },
        ("histogram", 20): {
            "all": over_time(tasks),
            "state": over_time(tasks, state="FAILURE"),
            "quokka": over_time(tasks, search=parse_search("quokka")),
        },
    }


class Took(NamedTuple):
    """How long a question took, in milliseconds: each time, and the median of the processor's."""

    times: list[float]
    processor: float

    @property
    def median(self) -> float:
        """The median of the times."""
        return statistics.median(self.times)


async def took(store: Store, ask: Ask) -> Took:
    """Return how long a question takes."""
    times, used = [], []
    for _ in range(ROUNDS):
        began, before = time.perf_counter(), time.process_time()
        await ask(store)
        times.append((time.perf_counter() - began) * 1000)
        used.append((time.process_time() - before) * 1000)
    return Took(times, statistics.median(used))


async def asked(store: Store, tasks: int, report: Report) -> bool:
    """Add how long each kind of question takes; return whether each is within its bounds."""
    (row,) = (await store.tasks(TaskQuery(limit=1, offset=tasks // 2))).rows
    is_met = True
    for (what, allowed), asks in questions(tasks, row.uuid).items():
        all_took = {which: await took(store, ask) for which, ask in asks.items()}
        slowest = max(all_took, key=lambda which: all_took[which].processor)
        one, worst = all_took[slowest], max(max(some.times) for some in all_took.values())
        label = f"{len(asks)}: {slowest}"
        report.add(what, label, one.processor, one.median, worst, allowed)
        is_met &= one.median <= allowed
    return is_met


def started(path: Path, tasks: int) -> tuple[Store, float]:
    """Start a store as the dashboard does; return it, and how long that takes."""
    store = Store(path, max_tasks=2 * tasks)
    began = time.perf_counter()
    store.start()
    store.restored(10_000)
    return store, time.perf_counter() - began


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


def filled(path: Path, tasks: int) -> Iterator[str]:
    """Fill a history that is not there yet; yield how long that takes."""
    if not Path(f"{path}.sqlite3").exists():
        has_room(path.parent, tasks)
        print(f"filling {path} with {tasks:,} tasks", flush=True)
        began = time.perf_counter()
        fill(path, tasks)
        yield f"Filled and indexed in {time.perf_counter() - began:,.0f} s."


def has_room(folder: Path, tasks: int) -> None:
    """End with an error if the disk has no room for so many tasks."""
    free, needed = shutil.disk_usage(folder).free, tasks * BYTES_EACH + LEFT_BYTES
    if free < needed:
        raise SystemExit(
            f"{tasks:,} tasks need {needed / 1e9:.0f} GB of free disk, and {folder} has"
            f" {free / 1e9:.0f} GB: make room, or name another folder with --folder"
        )


def measured(tasks: int, path: Path, report: Report) -> bool:
    """Write what a history at `path` takes; return whether its answers are within their bounds."""
    others, told = busy_percent(), []
    for sentence in filled(path, tasks):
        print(sentence, flush=True)
        told.append(sentence)
    store, start_s = started(path, tasks)
    is_met = asyncio.run(asked(store, tasks, report))
    store.stop()
    files = [Path(f"{path}.sqlite3")], Path(f"{path}.index").iterdir()
    sizes = [sum(file.stat().st_size for file in some) / 1e6 for some in files]
    told.append(f"Start-up: {start_s:.1f} s (2 allowed).")
    told.append("On disk: {:,.0f} MB, and an index of {:,.0f} MB.".format(*sizes))
    told.append(f"The loop's time for an event with history: {asyncio.run(loop_us()):.1f} µs (5).")
    told.append(f"Before it, others kept the machine busy to {others:.0f} %.")
    report.after = " ".join(told)
    report.write()
    print(report.after)
    return is_met


def main() -> None:
    """Measure, and write the section; the exit says whether all is within its bounds."""
    told = parser(__doc__)
    told.add_argument("tasks", type=int, nargs="?", default=1_000_000)
    asked_for = begun(told)
    tasks = 20_000 if asked_for.quick else asked_for.tasks
    command = COMMANDS.get(tasks, f"bench/store.py {tasks}")
    report = Report(
        f"A history of {tasks:,} tasks",
        TEXT.format(command=command, tasks=tasks),
        HEADER,
        asked_for.out,
        words=2,
    )
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked_for.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        sys.exit(not measured(tasks, folder / f"history-{tasks}", report))


if __name__ == "__main__":
    main()
