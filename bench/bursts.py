"""Measure how bursts are caught up with: half a million events in 5 s, and more than is read."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.dashboard import commands, started
from bench.report import Cell, Report, begun, parser
from tests.services import Rabbit, Redis

TEXT = """\
`make bench` sends more than is read at a time and waits until all is seen, or no more comes, for
60 s at most. Redis keeps nothing: it cuts off who is 32 MB behind, so what is not read fast
enough is lost there. RabbitMQ's queue keeps it. “Sender late” is by how much the load itself was
late."""
HEADER = (
    *("burst", "dashboard", "sent", "lost", "dropped", "seen whole after s", "sender late s"),
    *("page p99 ms", "worst", "RSS MB", "others %"),
)


@dataclass(frozen=True, slots=True)
class Burst:
    """So many events a second for some seconds, in batches."""

    name: str
    broker: type[Redis] | type[Rabbit]
    rate: int
    seconds: float
    batch: int = 1


BURSTS = (
    Burst("Redis, 500,000 in 5 s, batches of 100", Redis, 100_000, 5, 100),
    Burst("RabbitMQ, 20,000/s for 20 s, single", Rabbit, 20_000, 20),
)


def measured(burst: Burst, command: Sequence[str], seconds: float) -> list[Cell]:
    """Return what one burst did."""
    with started(command, burst.broker) as dashboard:
        one = dashboard.load(burst.rate, seconds, burst.batch)
        dropped = dashboard.metric("flower_ng_events_dropped_total")
    whole = one.catch_up_s if one.lost <= 0 else None
    times = (one.late_s, one.p99, one.worst, one.rss_mb, one.others)
    return [one.sent, one.lost, dropped, whole, *times]


def main() -> None:
    """Measure, and write the section."""
    asked = begun(parser(__doc__))
    report = Report("Bursts", TEXT, HEADER, asked.out, words=2)
    for burst in BURSTS:
        for name, command in commands(asked.flower).items():
            if asked.only in f"{burst.name}, {name}":
                seconds = burst.seconds / 10 if asked.quick else burst.seconds
                report.add(burst.name, name, *measured(burst, command, seconds))


if __name__ == "__main__":
    main()
