"""Measure flower_ng beside Flower: the same loads in turn (A B A B).

`--flower` names a `celery` that has Flower 2.2.0; `make bench` makes one. Each load has a dashboard
and a broker that are started for it alone.
"""

import statistics
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.dashboard import OURS, THEIRS, Measured, commands, started
from bench.report import Report, begun, parser
from tests.services import Rabbit, Redis

TEXT = """\
`make bench` runs flower_ng and Flower 2.2.0 in turn under the same open-loop load, each with a
broker of its own, and takes medians. How to read it, and where the time goes:
[performance](performance.md). The page is `/healthcheck`, asked for every 50 ms while the load
is sent; who answers late is late for those due meanwhile, too. “Stalls” are those over 50 ms
that flower_ng counts itself; the worst page is the same seen from outside. “Others” is how busy
the machine was just before. {rounds} x {seconds} s each."""
HEADER = (
    *("load", "dashboard", "CPU µs/event", "lost %", "page p50 ms", "p99", "worst", "stalls"),
    *("caught up s", "scrape ms", "RSS MB", "others %"),
)


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: events a second, and how many in one message."""

    name: str
    broker: type[Redis] | type[Rabbit]
    rate: int
    batch: int = 1

    @property
    def title(self) -> str:
        """What the table calls it."""
        return f"{self.name}, {self.rate:,}/s"


LOADS = (
    Load("Redis, batches of 24", Redis, 6_000, 24),
    Load("Redis, batches of 24", Redis, 20_000, 24),
    Load("Redis, batches of 24", Redis, 40_000, 24),
    Load("Redis, single", Redis, 6_000),
    Load("Redis, single", Redis, 15_000),
    Load("RabbitMQ, batches of 24", Rabbit, 20_000, 24),
    Load("RabbitMQ, single", Rabbit, 6_000),
)


def median(runs: Sequence[Measured]) -> dict[str, float | None]:
    """Return the median of each number; `lost` in percent."""
    found: dict[str, float | None] = {}
    for one in fields(Measured):
        known = [value for run in runs if (value := getattr(run, one.name)) is not None]
        found[one.name] = statistics.median(known) if known else None
    lost = statistics.median(100 * run.lost / run.sent for run in runs)
    return found | {"lost": lost}


def compared(load: Load, asked: Namespace, report: Report) -> None:
    """Add the rows of one load: ours, Flower's, and the ratio."""
    ways = commands(asked.flower)
    runs: dict[str, list[Measured]] = {name: [] for name in ways}
    for _ in range(asked.rounds):
        for name, command in ways.items():
            with started(command, load.broker) as dashboard:
                runs[name].append(dashboard.load(load.rate, asked.seconds, load.batch))
            print(load.title, name, runs[name][-1], flush=True)
    rows = {name: median(some) for name, some in runs.items()}
    for name, row in rows.items():
        report.add(load.title, name, *(row[key] for key in KEYS))
    if THEIRS in rows:
        ratios = [_ratio(rows[THEIRS][key], rows[OURS][key], key) for key in KEYS]
        report.add("", "ratio", *ratios)


KEYS = (
    *("cpu_us", "lost", "p50", "p99", "worst", "stalls"),
    *("catch_up_s", "scrape", "rss_mb", "others"),
)
#: Of which Flower's part by ours says something.
COMPARED = ("cpu_us", "p50", "p99", "worst", "scrape", "rss_mb")


def _ratio(theirs: float | None, ours: float | None, key: str) -> str:
    return f"**{theirs / ours:.1f}**" if key in COMPARED and theirs and ours else ""


def main() -> None:
    """Measure, and write the section."""
    told = parser(__doc__)
    told.add_argument("--seconds", type=int, default=20)
    asked = begun(told)
    if asked.quick:
        asked.rounds, asked.seconds = 1, 3
    text = TEXT.format(rounds=asked.rounds, seconds=asked.seconds)
    report = Report("Beside Flower", text, HEADER, asked.out, words=2)
    for load in LOADS:
        if asked.only in load.title:
            compared(load, asked, report)


if __name__ == "__main__":
    main()
