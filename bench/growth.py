"""Measure how each cost grows with what drives it: tasks, workers, task types, open browsers.

The exponent is that of the power law through the last three points: 0 does not grow, 1 grows as
the driver does. What an event or a look-up costs may grow like a logarithm, a sum like its driver.
"""

import math
import statistics
import subprocess
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.dashboard import OURS, Dashboard, commands, started
from bench.machine import busy_percent, rss_mb
from bench.pages import rows
from bench.plot import Curve, drawn
from bench.polling import taken_ms
from bench.report import Report, begun, parser
from tests.services import ROOT, wait_until

TEXT = """\
`make bench-growth` measures each cost at some sizes of its driver, flower_ng alone, on Redis
with batches of 24 at {rate:,} events/s. The exponent is that of the power law through the last
three points; one event's and one look-up's cost may grow like a logarithm (an exponent up to
{look_up:g}), sums as their driver does (up to {linear:g}). What grows more is in bold, unless it
grows by less than {little:g} in all. The plot shows how many times dearer each cost is than at
the first point."""
HEADER = ("driver", "cost", "measured", "exponent", "allowed", "verdict")
RATE, LOOK_UP, LINEAR, LITTLE = 6_000, 0.3, 1.15, 5.0
ROUNDS = 5
#: Events a second while tasks are filled in.
FILLING = 20_000
#: For all of them to be indexed, but for so few; after which costs are measured.
INDEXED_S, NOT_WORTH_A_PART = 600, 2_000
UNINDEXED = "flower_ng_store_unindexed"
#: The costs that may grow as their driver does.
SUMS = ("RSS MB", "Workers page ms", "scrape ms", "Types page ms", "CPU, % of a core")

Costs = dict[str, float]


def costs(dashboard: Dashboard, seconds: float, *options: str, **pages: str) -> Costs:
    """Return the costs of events, of memory, and of these pages."""
    one = dashboard.load(RATE, seconds, 24, *options)
    found = {"CPU µs/event": one.cpu_us, "RSS MB": rss_mb(dashboard.pid)}
    for name, path in pages.items():
        times = [taken_ms(dashboard.url(path)) for _ in range(ROUNDS)]
        found[f"{name.replace('_', ' ')} ms"] = statistics.median(times)
    return found


def by_tasks(asked: Namespace) -> Iterator[tuple[float, Costs]]:
    """Fill one dashboard in steps."""
    pages = {"Tasks_page": "/tasks", "by_runtime": rows("runtime"), "search": rows(search="9999")}
    points, known = (500, 1_000, 3_000) if asked.quick else (1_000, 10_000, 100_000, 1_000_000), 0.0
    with started([*commands(None)[OURS], f"--max_tasks={points[-1]}"]) as dashboard:
        for point in points:
            seconds = 3 * max(0.0, point - known) / FILLING
            with dashboard.sending(FILLING, seconds, 24) as told:
                sent = told()["sent"]
            dashboard.settled(math.inf)
            began = time.monotonic()
            wait_until(lambda: is_indexed(dashboard), INDEXED_S)
            print(f"indexed {time.monotonic() - began:.1f} s after the last event", flush=True)
            yield point, costs(dashboard, asked.seconds, **pages)
            known += sent / 3 + RATE * asked.seconds / 3


def is_indexed(dashboard: Dashboard) -> bool:
    """Whether the index has nearly all tasks."""
    left = dashboard.metric(UNINDEXED)
    return left is not None and left < NOT_WORTH_A_PART


def by_workers(asked: Namespace) -> Iterator[tuple[float, Costs]]:
    """Start a dashboard for each number of workers."""
    for point in (10, 100, 300) if asked.quick else (10, 100, 1_000, 5_000):
        with started(commands(None)[OURS]) as dashboard:
            pages = {"Workers_page": "/workers", "Tasks_page": "/tasks", "scrape": "/metrics"}
            yield point, costs(dashboard, asked.seconds, f"--workers={point}", **pages)


