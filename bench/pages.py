"""Measure pages, searches and the scrape with 100 thousand tasks in memory, and memory per task.

Both dashboards get the same events, at a rate that both hold. Ours is asked again with a million
tasks, filled through the store's own writer; with `--folder` what was filled before is used.
"""

import statistics
import sys
import tempfile
import urllib.parse
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.dashboard import OURS, THEIRS, Dashboard, commands, started
from bench.history import fill
from bench.machine import busy_percent, rss_mb
from bench.polling import taken_ms
from bench.report import Report, begun, parser

TEXT = """\
`make bench` sends the events of {tasks:,} tasks to both and asks each question {rounds} times,
one after the other; in turn, medians and the worst. Ours is asked again with {many:,} tasks,
which were filled through the store's own writer. Memory per task is how much more is held after
{tasks:,} tasks than after a fifth of them."""
#: What is asked of both: Flower's pages fetch their rows from `/tasks/datatable`.
COLUMNS = ("name", "uuid", "state", "args", "kwargs", "result", "received", "started", "runtime")
ROUNDS = 7
#: At which the tasks come, with events of batches: both see all of them.
RATE = 6_000
EVENTS_EACH = 3


def rows(column: str = "received", search: str = "") -> str:
    """Return the address of a page of ten in the order of a column, as Flower's pages ask."""
    query = {"draw": 1, "start": 0, "length": 10, "search[value]": search, "order[0][dir]": "desc"}
    query |= {f"columns[{number}][data]": name for number, name in enumerate(COLUMNS)}
    query["order[0][column]"] = COLUMNS.index(column)
    return f"/tasks/datatable?{urllib.parse.urlencode(query)}"


QUESTIONS = {
    "Workers page": "/workers",
    "Tasks page": "/tasks",
    "newest rows": rows(),
    "rows by runtime": rows("runtime"),
    "rows by name": rows("name"),
    "search of a rare text": rows(search="9999"),
    "search of nothing there": rows(search="nowhere"),
    "rows of a state": rows(search="state:FAILURE"),
    "API, newest 100": "/api/tasks?limit=100&sort_by=-received",
    "API, of a state and a type": "/api/tasks?limit=100&state=FAILURE&taskname=shop.tasks.t001",
    "scrape": "/metrics",
}


def answered(dashboard: Dashboard) -> dict[str, list[float]]:
    """Return how long each question takes, in ms."""
    return {
        name: [taken_ms(dashboard.url(path)) for _ in range(ROUNDS)]
        for name, path in QUESTIONS.items()
    }


def filled(command: Sequence[str], asked: Namespace) -> tuple[dict[str, list[float]], float]:
    """Return what a dashboard takes with tasks that it got as events, and KB per task."""
    fifth = asked.tasks // 5
    with started(command) as dashboard:
        dashboard.load(RATE, EVENTS_EACH * fifth / RATE, 24)
        before = rss_mb(dashboard.pid)
        one = dashboard.load(RATE, EVENTS_EACH * (asked.tasks - fifth) / RATE, 24)
        print(f"{command[-1]}: {one}", flush=True)
        each_kb = 1024 * (rss_mb(dashboard.pid) - before) / ((one.sent - one.lost) / EVENTS_EACH)
        return answered(dashboard), each_kb


def many(asked: Namespace) -> dict[str, list[float]]:
    """Return what ours takes with a history of many tasks."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"history-{asked.many}"
        if not Path(f"{path}.sqlite3").exists():
            print(f"filling a history of {asked.many:,} tasks", flush=True)
            fill(path, asked.many)
        with started([*commands(None)[OURS], *kept(path, asked.many)]) as dashboard:
            return answered(dashboard)


def kept(path: Path, tasks: int) -> list[str]:
    """Return the options with which all of a history is kept."""
    ages = ["--history_max_age=0", "--history_max_failure_age=0", "--history_max_bytes=0"]
    return ["--persistent", f"--db={path}", f"--history_max_tasks={2 * tasks}", *ages]


def main() -> None:
    """Measure, and write the section."""
    told = parser(__doc__)
    told.add_argument("--tasks", type=int, default=100_000)
    told.add_argument("--many", type=int, default=1_000_000)
    asked = begun(told)
    if asked.quick:
        asked.tasks, asked.many = 5_000, 10_000
    ways = commands(asked.flower)
    header = ("what, ms", *(f"{name}, {asked.tasks:,}" for name in ways), "worst of ours", "ratio")
    text = TEXT.format(tasks=asked.tasks, rounds=ROUNDS, many=asked.many)
    report = Report("Pages", text, (*header, f"flower_ng, {asked.many:,}", "worst"), asked.out)
    report.after = f"Before it, others kept the machine busy to {busy_percent():.0f} %."
    told_by = {name: filled(command, asked) for name, command in ways.items()}
    most = many(asked)
    for question in QUESTIONS:
        times = {name: statistics.median(found[question]) for name, (found, _) in told_by.items()}
        ratio = f"**{times[THEIRS] / times[OURS]:.1f}**" if THEIRS in times else None
        worst, of_many = max(told_by[OURS][0][question]), most[question]
        row = (*times.values(), worst, ratio, statistics.median(of_many), max(of_many))
        report.add(question, *row)
    held = {name: each_kb for name, (_, each_kb) in told_by.items()}
    ratio = f"**{held[THEIRS] / held[OURS]:.1f}**" if THEIRS in held else None
    report.add("memory per task, KB", *held.values(), None, ratio, None, None)


if __name__ == "__main__":
    main()
