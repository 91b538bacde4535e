"""Find the highest rate that flower_ng, and Flower, hold with nothing lost.

Short loads double the rate until one is too much, then halve the distance; what is found is held
for a minute, or less of it is tried. Each load has a dashboard and a broker of its own.
"""

import math
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.dashboard import Measured, commands, started
from bench.report import Cell, Report, begun, parser
from tests.services import Rabbit, Redis

TEXT = """\
`make bench` doubles the rate in loads of {probe:g} s until one is too much, halves the distance
{halvings} times, and then holds what was found for {seconds:g} s; if that fails, less is tried.
A rate is held if no event is lost and all are seen within {within:g} s of the last one sent.
“Too much” is the lowest rate that failed. Loads are made before they are sent."""
HEADER = (
    *("load", "dashboard", "held, events/s", "too much", "CPU µs/event", "page p99 ms", "worst"),
    *("stalls", "RSS MB", "others %"),
)
#: To see the last event after it was sent, with a poll a second.
WITHIN_S = 2.0
#: The sender was itself too slow, or had to wait for the broker.
LATE_S = 1.0
#: What is tried when the rate found is not held for long.
LESS = (1.0, 0.85, 0.7, 0.5)
#: More is not sent.
MOST = 240_000
#: A search ends after so long with what it has.
MOST_S = 900.0

#: Sends at a rate for some seconds to a new dashboard.
Try = Callable[[float, float], Measured]


@dataclass(frozen=True, slots=True)
class Load:
    """How the events come, and the first rate that is tried."""

    name: str
    broker: type[Redis] | type[Rabbit]
    batch: int
    first: int


LOADS = (
    Load("Redis, batches of 24", Redis, 24, 10_000),
    Load("Redis, single", Redis, 1, 5_000),
    Load("RabbitMQ, batches of 24", Rabbit, 24, 10_000),
    Load("RabbitMQ, single", Rabbit, 1, 2_500),
)


@dataclass(slots=True)
class Search:
    """The way to the highest rate; `low` was held for `probe_s`, `high` was not."""

    tried: Try
    probe_s: float
    hold_s: float
    halvings: int
    low: float = 0.0
    high: float = math.inf

    def found(self, first: float) -> tuple[float, Measured] | None:
        """Return the highest rate held and what was measured, None if there is none."""
        ends_at, rate = time.monotonic() + MOST_S, first
        while rate <= MOST and self._holds(rate, self.probe_s):
            rate *= 2
        for _ in range(self.halvings if self.low and self.high < math.inf else 0):
            if time.monotonic() < ends_at:
                self._holds((self.low + self.high) / 2, self.probe_s)
        for part in LESS:
            if time.monotonic() > ends_at:
                break
            rate = round(self.low * part, -2)
            if rate and (measured := self._holds(rate, self.hold_s)):
                return rate, measured
        return None

    def _holds(self, rate: float, seconds: float) -> Measured | None:
        measured = self.tried(rate, seconds)
        if not is_held(measured):
            self.high = min(self.high, rate)
            return None
        self.low = max(self.low, rate)
        return measured


def is_held(one: Measured) -> bool:
    """Whether all was sent in time and seen in time."""
    return one.lost <= 0 and one.late_s <= LATE_S and one.catch_up_s <= WITHIN_S


def searched(load: Load, name: str, command: Sequence[str], asked: Namespace) -> list[Cell]:
    """Return the row of one dashboard under one kind of load."""

    def tried(rate: float, seconds: float) -> Measured:
        with started(command, load.broker) as dashboard:
            measured = dashboard.load(rate, seconds, load.batch)
        word = "held" if is_held(measured) else "not held"
        print(
            f"{load.name}, {name}: {rate:,.0f}/s for {seconds:g} s {word}: {measured}", flush=True
        )
        return measured

    search = Search(tried, asked.probe, asked.seconds, asked.halvings)
    found = search.found(load.first)
    too_much = None if search.high == math.inf else round(search.high)
    if found is None:
        return [load.name, name, None, too_much, *(None,) * 6]
    rate, one = found
    costs = (one.cpu_us, one.p99, one.worst, one.stalls, one.rss_mb, one.others)
    return [load.name, name, round(rate), too_much, *costs]


def main() -> None:
    """Search, and write the section."""
    told = parser(__doc__)
    told.add_argument("--seconds", type=float, default=60, help="for which the rate is held")
    told.add_argument("--probe", type=float, default=6)
    told.add_argument("--halvings", type=int, default=3)
    asked = begun(told)
    if asked.quick:
        asked.seconds, asked.probe, asked.halvings = 4, 2, 1
    text = TEXT.format(**vars(asked), within=WITHIN_S)
    report = Report("The highest rate", text, HEADER, asked.out, words=2)
    for load in LOADS:
        for name, command in commands(asked.flower).items():
            if asked.only in f"{load.name}, {name}":
                report.add(*searched(load, name, command, asked))


if __name__ == "__main__":
    main()
