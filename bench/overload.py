"""Measure the Tasks page with a million tasks while events pour in, and what too many of them do.

The history is filled through the store's own writer; with `--folder` what was filled before is
used. Overload is three times what is held, for some seconds.
"""

import shutil
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.dashboard import OURS, PAGE, Dashboard, commands, started
from bench.history import fill
from bench.pages import kept
from bench.polling import POLL_S, get, taken_ms
from bench.report import Report, begun, parser
from tests.services import Rabbit, Redis

TEXT = """\
`make bench` asks for a page while events come: twice a second for the Tasks page, with {many:,}
tasks in the history, and every 50 ms for a light one while there are three times as many events
as are held ({held:,}/s in batches of 24, {single:,}/s single; `--held`, `--single`). “Told” is
whether the page says that events were dropped; “recovered” is the time from the last event sent
until the page is as fast as before the load, for two seconds. What Redis cuts off for reading
slowly is lost without a count, and shown as a gap."""
HEADER = (
    *("load", "page", "sent", "seen", "dropped", "told", "page p50 ms", "p99", "worst"),
    *("recovered after s", "CPU µs/event", "others %"),
)
#: As fast as before, within what a busy machine changes.
CALM_MS, CALM_S, CALM_AT_MOST_S = 30.0, 2.0, 60.0


@dataclass(frozen=True, slots=True)
class Case:
    """A load for some seconds, and the page that is asked for meanwhile."""

    name: str
    broker: type[Redis] | type[Rabbit]
    rate: float
    batch: int
    page: str = PAGE
    every_s: float = POLL_S


def cases(asked: Namespace) -> Iterator[Case]:
    """Yield what is measured, the one with the great history first."""
    yield Case(f"Redis, batches, 40,000/s, {asked.many:,} tasks", Redis, 40_000, 24, "/tasks", 0.5)
    yield Case("Redis, batches, 3 x", Redis, 3 * asked.held, 24)
    yield Case("Redis, single, 3 x", Redis, 3 * asked.single, 1)
    yield Case("RabbitMQ, batches, 3 x", Rabbit, 3 * asked.held, 24)


def measured(case: Case, options: Sequence[str], asked: Namespace, report: Report) -> None:
    """Add the row of one case."""
    with started([*commands(None)[OURS], *options], case.broker) as dashboard:
        calm_ms = sorted(taken_ms(dashboard.url(case.page)) for _ in range(7))[3]
        one = dashboard.load(
            case.rate, asked.seconds, case.batch, page=case.page, every_s=case.every_s
        )
        recovered_s = calmed(dashboard, case.page, calm_ms) + one.catch_up_s
        dropped = dashboard.metric("flower_ng_events_dropped_total")
        is_told = "dropped" in get(dashboard.url("/workers"))
    report.add(
        *(f"{case.name}: {case.rate:,.0f}/s", f"`{case.page}`", one.sent, one.sent - one.lost),
        *(dropped, "yes" if is_told else "no", one.p50, one.p99, one.worst, recovered_s),
        *(one.cpu_us, one.others),
    )


def calmed(dashboard: Dashboard, page: str, before_ms: float) -> float:
    """Return after how many seconds the page is fast again and stays so; CALM_AT_MOST_S if not."""
    began = calm_since = time.monotonic()
    while time.monotonic() - began < CALM_AT_MOST_S:
        if taken_ms(dashboard.url(page)) > before_ms + CALM_MS:
            calm_since = time.monotonic()
        elif time.monotonic() - calm_since > CALM_S:
            return calm_since - began
        time.sleep(0.05)
    return CALM_AT_MOST_S


def main() -> None:
    """Measure, and write the section."""
    told = parser(__doc__)
    told.add_argument("--many", type=int, default=1_000_000)
    told.add_argument("--held", type=int, default=40_000, help="events/s held, in batches")
    told.add_argument("--single", type=int, default=12_000, help="events/s held, single")
    told.add_argument("--seconds", type=float, default=20)
    asked = begun(told)
    if asked.quick:
        asked.many, asked.seconds, asked.held, asked.single = 10_000, 2, 10_000, 4_000
    report = Report("Overload", TEXT.format(**vars(asked)), HEADER, asked.out, words=2)
    with tempfile.TemporaryDirectory() as temporary:
        for case in cases(asked):
            if asked.only in case.name:
                is_many = case.page != PAGE
                path = history(asked, Path(temporary)) if is_many else None
                measured(case, kept(path, asked.many) if path else [], asked, report)


def history(asked: Namespace, folder: Path) -> Path:
    """Return where a history of many tasks is, to be written to."""
    path = folder / f"history-{asked.many}"
    if asked.folder and not Path(f"{path}.sqlite3").exists():
        for one in asked.folder.glob(f"{path.name}*"):
            shutil.copy(one, folder)
    if not Path(f"{path}.sqlite3").exists():
        print(f"filling a history of {asked.many:,} tasks", flush=True)
        fill(path, asked.many)
    return path


if __name__ == "__main__":
    main()
