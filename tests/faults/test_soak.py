"""Hours of a cluster in minutes: what the dashboard holds does not grow, and no event is missing.

An hour is that of a cluster with EVENTS_PER_S, sent as fast as it is read. Simulated are the
workers, which come and go by thousands, and the browsers, each of which keeps its stream open and
fetches the page again when told. Real are the broker, which is killed and started again, and the
dashboard. What depends on time alone, such as retention by age, is not made faster. SOAK_HOURS is
how many hours.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from redis import Redis as Client

from bench.load import AT_ONCE
from bench.machine import rss_mb
from tests.services import ROOT, Dashboard, Redis, wait_until

HOURS: Final = float(os.environ.get("SOAK_HOURS", "4"))
EVENTS_PER_S: Final = 1_000
EVENTS_AN_HOUR: Final = 3600 * EVENTS_PER_S
#: Of the first rounds it is not asked whether anything grows.
WARM_UP: Final = 1 / 3
#: Events of a round, sent at a rate that one processor reads beside the browsers; and of its burst.
ROUND: Final = ("--rate=9000", "--seconds=20")
BURST: Final = ("--rate=60000", "--seconds=0.4", "--ahead")
NAMES: Final = ("--moving", "--workers=20000", "--types=300", "--batch=24")
BROWSERS: Final = 20
TASKS: Final = 5_000
OPTIONS: Final = (
    f"--max_tasks={TASKS}",
    f"--history_max_tasks={2 * TASKS}",
    "--max_workers=200",
    "--metrics_max_pairs=1000",
    "--purge_offline_workers=30",
)
MB_AN_HOUR: Final = 1.0
#: The index opens and closes files, and a connection for an answer may be one more.
FEW_MORE: Final = 1.15
pytestmark = [
    *(pytest.mark.live, pytest.mark.soak, pytest.mark.xdist_group("live-redis")),
    pytest.mark.timeout(300 + HOURS * 1800),
]


@dataclass(frozen=True, slots=True)
class Held:
    """What the dashboard holds after some hours."""

    hours: float
    memory_mb: float
    descriptors: int
    threads: int
    connections: int


@pytest.fixture
def dashboard(
    own_redis: Redis, start_dashboard: Callable[..., Dashboard], tmp_path: Path
) -> Iterator[Dashboard]:
    """A dashboard with a history, which BROWSERS follow."""
    options = (*OPTIONS, "--persistent", f"--db={tmp_path / 'history'}")
    dashboard = start_dashboard(own_redis.url, options=options)
    command = [sys.executable, str(ROOT / "bench/browsers.py"), dashboard.url]
    command += [f"--browsers={BROWSERS}", "--path=/tasks", "--seconds=1e6"]
    browsers = subprocess.Popen(command, cwd=ROOT)
    yield dashboard
    is_following = browsers.poll() is None
    browsers.kill()
    browsers.wait()
    assert is_following, "the browsers were served to the end"


def test_what_it_holds_does_not_grow_and_every_event_is_accounted_for(
    dashboard: Dashboard, own_redis: Redis
) -> None:
    held, sent, tasks, seed = [], 0, 0, 0
    while not held or held[-1].hours < HOURS:
        wait_until(lambda: is_connected(dashboard), 30, "it hears events")
        for load in (ROUND, BURST):
            seed += 1
            events = send(own_redis, *load, *NAMES, f"--seed={seed}", f"--first={tasks}")
            sent, tasks = sent + events, tasks + tasks_of(events)
            hears_of(dashboard, sent)
        held.append(seen(dashboard, own_redis, sent))
        print(held[-1], flush=True)  # noqa: T201 - the numbers that a soak is for
        own_redis.kill()
        wait_until(lambda: not is_connected(dashboard), 30, "the end is seen")
        own_redis.start()

    balanced(dashboard, sent, tasks)
    steady = held[int(len(held) * WARM_UP) :]
    slope, error = growth(steady)
    print(f"{slope:+.2f} MB an hour, give or take {error:.2f}")  # noqa: T201 - see above
    assert slope - 2 * error < MB_AN_HOUR
    before, after = steady[: len(steady) // 2], steady[len(steady) // 2 :]
    for kind in ("descriptors", "threads", "connections"):
        assert most(after, kind) <= FEW_MORE * most(before, kind), kind


def is_connected(dashboard: Dashboard) -> bool:
    return bool(dashboard.get("/api/connection")["connected"])


def hears_of(dashboard: Dashboard, sent: int) -> None:
    received = lambda: dashboard.get("/api/connection")["events"]["received"]  # noqa: E731
    wait_until(lambda: received() >= sent, 60, "all is received")


def send(broker: Redis, *options: str) -> int:
    """Send events, and return how many."""
    command = [sys.executable, str(ROOT / "bench/load.py"), broker.url, *options]
    told = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    return int(json.loads(told.splitlines()[-1])["sent"])


def tasks_of(events: int) -> int:
    """Return of how many tasks so many events tell: AT_ONCE are received, started, and end."""
    rounds, rest = divmod(events, 3 * AT_ONCE)
    return rounds * AT_ONCE + min(rest, AT_ONCE)


def seen(dashboard: Dashboard, broker: Redis, sent: int) -> Held:
    """Return what it holds after so many events."""
    time.sleep(2)  # until it has written and indexed what came
    process = Path(f"/proc/{dashboard.pid}")
    with Client.from_url(broker.url) as client:
        connections = len(client.client_list()) - 1
    return Held(
        sent / EVENTS_AN_HOUR,
        rss_mb(dashboard.pid),
        len(list((process / "fd").iterdir())),
        len(list((process / "task").iterdir())),
        connections,
    )


def balanced(dashboard: Dashboard, sent: int, tasks: int) -> None:
    """Assert that all that was sent was received once, and is kept, or known to be deleted."""
    assert metric(dashboard, "flower_ng_events_received_total") == sent
    assert metric(dashboard, "flower_ng_events_dropped_total") == 0
    assert metric(dashboard, "flower_ng_events_malformed_total") == 0
    assert metric(dashboard, "flower_ng_store_lost_total") == 0
    wait_until(lambda: metric(dashboard, "flower_ng_store_queue") == 0, 30, "all is written")
    kept = metric(dashboard, "flower_ng_store_tasks")
    assert kept + metric(dashboard, "flower_ng_store_deleted_total") == tasks
    ours = metric(dashboard, "flower_ng_tasks_in_memory")
    assert ours + metric(dashboard, "flower_ng_tasks_evicted_total") == tasks


def metric(dashboard: Dashboard, name: str) -> float:
    """Return the sum of a metric's series."""
    lines = dashboard.ask("/metrics").text.splitlines()
    return sum(
        float(line.split()[-1]) for line in lines if line.startswith((f"{name} ", f"{name}{{"))
    )


def growth(held: Sequence[Held]) -> tuple[float, float]:
    """Return by how many MB an hour the memory grows, and the error of that."""
    hours, memory = [one.hours for one in held], [one.memory_mb for one in held]
    slope, base = statistics.linear_regression(hours, memory)
    off = sum((mb - base - slope * hour) ** 2 for hour, mb in zip(hours, memory, strict=True))
    spread = sum((hour - statistics.mean(hours)) ** 2 for hour in hours)
    return slope, (off / max(1, len(held) - 2) / spread) ** 0.5


def most(held: Sequence[Held], kind: str) -> Any:
    return max(getattr(one, kind) for one in held)
