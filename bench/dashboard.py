"""A dashboard under load, ours or Flower: started beside a broker, and measured from outside."""

import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.machine import busy_percent, cpu_s, rss_mb
from bench.polling import POLL_S, get, polled
from tests.services import ROOT, Process, Rabbit, Redis, answers, free_port, running, wait_until

OURS, THEIRS = "flower_ng", "Flower"
#: A light page that both have.
PAGE = "/healthcheck"
#: For what was sent to be seen.
CATCH_UP_S = 60.0
#: Seconds in which nothing more was counted: no more comes.
STILL = 4
#: It subscribes, and asks the workers.
SETTLING_S = 2.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What a load cost; times in ms, but for `cpu_us` (an event) and those in seconds.

    `late_s` is how far the sender was behind; `stalls` is None where nobody counts them; `others`
    is how busy the machine was before, in percent.
    """

    sent: int
    lost: int
    late_s: float
    cpu_us: float
    p50: float
    p99: float
    worst: float
    stalls: float | None
    catch_up_s: float
    rss_mb: float
    scrape: float
    others: float


class Dashboard(Process):
    """One process, started with `command`, that listens on `port`."""

    def __init__(self, command: Sequence[str], broker: str, folder: Path) -> None:
        self.port, self.command, self.broker = free_port(), command, broker
        self._scrapes, self._seed = 0, 0
        super().__init__(folder / f"dashboard-{self.port}.log")

    def start(self) -> "Dashboard":
        """Start it, and wait until it has settled."""
        address = (f"--port={self.port}", "--address=127.0.0.1")
        open_api = {"SHOP_BROKER": self.broker, "FLOWER_UNAUTHENTICATED_API": "1"}
        self.spawn([*self.command, *address], {**open_api, "PYTHONPATH": str(ROOT)})
        wait_until(lambda: answers(self.port) or not self.running, 120, "the dashboard answers")
        if not self.running:
            raise SystemExit(f"The dashboard ended: {self.output()[-2000:]}")
        time.sleep(SETTLING_S)
        return self

    def url(self, path: str) -> str:
        """Return the address of a page."""
        return f"http://127.0.0.1:{self.port}{path}"

    def load(
        self,
        rate: float,
        seconds: float,
        batch: int = 1,
        *options: str,
        page: str = PAGE,
        every_s: float = POLL_S,
    ) -> Measured:
        """Send a load made ahead, and measure what it does; `page` is polled meanwhile."""
        others = busy_percent()
        before, _ = self.counted()
        with self.sending(rate, seconds, batch, "--ahead", *options) as told:
            stalls, used_s = self.metric("flower_ng_loop_stalls_total"), cpu_s(self.pid)
            with polled(self.url(page), every_s) as times:
                sent = told()
        ended, self._scrapes = time.monotonic(), 0
        counted = self.settled(before + sent["sent"])
        catch_up_s = time.monotonic() - ended
        used_s, scrapes = cpu_s(self.pid) - used_s, self._scrapes
        scraping_s = cpu_s(self.pid)
        _, scrape_ms = self.counted()
        scraping_s = cpu_s(self.pid) - scraping_s
        seen = int(counted - before)
        return Measured(
            int(sent["sent"]),
            int(sent["sent"]) - seen,
            sent["late_s"],
            1e6 * (used_s - scrapes * scraping_s) / max(1, seen),  # without what counting has cost
            times.share(0.5),
            times.share(0.99),
            times.share(1),
            None if stalls is None else (self.metric("flower_ng_loop_stalls_total") or 0) - stalls,
            catch_up_s,
            rss_mb(self.pid),
            scrape_ms,
            others,
        )

    @contextmanager
    def sending(
        self, rate: float, seconds: float, batch: int, *options: str
    ) -> Iterator[Callable[[], dict[str, float]]]:
        """Send new tasks' events from when this is entered; what it lends waits for the end."""
        self._seed += 1
        arguments = {"rate": rate, "batch": batch, "seconds": seconds, "seed": self._seed}
        words = [f"--{name}={value}" for name, value in arguments.items()]
        command = [sys.executable, str(ROOT / "bench/load.py"), self.broker, *words, *options]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as sender:
            assert sender.stdout is not None
            try:
                if sender.stdout.readline() != "begun\n":
                    raise SystemExit("The load could not be sent")
                yield lambda: json.loads(sender.stdout.readline())
            finally:
                if sender.poll() is None:
                    sender.kill()

    def settled(self, expected: float) -> float:
        """Return how many events were counted once all are, or none come any more."""
        counted, still, deadline = -1.0, 0, time.monotonic() + CATCH_UP_S
        while time.monotonic() < deadline and still < STILL:
            before, (counted, _) = counted, self.counted()
            if counted >= expected:
                break
            still = still + 1 if counted == before else 0
            time.sleep(1)
        return counted

    def counted(self) -> tuple[float, float]:
        """Return how many events of tasks the metrics tell of, and the ms of the scrape."""
        began = time.perf_counter()
        self._scrapes += 1
        text = get(self.url("/metrics"))
        took_ms = 1000 * (time.perf_counter() - began)
        lines = (line for line in text.splitlines() if line.startswith("flower_events_total{"))
        return sum(
            float(line.rsplit(" ", 1)[1]) for line in lines if 'type="task-' in line
        ), took_ms

    def metric(self, name: str) -> float | None:
        """Return the sum of a metric of ours; None where there is none of that name."""
        return self.metrics().get(name)

    def metrics(self) -> dict[str, float]:
        """Return the sums of our own metrics by their names."""
        text = get(self.url("/metrics"))
        found = dict.fromkeys(re.findall(r"^# TYPE (flower_ng_\w+)", text, re.MULTILINE), 0.0)
        for name, value in re.findall(r"^(flower_ng_\w+)\S* (\S+)$", text, re.MULTILINE):
            found[name] = found.get(name, 0.0) + float(value)
        return found


def commands(flower: str | None) -> dict[str, list[str]]:
    """Return how each dashboard is started; Flower only where `celery` is named that has it."""
    ours = [sys.executable, "-m", "flower_ng", "-A", "tests.shop", "flower_ng"]
    return {OURS: ours} | ({THEIRS: [flower, "-A", "tests.shop", "flower"]} if flower else {})


@contextmanager
def started(
    command: Sequence[str], broker: type[Redis] | type[Rabbit] = Redis
) -> Iterator[Dashboard]:
    """Lend a dashboard beside a broker, both started for this alone, and ended whatever happens."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            running(broker(folder)) as service,
            running(Dashboard(command, service.url, folder)) as dashboard,
        ):
            yield dashboard
