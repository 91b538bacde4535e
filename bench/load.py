"""Open-loop load: sends a cluster's events to a broker at a fixed rate, whoever keeps up or not.

As a script it sends and prints one line of JSON: events sent, seconds, and how late it was at most.
The events of 64 tasks at a time are interleaved, as those of a cluster that runs them.
"""

import base64
import json
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import count, islice
from random import Random
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

Event = dict[str, Any]
#: Sends bodies with their routing keys.
Send = Callable[[Sequence[tuple[Any, str]]], None]

EXCHANGE = "celeryev"
AT_ONCE = 64
FAIL = 0.03
#: Events sent in one go when it is behind.
MOST = 2000
TRACEBACK = "\n".join(
    ["Traceback (most recent call last):", *['  File "/app/tasks.py", line 10, in run'] * 8]
)


def events(workers: int, types: int) -> Iterator[Event]:
    """Yield the events of tasks without end: each is received, started, and succeeds or fails."""
    random, clock = Random(7), count(1)
    while True:
        tasks = [_task(random, workers, types) for _ in range(AT_ONCE)]
        for step in (_received, _started, _ended):
            for task in tasks:
                told = step(task, random)
                yield {
                    "uuid": task["uuid"],
                    "hostname": task["hostname"],
                    "pid": 4242,
                    "utcoffset": 0,
                    "clock": next(clock),
                    "timestamp": time.time(),
                    **told,
                }


def _task(random: Random, workers: int, types: int) -> Event:
    uuid = str(UUID(int=random.getrandbits(128), version=4))
    host = f"load{random.randrange(workers)}@box"
    return {"uuid": uuid, "hostname": host, "name": f"shop.tasks.t{random.randrange(types):03}"}


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


def beats(workers: int) -> list[Event]:
    """Return a heartbeat of each worker."""
    fields = {"freq": 2.0, "active": 1, "processed": 1, "loadavg": [0.1, 0.2, 0.3], "clock": 1}
    ident = {"sw_ident": "py-celery", "sw_ver": "5.6.0", "sw_sys": "Linux", "utcoffset": 0}
    return [
        {"type": "worker-heartbeat", "hostname": f"load{number}@box", "pid": 4242}
        | {"timestamp": time.time(), **fields, **ident}
        for number in range(workers)
    ]


def messages(source: Iterator[Event], batch: int) -> Iterator[tuple[Any, str]]:
    """Yield bodies and routing keys; a batch is a list, as workers send it."""
    while True:
        if batch > 1:
            yield list(islice(source, batch)), "task.multi"
        else:
            event = next(source)
            yield event, event["type"].replace("-", ".", 1)


def publisher(url: str) -> AbstractContextManager[Send]:
    """Lend what sends messages to the broker, as Kombu would wrap them."""
    return _to_redis(url) if url.startswith("redis") else _to_rabbit(url)


@contextmanager
def _to_redis(url: str) -> Iterator[Send]:
    from redis import Redis  # noqa: PLC0415 - only one of the two is needed

    redis = Redis.from_url(url)
    database = urlsplit(url).path.strip("/") or "0"

    def send(some: Sequence[tuple[Any, str]]) -> None:
        pipe = redis.pipeline(transaction=False)
        for body, key in some:
            pipe.publish(f"/{database}.{EXCHANGE}/{key}", _envelope(body, key))
        pipe.execute()

    yield send


def _envelope(body: Any, key: str) -> str:
    properties = {
        "delivery_mode": 1,
        "delivery_info": {"exchange": EXCHANGE, "routing_key": key},
        "body_encoding": "base64",
        "delivery_tag": str(uuid4()),
    }
    packed = base64.b64encode(json.dumps(body).encode()).decode()
    kinds = {"content-encoding": "utf-8", "content-type": "application/json"}
    return json.dumps({"body": packed, **kinds, "headers": {}, "properties": properties})


@contextmanager
def _to_rabbit(url: str) -> Iterator[Send]:
    import amqp  # type: ignore[import-untyped] # noqa: PLC0415 - only one of the two is needed

    place = urlsplit(url)
    connection = amqp.Connection(f"{place.hostname}:{place.port}", place.username, place.password)
    connection.connect()
    channel = connection.channel()
    channel.exchange_declare(EXCHANGE, "topic", durable=True, auto_delete=False)

    def send(some: Sequence[tuple[Any, str]]) -> None:
        for body, key in some:
            message = amqp.Message(json.dumps(body), content_type="application/json")
            message.properties["content_encoding"] = "utf-8"
            channel.basic_publish(message, EXCHANGE, key)

    yield send
    connection.close()  # waits until the broker has read all


def main() -> None:
    """Send, and say what was sent."""
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--rate", type=float, default=6000, help="events a second")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--batch", type=int, default=1, help="events a message")
    parser.add_argument("--workers", type=int, default=20)
    parser.add_argument("--types", type=int, default=50)
    asked = parser.parse_args()
    with publisher(asked.url) as send:
        send([(beat, "worker.heartbeat") for beat in beats(asked.workers)])
        print(json.dumps(sent(send, asked)))


def sent(send: Send, asked: Namespace) -> dict[str, float]:
    """Send at the rate asked for, and return what was sent."""
    source = messages(events(asked.workers, asked.types), asked.batch)
    number, late_s, began = 0, 0.0, time.monotonic()
    while (spent_s := time.monotonic() - began) < asked.seconds:
        due = int(spent_s * asked.rate - number)
        if due < asked.batch:
            time.sleep(0.002)
            continue
        late_s = max(late_s, due / asked.rate)
        some = list(islice(source, min(due, MOST) // asked.batch))
        send(some)
        number += len(some) * asked.batch
    return {"sent": number, "seconds": round(spent_s, 2), "late_s": round(late_s, 3)}


if __name__ == "__main__":
    main()
