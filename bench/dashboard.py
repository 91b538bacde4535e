"""A dashboard under load, ours or Flower: started beside a broker, and measured from outside."""

import json
import os
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.services import ROOT, Process, answers, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: A light page that both have.
PAGE = "/healthcheck"
#: Between two requests of that page.
POLL_S = 0.05
#: For what was sent to be seen.
CATCH_UP_S = 60.0
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Measured:
    """What a load cost; times in ms, but for `cpu_us` (an event) and `catch_up_s`."""

    sent: int
    lost: int
    late_s: float
    cpu_us: float
    p50: float
    p99: float
    worst: float
    catch_up_s: float
    rss_mb: float
    scrape: float


class Dashboard(Process):
    """One process, started with `command`, that listens on `port`."""

    def __init__(self, command: "Sequence[str]", broker: str, folder: Path) -> None:
        self.port = free_port()
        self.broker = broker
        self._scrapes = 0
        super().__init__(folder / f"dashboard-{self.port}.log")
        address = (f"--port={self.port}", "--address=127.0.0.1")
        open_api = {"SHOP_BROKER": broker, "FLOWER_UNAUTHENTICATED_API": "1"}
        self.spawn([*command, *address], {**open_api, "PYTHONPATH": str(ROOT)})
        wait_until(lambda: answers(self.port), 60, self.output())
        time.sleep(2)  # it subscribes, and asks the workers

    def load(self, *arguments: str) -> Measured:
        """Send a load and measure what it does."""
        before = self._counted()[0]
        self._scrapes, cpu_s = 0, self._cpu_s()
        with self._polled() as times_ms:
            told = self._sent(*arguments)
            began = time.monotonic()
            counted = self._settled(before + told["sent"])
            catch_up_s = time.monotonic() - began
            used_s, scrapes = self._cpu_s() - cpu_s, self._scrapes
        seen, cpu_s = int(counted - before), self._cpu_s()
        _, scrape_ms = self._counted()
        used_s -= scrapes * (self._cpu_s() - cpu_s)  # what counting itself has cost
        ordered = sorted(times_ms)
        return Measured(
            told["sent"],
            told["sent"] - seen,
            told["late_s"],
            1e6 * used_s / max(1, seen),
            statistics.median(ordered),
            ordered[int(0.99 * (len(ordered) - 1))],
            ordered[-1],
            catch_up_s,
            self._rss_mb(),
            scrape_ms,
        )

    def _sent(self, *arguments: str) -> dict[str, float]:
        command = [sys.executable, str(ROOT / "bench/load.py"), self.broker, *arguments]
        out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        told: dict[str, float] = json.loads(out)
        return told

    def _settled(self, expected: float) -> float:
        """Return how many events were counted once all are, or none come any more."""
        counted, deadline = -1.0, time.monotonic() + CATCH_UP_S
        while time.monotonic() < deadline:
            before, (counted, _) = counted, self._counted()
            if counted >= expected or counted == before:
                break
            time.sleep(1)
        return counted

    def _counted(self) -> tuple[float, float]:
        """Return how many events of tasks the metrics tell of, and the ms of the scrape."""
        began = time.perf_counter()
        self._scrapes += 1
        text = self._get("/metrics")
        took_ms = 1000 * (time.perf_counter() - began)
        lines = (line for line in text.splitlines() if line.startswith("flower_events_total{"))
        return sum(
            float(line.rsplit(" ", 1)[1]) for line in lines if 'type="task-' in line
        ), took_ms

    @contextmanager
    def _polled(self) -> "Iterator[list[float]]":
        times_ms: list[float] = []
        ended = threading.Event()

        def poll() -> None:
            while not ended.wait(POLL_S):
                began = time.perf_counter()
                self._get(PAGE)
                times_ms.append(1000 * (time.perf_counter() - began))

        thread = threading.Thread(target=poll)
        thread.start()
        try:
            yield times_ms
        finally:
            ended.set()
            thread.join()

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=120) as answer:
            text: str = answer.read().decode()
        return text

    def _cpu_s(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def _rss_mb(self) -> float:
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024
