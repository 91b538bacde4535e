"""Measure thousands of workers: the Workers page, and whether asking them all holds anything up."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.dashboard import OURS, PAGE, Dashboard, commands, started
from bench.machine import busy_percent, rss_mb
from bench.mailboxes import hostnames
from bench.polling import get, polled, taken_ms
from bench.report import Report, begun, parser
from tests.services import ROOT, wait_until

TEXT = """\
`make bench` has one process send the heartbeats of {workers:,} simulated workers and answer for
all of them, through a real Redis. “While asked” is `/healthcheck`, polled every 50 ms while all
workers are asked for four things, {replies:,} replies; how fast one process answers is the
length of it."""
HEADER = ("what", "allowed, ms", "median, ms", "worst, ms", "told")
ROUNDS = 7
#: For all to have answered.
ANSWERED_S = 150.0
PAGES = {
    "Workers page": ("/workers", 100),
    "by load": ("/workers?sort=load", 100),
    "by queue": ("/workers?group=queue", 100),
    "search": ("/workers?search=node-4", 100),
    "rows as JSON, all": ("/workers?json=1", None),
    "API, all answers": ("/api/workers", None),
    "Queues page": ("/queues", None),
    "Overview": ("/overview", None),
}


@contextmanager
def simulated(broker: str, workers: int) -> Iterator[None]:
    """Have simulated workers at this broker."""
    command = [sys.executable, str(ROOT / "bench/mailboxes.py"), broker, f"--workers={workers}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as mailboxes:
        try:
            assert mailboxes.stdout is not None
            mailboxes.stdout.readline()
            yield
        finally:
            mailboxes.kill()


def inspected(dashboard: Dashboard, workers: int, report: Report) -> None:
    """Have all workers asked, and add how long that took and what it held up."""
    stalls = dashboard.metric("flower_ng_loop_stalls_total") or 0
    asked_at, began = time.time(), time.monotonic()
    with polled(dashboard.url(PAGE)) as times:
        get(dashboard.url("/workers?refresh=1"))
        wait_until(lambda: answered_at(dashboard, workers) > asked_at, ANSWERED_S)
        took_s = time.monotonic() - began
    more = (dashboard.metric("flower_ng_loop_stalls_total") or 0) - stalls
    told = sum("conf" in one for one in json.loads(get(dashboard.url("/api/workers"))).values())
    report.add("asking all", None, 1000 * took_s, None, f"{told:,} of {workers:,} answered")
    note = f"p99 {times.share(0.99):.1f}, {more:.0f} stalls over 50 ms"
    report.add("page while asked", 50, times.share(0.5), times.share(1), note)


def answered_at(dashboard: Dashboard, workers: int) -> float:
    """Return when the last of the workers answered, in UTC seconds."""
    name = hostnames(workers)[-1]
    record = json.loads(get(dashboard.url(f"/api/workers?workername={name}")))[name]
    at: float = record.get("timestamp", 0.0)
    return at


def shown(dashboard: Dashboard, report: Report) -> None:
    """Add how long pages take."""
    for name, (path, allowed) in PAGES.items():
        times = [taken_ms(dashboard.url(path)) for _ in range(ROUNDS)]
        report.add(name, allowed, statistics.median(times), max(times), f"`{path}`")


def main() -> None:
    """Measure, and write the section."""
    told = parser(__doc__)
    told.add_argument("--workers", type=int, default=5000)
    asked = begun(told)
    if asked.quick:
        asked.workers = min(asked.workers, 300)
    text = TEXT.format(workers=asked.workers, replies=4 * asked.workers)
    report = Report("Thousands of workers", text, HEADER, asked.out)
    report.after = f"Before it, others kept the machine busy to {busy_percent():.0f} %."
    command = [*commands(None)[OURS], "--inspect_timeout=90000", "--inspect_interval=0"]
    with started(command) as dashboard, simulated(dashboard.broker, asked.workers):
        wait_until(
            lambda: (dashboard.metric("flower_ng_workers_in_memory") or 0) >= asked.workers, 60
        )
        inspected(dashboard, asked.workers, report)
        shown(dashboard, report)
        held = f"{rss_mb(dashboard.pid):.0f} MB"
        report.add("idle, asked a second time", None, None, None, f"it holds {held}")
        inspected(dashboard, asked.workers, report)


if __name__ == "__main__":
    main()
