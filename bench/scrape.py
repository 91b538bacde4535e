"""Measures /metrics: what a scrape costs, for how long it holds the loop, how much memory it takes.

    python bench/scrape.py

Each worker's tasks of each type were received, started and succeeded. Times are of the processor,
so that other load hardly counts; a scrape is asked for by another process, over HTTP.
"""

import asyncio
import gc
import sys
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from celery import Celery
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.held import Held
from flower_ng.app import Flower
from flower_ng.changes import Change
from flower_ng.cli.serving import spare_collections
from flower_ng.event_record import Event
from flower_ng.metrics import PrometheusMetrics
from flower_ng.records import Task, Worker
from flower_ng.settings import Settings

SIZES = ((200, 50), (2000, 5), (600, 50))  # the last is past the bound of 20,000 pairs
SCRAPES = 5
EVENTS = 200_000
ENDED = ("succeeded", "SUCCESS")
CLIENT = """\
import http.client, sys
port, *coding = sys.argv[1:]
connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
connection.request("GET", "/metrics", headers={"Accept-Encoding": coding[0]} if coding else {})
answer = connection.getresponse()
size = 0
while piece := answer.read(65536):
    size += len(piece)
connection.close()
print(answer.status, size)
"""


@dataclass(frozen=True, slots=True)
class Scraped:
    """A dashboard that listens on `port`, and the events' side of its metrics."""

    metrics: PrometheusMetrics
    port: int

    async def scrape(self, *coding: str) -> int:
        """Have another process ask; return the size of the answer in bytes."""
        command = [sys.executable, "-c", CLIENT, str(self.port), *coding]
        client = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        out, _ = await client.communicate()
        status, size = map(int, out.split())
        if status != 200:  # noqa: PLR2004 - OK
            sys.exit(f"/metrics answered {status}")
        return size


def changes(workers: int, types: int) -> Iterator[Change]:
    """Yield what the state makes of three events of a task of each pair."""
    now = time.time()
    for number in range(workers):
        box = Worker(
            f"worker{number}@host{number // 8}", freq=60.0, heartbeats=(now,), heard_at=now
        )
        yield Change(Event("worker-heartbeat", box.hostname, now, active=3), None, box)
        for kind in range(types):
            about = {"name": f"shop.tasks.number_{kind}", "received": now - 1, "worker": box}
            for event, state in (("received", "RECEIVED"), ("started", "STARTED"), ENDED):
                task = Task(f"{number}-{kind}", state=state, started=now - 0.5, **about)
                runtime = 0.3 + kind / 7 if (event, state) == ENDED else None
                event_of = Event(
                    f"task-{event}", box.hostname, now, uuid=task.uuid, runtime=runtime
                )
                yield Change(event_of, task, box)


async def row(workers: int, types: int) -> str:
    """Return the figures of one size."""
    flower = Flower(Celery(broker="memory://", set_as_current=False), Settings())
    socket, port = bind_unused_port()
    server = HTTPServer(flower.site)
    server.add_sockets([socket])
    scraped = Scraped(flower.cluster.metrics, port)
    for change in changes(workers, types):
        scraped.metrics.observe(change)
    spare_collections()  # Python's own stops are not the scrape's
    size = await scraped.scrape()
    packed = await scraped.scrape("gzip")
    figures = [await cpu_ms(scraped.scrape), await cpu_ms(lambda: scraped.scrape("gzip"))]
    figures += [await held_ms(scraped.scrape), await held_ms(lambda: scraped.scrape("gzip"))]
    memory = await memory_bytes(scraped.scrape)
    server.stop()
    await server.close_all_connections()
    row = f"{workers:7} {types:5} {scraped.metrics.pairs.count:6} "
    row += f"{size / 1e6:6.1f} {packed / 1e6:5.1f}"
    return row + "".join(f"{one:8.1f}" for one in figures) + f"{memory / size:8.2f}"


async def cpu_ms(scrape: Callable[[], Awaitable[int]]) -> float:
    """Return the median of what the loop's thread works for a scrape."""
    took = []
    for _ in range(SCRAPES):
        began = time.thread_time()
        await scrape()
        took.append(time.thread_time() - began)
    return 1000 * median(took)


async def held_ms(scrape: Callable[[], Awaitable[int]]) -> float:
    """Return the longest that a scrape holds the loop."""
    held = 0.0
    for _ in range(SCRAPES):
        turns = Held()
        await scrape()
        held = max(held, turns.stop())
    return 1000 * held


async def memory_bytes(scrape: Callable[[], Awaitable[int]]) -> int:
    """Return how much more memory there is in use at some time of a scrape."""
    gc.collect()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    await scrape()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most - before


def event_us() -> float:
    """Return what an event costs the metrics while nobody scrapes, when all its series exist."""
    metrics, made = PrometheusMetrics(), list(changes(20, 50))
    for change in made:
        metrics.observe(change)
    rounds = EVENTS // len(made)
    began = time.thread_time()
    for _ in range(rounds):
        for change in made:
            metrics.observe(change)
    return 1e6 * (time.thread_time() - began) / (rounds * len(made))


async def main() -> None:
    """Print the table."""
    print("                            MB           CPU, ms     held, ms       memory")
    print("workers types  pairs   text  gzip    text    gzip    text    gzip   / text")
    for workers, types in SIZES:
        print(await row(workers, types))
    print(f"An event costs {event_us():.2f} µs while nobody scrapes")


if __name__ == "__main__":
    asyncio.run(main())
