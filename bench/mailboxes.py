"""Simulated workers: one process that sends the heartbeats of thousands and answers for them all.

Commands come and replies go through the broker as those of workers do; only that workers would
answer at the same time, and this process one by one. It prints `begun`, and goes on until ended.
"""

import argparse
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kombu import Connection, Producer
from kombu.pidbox import Mailbox

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.load import beats
from bench.wires import wire

#: Between two heartbeats of a worker.
EVERY_S = 2.0
#: Parts in which the heartbeats of all are sent.
PARTS = 40
QUEUES = ("default", "mail", "media", "billing", "slow")


def hostnames(workers: int) -> list[str]:
    """Return the names of the workers."""
    return [f"celery@node-{number:04}" for number in range(workers)]


def reply(command: str, number: int) -> Any:
    """Return what the worker with this number says."""
    name, routing = QUEUES[number % len(QUEUES)], {"routing_key": "", "no_ack": False}
    exchange = {"name": "", "type": "direct", "durable": True, "auto_delete": False}
    told: dict[str, Any] = {
        "stats": {
            "total": {f"shop.tasks.t{kind:03}": 1000 + number for kind in range(20)},
            "pid": 4242,
            "clock": str(number),
            "uptime": 86_400 + number,
            "pool": {
                "implementation": "celery.concurrency.prefork:TaskPool",
                "max-concurrency": 8,
                "processes": [4243 + child for child in range(8)],
                "max-tasks-per-child": "N/A",
                "timeouts": [0, 0],
            },
            "broker": {"hostname": "broker", "port": 6379, "transport": "redis", "heartbeat": 0},
            "prefetch_count": 32,
            "rusage": {"utime": 1.5, "stime": 0.5, "maxrss": 90_000 + number},
        },
        "active_queues": [{"name": name, "exchange": exchange, **routing}],
        "registered": [f"shop.tasks.t{kind:03}" for kind in range(50)],
        "conf": {f"setting_{index}": f"value of {index}" for index in range(60)},
        "active": [],
        "reserved": [],
        "scheduled": [],
        "revoked": [],
    }
    return told.get(command, {"ok": "pong"})


def beating(url: str, workers: int, ended: threading.Event) -> None:
    """Send heartbeats until the end, evenly."""
    names = hostnames(workers)
    with wire(url) as line:
        for part in turns():
            some = (line.pack(beat, "worker.heartbeat") for beat in beats(names[part::PARTS]))
            line.write(b"".join(some))
            if ended.wait(EVERY_S / PARTS):
                return


def turns() -> Iterator[int]:
    """Yield the parts in turn, without end."""
    while True:
        yield from range(PARTS)


def answering(url: str, workers: int) -> None:
    """Answer each command for those whom it asks, until the process is ended."""
    names = hostnames(workers)
    numbers = {name: number for number, name in enumerate(names)}
    with Connection(url) as connection:
        channel = connection.channel()
        producer = Producer(channel, auto_declare=False)

        def answer(body: dict[str, Any], _message: Any) -> None:
            if not body.get("reply_to"):
                return
            began, asked = time.monotonic(), body.get("destination") or names
            for name in asked:
                if name in numbers:
                    producer.publish(
                        {name: reply(body["method"], numbers[name])},
                        exchange=body["reply_to"]["exchange"],
                        routing_key=body["reply_to"]["routing_key"],
                        headers={"ticket": body["ticket"], "clock": 1},
                        serializer="json",
                        delivery_mode=1,
                    )
            spent_s = time.monotonic() - began
            print(f"{body['method']}: {len(asked)} replies in {spent_s:.1f} s", flush=True)

        mailbox: Any = Mailbox("celery", type="fanout", accept=["json"])(connection)
        node = mailbox.Node("all@box")
        with node.Consumer(channel=channel, callbacks=[answer], no_ack=True, accept=["json"]):
            print("begun", flush=True)
            while True:
                connection.drain_events()


def main() -> None:
    """Be the workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--workers", type=int, default=5000)
    asked = parser.parse_args()
    ended = threading.Event()
    threading.Thread(target=beating, args=(asked.url, asked.workers, ended), daemon=True).start()
    answering(asked.url, asked.workers)


if __name__ == "__main__":
    main()
