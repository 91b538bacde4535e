"""Measure flower_ng beside Flower: the same loads in turn (A B A B); writes docs/benchmarks.md.

`--flower` names a `celery` that has Flower 2.2.0; `make bench` makes one. Each load has a dashboard
and a broker that are started for it alone.
"""

import os
import platform
import statistics
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.dashboard import Dashboard, Measured
from tests.services import ROOT, Rabbit, Redis

OURS, THEIRS = "flower_ng", "Flower"
HEADING = "## Beside Flower"


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: events a second, and how many in one message."""

    name: str
    broker: type[Redis] | type[Rabbit]
    rate: int
    batch: int = 1


LOADS = (
    Load("Redis, batches of 24", Redis, 6_000, 24),
    Load("Redis, batches of 24", Redis, 20_000, 24),
    Load("Redis, batches of 24", Redis, 40_000, 24),
    Load("Redis, single", Redis, 6_000),
    Load("Redis, single", Redis, 15_000),
    Load("RabbitMQ, batches of 24", Rabbit, 20_000, 24),
    Load("RabbitMQ, single", Rabbit, 6_000),
)

COLUMNS = {
    "cpu_us": "CPU µs/event",
    "lost": "lost %",
    "p50": "page p50 ms",
    "p99": "p99",
    "worst": "worst",
    "catch_up_s": "caught up s",
    "scrape": "scrape ms",
    "rss_mb": "RSS MB",
}


def measure(load: Load, command: Sequence[str], seconds: int) -> Measured:
    """Run one load against one dashboard."""
    with tempfile.TemporaryDirectory() as folder:
        broker = load.broker(Path(folder)).start()
        dashboard = None
        try:
            dashboard = Dashboard(command, broker.url, Path(folder))
            arguments = {"rate": load.rate, "batch": load.batch, "seconds": seconds}
            return dashboard.load(*(f"--{name}={value}" for name, value in arguments.items()))
        finally:
            if dashboard is not None:
                dashboard.stop()
            broker.stop()


def median(runs: Sequence[Measured]) -> dict[str, float]:
    """Return the median of each number; `lost` in percent."""
    found = {
        field.name: statistics.median(getattr(run, field.name) for run in runs)
        for field in fields(Measured)
    }
    return found | {"lost": 100 * found["lost"] / found["sent"]}


def compared(load: Load, asked: Namespace) -> list[str]:
    """Return the rows of one load: ours, Flower's, and the ratio."""
    python = [sys.executable, "-m", "flower_ng", "-A", "tests.shop", "flower_ng"]
    commands = {OURS: python}
    if asked.flower:
        commands[THEIRS] = [asked.flower, "-A", "tests.shop", "flower"]
    runs: dict[str, list[Measured]] = {name: [] for name in commands}
    for _ in range(asked.rounds):
        for name, command in commands.items():
            runs[name].append(measure(load, command, asked.seconds))
            print(load.name, load.rate, name, runs[name][-1], flush=True)
    rows = {name: median(some) for name, some in runs.items()}
    what = f"{load.name}, {load.rate:,}/s"
    lines = [_row(what, name, row) for name, row in rows.items()]
    if asked.flower:
        ratio = rows[THEIRS]["cpu_us"] / rows[OURS]["cpu_us"]
        lines.append(f"| | ratio | **{ratio:.1f}** |" + " |" * (len(COLUMNS) - 1))
    return lines


def _row(what: str, name: str, row: dict[str, float]) -> str:
    return f"| {what} | {name} | " + " | ".join(f"{row[key]:,.1f}" for key in COLUMNS) + " |"


def written(rows: Sequence[str], asked: Namespace) -> str:
    """Return the section."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    ).stdout.strip()
    load = ", ".join(f"{number:.1f}" for number in asked.load)
    machine = f"{os.cpu_count()} cores ({platform.machine()}), Python {platform.python_version()}"
    header = f"| load | dashboard | {' | '.join(COLUMNS.values())} |"
    table = [header, "| --- | --- |" + " --: |" * len(COLUMNS), *rows]
    return f"""{HEADING}

`make bench` runs flower_ng and Flower 2.2.0 in turn under the same open-loop load, each with a
broker of its own, and takes medians. How to read it, and where the time goes:
[performance](performance.md). {datetime.now(UTC):%Y-%m-%d}, {machine}, commit {commit};
{asked.rounds} x {asked.seconds} s each. Load average at the start, by others: {load}.

{chr(10).join(table)}
"""


def replaced(page: str, section: str) -> str:
    """Return the page with this section in place of the one with its heading, else behind all."""
    before, found, after = page.partition(f"{HEADING}\n")
    _, following, rest = after.partition("\n## ") if found else ("", "", "")
    return f"{before.rstrip()}\n\n{section}{following}{rest}"


def main() -> None:
    """Measure, and write the page."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--flower", help="a celery with Flower 2.2.0; none: only ours is measured")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--only", default="", help="loads whose name holds this")
    parser.add_argument("--out", type=Path, default=ROOT / "docs/benchmarks.md")
    asked = parser.parse_args()
    asked.load = os.getloadavg()
    rows = [row for load in LOADS if asked.only in load.name for row in compared(load, asked)]
    asked.out.write_text(replaced(asked.out.read_text(), written(rows, asked)))


if __name__ == "__main__":
    main()
