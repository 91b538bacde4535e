"""Measure the list of workflows: `python bench/workflows.py [TASKS [ROOTS]]`.

Without them it has 1,000,000 tasks and 100,000 roots. It writes a history of that many tasks, each
root with as many below it as fit, one of them with 1,000; then it asks for the list, and for the
tasks of that one, ten times each.
"""

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from flower_ng.changes import Change
from flower_ng.event_record import Event
from flower_ng.records import Task, Worker
from flower_ng.store import Store

FIRST_S = 1_760_000_000.0
WORKER = Worker("celery@node")
LARGE = 1_000
TIMES = 10


def changes(tasks: int, roots: int) -> Iterator[Change]:
    """Yield each task as its last event left it, the oldest first."""
    each = tasks // roots
    for root in range(roots):
        root_id = f"root-{root}"
        many = LARGE if root == roots - 1 else each
        for number in range(many):
            uuid = f"{root_id}-{number}" if number else root_id
            at = FIRST_S + root + number / 1000
            task = Task(uuid, state="SUCCESS", name=f"shop.step{number % 5}", received=at)
            task.succeeded = task.timestamp = at + 1
            task.worker, task.root_id, task.runtime = WORKER, root_id, 1.0
            task.parent_id = root_id if number else None
            if number == 1 and root % 100 == 0:
                task.state, task.succeeded = "STARTED", None
            yield Change(Event("task-succeeded", "celery@node", at, uuid=uuid), task, WORKER)


async def timed(what: str, ask: Callable[[], Awaitable[object]]) -> None:
    """Say what the slowest and the fastest of some answers took."""
    took = []
    for _ in range(TIMES):
        begin = time.perf_counter()
        await ask()
        took.append(1000 * (time.perf_counter() - begin))
    print(f"{what}: first {took[0]:.0f} ms, then {min(took[1:]):.0f} to {max(took[1:]):.0f} ms")


async def measure(store: Store, tasks: int, roots: int) -> None:
    """Ask for the list as the page does, and for the tasks of the largest workflow."""
    newest = (await store.roots(None)).roots
    ids = [place.root_id for place in newest[:50]]
    print(f"{tasks:,} tasks, {roots:,} roots, {len(newest):,} of them in the newest walk")
    await timed("newest roots", lambda: store.roots(None))
    await timed("roots that stand still", lambda: store.standing_roots(FIRST_S + roots))
    await timed("states of 50 roots", lambda: store.roots_told(ids))
    await timed(f"{LARGE:,} tasks of one root", lambda: store.below([f"root-{roots - 1}"], 2_000))


def main(tasks: int = 1_000_000, roots: int = 100_000) -> None:
    """Write the history, then measure."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "history", max_tasks=2 * tasks)
        store.start()
        begin = time.perf_counter()
        for change in changes(tasks, roots):
            store.observe(change)
        store.flush()
        print(f"written in {time.perf_counter() - begin:.0f} s")
        asyncio.run(measure(store, tasks, roots))
        store.stop()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
