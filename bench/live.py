"""Measure lists of a million tasks at rest, while events pour in, and right after a burst of them.

Pages are asked for as open ones ask for themselves, one after the other. Before that a dashboard
without a history is filled, for memory, and for the processor time of events. With `--folder` a
history that was filled before is used.
"""

import sys
import tempfile
import time
import urllib.parse
import urllib.request
from argparse import Namespace
from collections.abc import Callable
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.dashboard import OURS, Dashboard, commands, started
from bench.history import fill
from bench.machine import busy_percent, rss_mb
from bench.pages import kept
from bench.polling import Times
from bench.report import Report, begun, parser
from tests.services import wait_until

TEXT = """\
`bench/live.py --rate={rate} --burst={burst}` asks for the Tasks page and for facets of {tasks:,}
tasks in SQLite, from outside: at rest, while {rate:,} events a second arrive in batches of 24, and
right after {burst:,} in {burst_s:g} s, in batches of 100. Times are of whole pages, the slowest
question of each kind by its median; “p99” is over all questions of the kind. “Allowed” is what the
store's part may take at rest; what else a page takes, the light one tells in part."""
HEADER = (
    *("when", "what", "slowest of", "asked", "least, ms", "median, ms", "p99, ms", "allowed, ms"),
)
BATCH, BURST_BATCH, BURST_S = 24, 100, 5.0
TASKS_IN_MEMORY, EVENTS_A_TASK = 100_000, 3
#: What a page that renews itself says; it waits neither for counts nor for what is not written.
LIVE = {"Flower-Live": "1"}
INDEXED_S = 120.0
UNINDEXED = 2_000


def page(search: str = "", sort: str = "-received") -> str:
    """Return the address of the Tasks page."""
    return f"/tasks?{urllib.parse.urlencode({'search': search, 'sort': sort})}"


#: `{(what, milliseconds allowed): {which: address}}`.
QUESTIONS: dict[tuple[str, float | None], dict[str, str]] = {
    ("light page", None): {"": "/healthcheck"},
    ("newest page", 5.0): {"": page()},
    ("sorts", 15.0): {sort: page(sort=sort) for sort in ("-started", "name", "worker", "-state")},
    ("filters", 15.0): {
        text: page(text)
        for text in ("state:SUCCESS", "state:FAILURE", "name:=shop.orders.charge", "queue:mail")
    },
    ("text", 15.0): {
        text: page(text) for text in ("zanzibar", "quokka", "marigold", "nowhere", '"long street"')
    },
    ("facets", 20.0): {
        "all": "/api/tasks/facets",
        "state": "/api/tasks/facets?state=FAILURE",
    },
}