def by_types(asked: Namespace) -> Iterator[tuple[float, Costs]]:
    """Start a dashboard for each number of task types."""
    for point in (10, 100, 300) if asked.quick else (10, 100, 1_000, 5_000):
        with started(commands(None)[OURS]) as dashboard:
            pages = {"Types_page": "/types", "Tasks_page": "/tasks", "scrape": "/metrics"}
            yield point, costs(dashboard, asked.seconds, f"--types={point}", **pages)


def by_browsers(asked: Namespace) -> Iterator[tuple[float, Costs]]:
    """Have browsers follow the Tasks page of one dashboard."""
    with started(commands(None)[OURS]) as dashboard:
        for point in (1, 5, 10) if asked.quick else (1, 10, 50, 100):
            options = {"browsers": point, "path": "/tasks", "seconds": 3 * asked.seconds + 30}
            command = [sys.executable, str(ROOT / "bench/browsers.py"), dashboard.url("")]
            command += [f"--{name}={value}" for name, value in options.items()]
            with subprocess.Popen(command, stdout=subprocess.DEVNULL) as browsers:
                try:
                    one = dashboard.load(RATE, asked.seconds, 24)
                finally:
                    browsers.kill()
            used = one.cpu_us * RATE / 1e4
            yield point, {"CPU, % of a core": used, "light page p99 ms": one.p99}


DRIVERS: Mapping[str, Callable[[Namespace], Iterator[tuple[float, Costs]]]] = {
    "tasks": by_tasks,
    "workers": by_workers,
    "task types": by_types,
    "open browsers": by_browsers,
}


def exponent(curve: Curve) -> float:
    """Return the exponent of the power law that is closest to the last three points."""
    points = [(math.log(driver), math.log(max(cost, 1e-9))) for driver, cost in curve.items()][-3:]
    xs, ys = zip(*points, strict=True)
    return statistics.linear_regression(xs, ys).slope


def judged(driver: str, cost: str, curve: Curve) -> Sequence[str | float]:
    """Return the row of one cost."""
    allowed, power = LINEAR if cost in SUMS else LOOK_UP, exponent(curve)
    grown = list(curve.values())[-1] - next(iter(curve.values()))
    told = " · ".join(f"{at:,}: {value:,.1f}" for at, value in curve.items())
    much = "**more than linear**" if cost in SUMS else "**more than a look-up**"
    verdict = much if power > allowed and grown > LITTLE else "ok"
    return driver, cost, told, power, "linear" if cost in SUMS else "logarithm", verdict


def main() -> None:
    """Measure, write the section and draw the plot."""
    told = parser(__doc__)
    told.add_argument("--seconds", type=float, default=10)
    asked = begun(told)
    if asked.quick:
        asked.seconds = 2
    text = TEXT.format(rate=RATE, look_up=LOOK_UP, linear=LINEAR, little=LITTLE)
    if asked.out:
        text += "\n\n![How the costs grow](growth.svg)\n\n"
    report = Report("Growth", text, HEADER, asked.out, words=3)
    report.after = f"Before it, others kept the machine busy to {busy_percent():.0f} %."
    panels: dict[str, dict[str, Curve]] = {}
    for driver, measure in DRIVERS.items():
        if asked.only in driver:
            panels[driver] = curves(driver, measure(asked))
            for cost, curve in panels[driver].items():
                report.add(*judged(driver, cost, curve))
            plot = asked.out.with_name("growth.svg") if asked.out else Path("/dev/null")
            plot.write_text(drawn(panels))


def curves(driver: str, points: Iterator[tuple[float, Costs]]) -> dict[str, Curve]:
    """Return the curve of each cost, and print each point."""
    found: dict[str, dict[float, float]] = {}
    for point, at in points:
        print(f"{point:,} {driver}: {at}", flush=True)
        for cost, value in at.items():
            found.setdefault(cost, {})[point] = value
    return dict(found)


if __name__ == "__main__":
    main()
