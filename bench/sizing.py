"""Measures how much memory the process takes with so many tasks in memory, no page open.

    python bench/sizing.py [options of flower_ng]

Events come in batches of 24, at 6,000 a second, on Redis; a size is measured once it is indexed.
"""

import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.dashboard import OURS, Dashboard, commands
from bench.machine import rss_mb
from tests.services import Redis, running, wait_until

RATE, EVENTS_A_TASK = 6_000, 3
SIZES = (1_000, 5_000, 20_000, 50_000, 100_000, 200_000, 300_000)
#: So few that wait for the index are not worth a part of their own.
UNINDEXED = 2_000
INDEXED_S, STILL_S = 120, 4


def main(options: list[str]) -> None:
    """Print the memory at each size."""
    with tempfile.TemporaryDirectory() as name, running(Redis(Path(name))) as redis:
        command = [*commands(None)[OURS], f"--max_tasks={SIZES[-1]}", *options]
        dashboard = Dashboard(command, redis.url, Path(name)).start()
        try:
            print(f"at the start {rss_mb(dashboard.pid):.0f} MB", flush=True)
            before = 0
            for size in SIZES:
                dashboard.load(RATE, (size - before) * EVENTS_A_TASK / RATE, 24)
                settle(dashboard)
                print(f"{size:,} tasks {rss_mb(dashboard.pid):.0f} MB", flush=True)
                before = size
        finally:
            dashboard.stop()


def settle(dashboard: Dashboard) -> None:
    """Wait for the index, and for what it lets go of."""
    with suppress(AssertionError):
        wait_until(
            lambda: (dashboard.metric("flower_ng_store_unindexed") or 0) <= UNINDEXED, INDEXED_S
        )
    time.sleep(STILL_S)


if __name__ == "__main__":
    main(sys.argv[1:])