class Answers:
    """How long each question took, by what it is and which."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard
        self._times = {
            (what, which): Times() for (what, _), asks in QUESTIONS.items() for which in asks
        }

    def gather(self, goes_on: Callable[[int], bool]) -> None:
        """Ask one question after the other while `goes_on(number of rounds)`."""
        asks = [
            (what, which, path)
            for (what, _), some in QUESTIONS.items()
            for which, path in some.items()
        ]
        for number, (what, which, path) in enumerate(cycle(asks)):
            if not goes_on(number // len(asks)):
                return
            request = urllib.request.Request(self._dashboard.url(path), headers=LIVE)
            began = time.perf_counter()
            with urllib.request.urlopen(request, timeout=60) as answer:
                answer.read()
            self._times[what, which].ms.append(1000 * (time.perf_counter() - began))

    def tell(self, when: str, report: Report) -> None:
        """Add a row for each kind of question."""
        for (what, allowed), asks in QUESTIONS.items():
            times = {which: self._times[what, which] for which in asks}
            slowest = max(times, key=lambda which: times[which].share(0.5))
            every = Times([ms for some in times.values() for ms in some.ms])
            one = times[slowest]
            shares = one.share(0), one.share(0.5), every.share(0.99)
            report.add(when, what, f"{len(asks)}: {slowest}", len(every.ms), *shares, allowed)


def costs(asked: Namespace) -> str:
    """Return what events and tasks in memory cost a dashboard with a history that begins empty."""
    with tempfile.TemporaryDirectory() as folder:
        options = kept(Path(folder) / "history", asked.tasks)
        with started([*commands(None)[OURS], *options]) as dashboard:
            before_mb = rss_mb(dashboard.pid)
            seconds = asked.held * EVENTS_A_TASK / asked.rate
            one = dashboard.load(asked.rate, seconds, BATCH)
            is_indexed(dashboard)
            each_kb = (rss_mb(dashboard.pid) - before_mb) * 1024 / asked.held
    return (
        f"Everything on, {asked.rate:,.0f} events a second: {one.cpu_us:.1f} µs of processor time"
        f" an event ({one.lost} of {one.sent:,} lost), and {each_kb:.2f} KB a task with"
        f" {asked.held:,} in memory, from {before_mb:.0f} MB at the start."
    )


def is_indexed(dashboard: Dashboard) -> None:
    """Wait until the index has nearly all tasks."""
    wait_until(lambda: (dashboard.metric("flower_ng_store_unindexed") or 0) <= UNINDEXED, INDEXED_S)


def measured(path: Path, asked: Namespace, report: Report) -> str:
    """Ask at rest, under load and after a burst; return what else was seen."""
    with started([*commands(None)[OURS], *kept(path, asked.tasks)]) as dashboard:
        is_indexed(dashboard)
        said = [f"The index of {asked.tasks:,} tasks: {index_mb(path):,.0f} MB"]
        rest = Answers(dashboard)
        rest.gather(lambda rounds: rounds < asked.rounds)
        rest.tell("at rest", report)
        said.append(under_load(dashboard, asked, report))
        said.append(after_burst(dashboard, asked, report))
        is_indexed(dashboard)
        said.append(f"at the end {index_mb(path):,.0f} MB, {rss_mb(dashboard.pid):.0f} MB of RAM")
    return "; ".join(said) + "."


def under_load(dashboard: Dashboard, asked: Namespace, report: Report) -> str:
    """Ask while events come."""
    during = Answers(dashboard)
    with dashboard.sending(asked.rate, asked.seconds, BATCH, "--ahead") as told:
        ends_at = time.monotonic() + asked.seconds
        during.gather(lambda _rounds: time.monotonic() < ends_at)
        waiting = dashboard.metric("flower_ng_store_unindexed") or 0
        sent = told()
    during.tell(f"{asked.rate:,.0f}/s", report)
    is_indexed(dashboard)
    return f"{sent['sent']:,} sent, {waiting:,.0f} tasks not indexed at the end of them"


def after_burst(dashboard: Dashboard, asked: Namespace, report: Report) -> str:
    """Ask once a burst was sent."""
    after = Answers(dashboard)
    with ExitStack() as sending:
        told = sending.enter_context(
            dashboard.sending(asked.burst / BURST_S, BURST_S, BURST_BATCH, "--ahead")
        )
        told()
    ended = time.monotonic()
    after.gather(lambda rounds: rounds < asked.rounds)
    after.tell("after a burst", report)
    is_indexed(dashboard)
    return f"all of the burst indexed {time.monotonic() - ended:.1f} s after it"


def index_mb(path: Path) -> float:
    """Return the size of a history's index."""
    return sum(file.stat().st_size for file in Path(f"{path}.index").iterdir()) / 1e6


def main() -> None:
    """Measure, and write the section."""
    told = parser(__doc__)
    told.add_argument("tasks", type=int, nargs="?", default=1_000_000)
    told.add_argument("--rate", type=float, default=20_000, help="events a second, in batches")
    told.add_argument("--seconds", type=float, default=60)
    told.add_argument("--burst", type=int, default=500_000, help="events within 5 s")
    told.add_argument("--held", type=int, default=TASKS_IN_MEMORY, help="tasks, for memory")
    asked = begun(told)
    asked.rounds = 7
    if asked.quick:
        asked.seconds, asked.rounds = min(asked.seconds, 25), 4
    text = TEXT.format(burst_s=BURST_S, **{**vars(asked), "rate": int(asked.rate)})
    report = Report("Lists while events come", text, HEADER, asked.out, words=3)
    others = busy_percent()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"live-{asked.tasks}"
        said = [costs(asked)]
        print(said[0], flush=True)
        if not Path(f"{path}.sqlite3").exists():
            began = time.monotonic()
            fill(path, asked.tasks)
            said.append(f"Filled and indexed in {time.monotonic() - began:.0f} s.")
            print(said[-1], flush=True)
        said.append(measured(path, asked, report))
    report.after = " ".join([*said, f"Before, others kept the machine busy to {others:.0f} %."])
    report.write()
    print(report.after)


if __name__ == "__main__":
    main()
