"""Measure a day of churn in minutes: thousands of worker names and task types come and go.

It is sent as fast as it is read: in short loads, each of which starts when the one before is seen.
"""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.dashboard import OURS, Dashboard, commands, started
from bench.machine import busy_percent, rss_mb
from bench.report import Report, begun, parser

TEXT = """\
`make bench-churn` has {workers:,} worker names and {types:,} task types come and go for
{minutes:g} minutes, 100 workers and 50 types at a time, on Redis in batches of 24 at up to
{rate:,} events/s. Workers are forgotten {purge} s after their last event, and 100,000 tasks are
kept. The slope is that of the memory held in the last two thirds of the time."""
HEADER = (
    *("after s", "events", "RSS MB", "workers", "label pairs", "of at most", "tasks in memory"),
    *("in the store", "loop lag, worst ms"),
)
METRICS = (
    *("flower_ng_events_received_total", "flower_ng_workers_in_memory", "flower_ng_label_pairs"),
    *("flower_ng_label_pairs_max", "flower_ng_tasks_in_memory", "flower_ng_store_tasks"),
    *("flower_ng_loop_lag_max_seconds",),
)
EVERY_S, PURGE_S = 10.0, 30
#: Rows that the table shows.
SHOWN = 20


def looks(dashboard: Dashboard, until_s: float) -> Iterator[list[float]]:
    """Yield the time, and what is held, every ten seconds."""
    began = time.monotonic()
    while (spent_s := time.monotonic() - began) < until_s:
        metrics = dashboard.metrics()
        told = [metrics.get(name, 0.0) for name in METRICS]
        yield [spent_s, told[0], rss_mb(dashboard.pid), *told[1:6], 1000 * told[6]]
        time.sleep(max(0.0, EVERY_S - (time.monotonic() - began - spent_s)))


def slope(rows: Sequence[Sequence[float]]) -> float:
    """Return by how many MB a minute the memory grows in the last two thirds."""
    settled = rows[len(rows) // 3 :]
    middle = sum(row[0] for row in settled) / len(settled)
    mean = sum(row[2] for row in settled) / len(settled)
    spread = sum((row[0] - middle) ** 2 for row in settled)
    return 60 * sum((row[0] - middle) * (row[2] - mean) for row in settled) / max(spread, 1e-9)


def main() -> None:
    """Measure, and write the section."""
    told = parser(__doc__)
    told.add_argument("--minutes", type=float, default=10)
    told.add_argument("--workers", type=int, default=10_000)
    told.add_argument("--types", type=int, default=5_000)
    told.add_argument("--rate", type=int, default=20_000)
    asked = begun(told)
    if asked.quick:
        asked.minutes = 0.5
    report = Report("Churn", TEXT.format(**vars(asked), purge=PURGE_S), HEADER, asked.out, words=0)
    others, rows = busy_percent(), []
    options = (f"--workers={asked.workers}", f"--types={asked.types}", "--moving")
    command = [*commands(None)[OURS], f"--purge_offline_workers={PURGE_S}"]
    seconds = 60 * asked.minutes
    with started(command) as dashboard, dashboard.sending(asked.rate, seconds + 5, 24, *options):
        for number, row in enumerate(looks(dashboard, seconds)):
            rows.append(row)
            print(", ".join(f"{value:,.0f}" for value in row), flush=True)
            report.after = (
                f"Memory grows by {slope(rows):.2f} MB a minute after the first third, from"
                f" {rows[len(rows) // 3][2]:.0f} to {row[2]:.0f} MB. Before it, others kept the"
                f" machine busy to {others:.0f} %."
            )
            if number % max(1, round(seconds / EVERY_S / SHOWN)) == 0:
                report.add(*map(round, row))
    report.write()
    print(report.after)


if __name__ == "__main__":
    main()
