"""What is killed by test_crash: a dashboard's state and store, fed as the loop feeds them.

    python -m tests.store.crashing DB ROUND

Blocks of tasks go through their lives side by side: at step 7 those of block 7 are received, those
of block 6 started, those of block 5 end. After each step it says which, when, and for how long
changes have waited to be written. A task's `clock` is how many of its events were applied, so that
a row tells by itself what all of it must be.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from flower_ng.event_record import Event
from flower_ng.monitor.state.state import ClusterState
from flower_ng.records import Task
from flower_ng.store import Store

#: Tasks of a block; in a step about three times as many events. So few that a busy machine, where
#: other tests run beside, writes them no later than a quiet one: what is late is the store's fault.
BLOCK = 20
STEP_S = 0.03
MAX_TASKS = 10_000
HOST = "w@box"
#: What happens to a task, and to every seventh.
LIFE = ("received", "started", "ended")
RETRIED = ("received", "started", "retried", "received", "started", "ended")


def uuid_of(block: str, number: int) -> str:
    return f"{block}-{number:02}"


def events(uuid: str, start: float = 0.0) -> list[Event]:
    """Return all events of a task."""
    number = int(uuid.rpartition("-")[2])
    life = RETRIED if number % 7 == 0 else LIFE
    return [event(uuid, number, age, subject, start) for age, subject in enumerate(life)]


def event(uuid: str, number: int, age: int, subject: str, start: float) -> Event:
    if subject == "ended":
        subject = "failed" if number % 10 == 3 else "succeeded"
    made = Event(f"task-{subject}", HOST, start + age * STEP_S, clock=age + 1, uuid=uuid)
    if subject == "received":
        made.name, made.args, made.kwargs = (
            f"shop.{number % 5}",
            f"({uuid!r},)",
            f"{{'n': {number}}}",
        )
        made.retries = age // 3
    elif subject == "succeeded":
        made.result, made.runtime = f"done {uuid}", 1.0
    elif subject in {"failed", "retried"}:
        made.exception, made.traceback = f"ValueError({uuid!r})", "Traceback …\n" * 50
    return made


def expected(uuid: str, applied: int, start: float) -> Task:
    """Return what a task is after so many of its events."""
    state = ClusterState()
    for one in events(uuid, start)[:applied]:
        state.apply(one)
    return state.tasks[uuid]


def moment(start: float, block: int) -> float:
    """Return when the tasks of a block are received."""
    return start + block * STEP_S


def step_events(name: str, step: int, start: float) -> Iterator[Event]:
    """Yield the events of a step of a round."""
    for age in range(len(RETRIED)):
        for number in range(BLOCK) if step >= age else ():
            life = events(uuid_of(f"{name}-{step - age:05}", number), moment(start, step - age))
            yield from life[age : age + 1]


def age_at(step: int, block: int, number: int) -> int:
    """Return how many events of a task were applied after a step."""
    life = RETRIED if number % 7 == 0 else LIFE
    return max(0, min(len(life), step - block + 1))


def say(what: object, at: float, lag_s: float = 0.0) -> None:
    sys.stdout.write(f"{what} {at} {lag_s}\n")
    sys.stdout.flush()


async def run(path: Path, name: str) -> None:
    store = Store(path, max_tasks=MAX_TASKS)
    state = ClusterState(observers=(store, store.rollups.minutes))
    store.start()
    kept = store.restored(state.max_tasks_in_memory)
    state.restore(kept.workers, kept.counters, kept.tasks)
    store.counters_from(state.counter)
    store.begin()
    start = time.time()
    say("start", start)
    for step in range(100_000):
        for one in step_events(name, step, start):
            state.apply(one)
        say(step, time.time(), store.lag_s)
        await asyncio.sleep(max(0.0, start + (step + 1) * STEP_S - time.time()))


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2]))
