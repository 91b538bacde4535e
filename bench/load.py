"""Open-loop load: sends a cluster's events to a broker at a fixed rate, whoever keeps up or not.

As a script it prints `begun` when it begins, and at the end one line of JSON: events sent, seconds,
and how late it was at most.
The events of 64 tasks at a time are interleaved, as those of a cluster that runs them. With
`--ahead` all of it is made before the first is sent, with the times at which they will be.
"""

import json
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from itertools import count, islice
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.wires import Wire, wire

Event = dict[str, Any]
#: Names the worker and the type of the task with this number.
Names = Callable[[int, Random], tuple[str, str]]

AT_ONCE = 64
FAIL = 0.03
#: Events sent in one go when it is behind.
MOST = 2000
#: Events made to see how long that takes, and how much more time is given for all.
TRIED, LEEWAY = 4800, 1.25
#: Workers and types that are active at a time while names come and go.
ACTIVE_WORKERS, ACTIVE_TYPES = 100, 50
#: Tasks after which a worker leaves and another comes.
TASKS_EACH = 20
TRACEBACK = "\n".join(
    ["Traceback (most recent call last):", *['  File "/app/tasks.py", line 10, in run'] * 8]
)


def events(
    names: Names, at: Callable[[int], float], seed: int = 7, first: int = 0
) -> Iterator[Event]:
    """Yield the events of tasks without end: each is received, started, and succeeds or fails.

    `at` tells the time of the event with a number, counted from 0. Other tasks need another `seed`.
    `first` is the number of the first task, by which it is named.
    """
    random, clock, tasks = Random(seed), count(), count(first)
    while True:
        some = [_task(random, names(next(tasks), random)) for _ in range(AT_ONCE)]
        for step in (_received, _started, _ended):
            for task in some:
                told = step(task, random)
                number = next(clock)
                yield {
                    "uuid": task["uuid"],
                    "hostname": task["hostname"],
                    "pid": 4242,
                    "utcoffset": 0,
                    "clock": number + 1,
                    "timestamp": at(number),
                    **told,
                }


def steady(workers: int, types: int) -> Names:
    """Have all of the workers run all of the types."""

    def names(_number: int, random: Random) -> tuple[str, str]:
        return f"load{random.randrange(workers)}@box", f"shop.tasks.t{random.randrange(types):03}"

    return names


def moving(workers: int, types: int) -> Names:
    """Have workers and types come and go, until all had their turn, and again."""

    def names(number: int, random: Random) -> tuple[str, str]:
        first = number // TASKS_EACH
        worker = (first + random.randrange(ACTIVE_WORKERS)) % workers
        kind = (first // 2 + random.randrange(ACTIVE_TYPES)) % types
        return f"load{worker}@box", f"shop.tasks.t{kind:03}"

    return names


def _task(random: Random, names: tuple[str, str]) -> Event:
    uuid = str(UUID(int=random.getrandbits(128), version=4))
    return {"uuid": uuid, "hostname": names[0], "name": names[1]}


def _received(task: Event, random: Random) -> Event:
    return {
        "type": "task-received",
        "name": task["name"],
        "args": f"('{'x' * random.randrange(120)}', {random.randrange(10_000)})",
        "kwargs": f"{{'user': {random.randrange(100_000)}, 'flag': True}}",
        "root_id": task["uuid"],
        "parent_id": None,
        "retries": 0,
        "eta": None,
        "expires": None,
    }


def _started(task: Event, random: Random) -> Event:
    del task, random
    return {"type": "task-started"}


def _ended(task: Event, random: Random) -> Event:
    del task
    if random.random() < FAIL:
        fault = "ValueError('bad input')"
        return {"type": "task-failed", "exception": fault, "traceback": TRACEBACK}
    result, runtime = str(random.randrange(10**6)), random.expovariate(8)
    return {"type": "task-succeeded", "result": result, "runtime": runtime}


def beats(hostnames: list[str]) -> list[Event]:
    """Return a heartbeat of each worker."""
    fields = {"freq": 2.0, "active": 1, "processed": 1, "loadavg": [0.1, 0.2, 0.3], "clock": 1}
    ident = {"sw_ident": "py-celery", "sw_ver": "5.6.0", "sw_sys": "Linux", "utcoffset": 0}
    return [
        {"type": "worker-heartbeat", "hostname": hostname, "pid": 4242}
        | {"timestamp": time.time(), **fields, **ident}
        for hostname in hostnames
    ]


def messages(source: Iterator[Event], batch: int) -> Iterator[tuple[Any, str]]:
    """Yield bodies and routing keys; a batch is a list, as workers send it."""
    while True:
        if batch > 1:
            yield list(islice(source, batch)), "task.multi"
        else:
            event = next(source)
            yield event, event["type"].replace("-", ".", 1)


def main() -> None:
    """Send, and say what was sent."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, default=6000, help="events a second")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--batch", type=int, default=1, help="events a message")
    parser.add_argument("--workers", type=int, default=20)
    parser.add_argument("--types", type=int, default=50)
    parser.add_argument("--seed", type=int, default=7, help="other tasks need another")
    parser.add_argument("--first", type=int, default=0, help="number of the first task, for names")
    parser.add_argument("--ahead", action="store_true", help="make all before sending")
    parser.add_argument("--moving", action="store_true", help="workers and types come and go")
    asked = parser.parse_args()
    with wire(asked.url) as line:
        if not asked.moving:
            for beat in beats([f"load{number}@box" for number in range(asked.workers)]):
                line.write(line.pack(beat, "worker.heartbeat"))
        told = sent(line, asked)
    print(json.dumps(told))


def sent(line: Wire, asked: Namespace) -> dict[str, float]:
    """Send at the rate asked for, and return what was sent."""
    source, starts_at = ahead(line, asked) if asked.ahead else (packed(line, asked, _now), 0.0)
    time.sleep(max(0.0, starts_at - time.time()))
    print("begun", flush=True)
    number, late_s, began = 0, 0.0, time.monotonic()
    while (spent_s := time.monotonic() - began) < asked.seconds:
        due = int(spent_s * asked.rate - number)
        if due < asked.batch:
            time.sleep(0.002)
            continue
        late_s = max(late_s, due / asked.rate)
        some = list(islice(source, min(due, max(MOST, asked.batch)) // asked.batch))
        line.write(b"".join(some))
        number += len(some) * asked.batch
    late_s = max(late_s, spent_s - asked.seconds)
    return {"sent": number, "seconds": round(spent_s, 2), "late_s": round(late_s, 3)}


def packed(line: Wire, asked: Namespace, at: Callable[[int], float]) -> Iterator[bytes]:
    """Yield messages without end, ready to be written."""
    names = (moving if asked.moving else steady)(asked.workers, asked.types)
    for body, key in messages(events(names, at, asked.seed, asked.first), asked.batch):
        yield line.pack(body, key)


def ahead(line: Wire, asked: Namespace) -> tuple[Iterator[bytes], float]:
    """Return all that will be sent, made by now, and the UTC time of the first."""
    began, tried = time.monotonic(), TRIED // asked.batch
    for _ in islice(packed(line, asked, _now), tried):
        pass
    number = int(asked.rate * asked.seconds) // asked.batch + 1
    starts_at = time.time() + LEEWAY * (time.monotonic() - began) / tried * number
    source = packed(line, asked, lambda event: starts_at + event / asked.rate)
    return iter(list(islice(source, number))), starts_at


def _now(_number: int) -> float:
    return time.time()


if __name__ == "__main__":
    main()
