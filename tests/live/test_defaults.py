"""Real conditions under default thresholds, all at once: what takes minutes, in a quarter hour.

Rules that need an hour or more of history are not among them: those of test_leaps.py.
"""

import json
import os
import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection, Queue
from redis import Redis as Client

from tests.leap import set_ahead
from tests.live.watching import NAPS, Watched
from tests.services import Dashboard, Process, Rabbit, Redis, Worker, free_port, python

pytestmark = [pytest.mark.live, pytest.mark.soak, pytest.mark.timeout(1800)]

#: Every problem must be raised, and cleared after its end, within this time beyond its threshold:
#: the hold time, some inspections or looks at the history, and the patience of a busy machine.
SLACK_S = 300.0
LIMIT_S = 300
SCHEDULE = {"beat_schedule": {"tick": {"task": "tests.shop.add", "args": [1, 1], "schedule": 60}}}


def nothing() -> None:
    """Leave it: it ends by itself."""


@dataclass(slots=True)
class Condition:
    """One rule's condition. `least_s` is how long it must last before it may be told.

    `again` is done with each look until it is told; it is over at most `ends_s` after `undo`.
    """

    watched: Watched
    rule: str
    subject: str = ""
    least_s: float = 0.0
    make: Callable[[], Any] = nothing
    undo: Callable[[], Any] = nothing
    again: Callable[[], Any] = nothing
    ends_s: float = 0.0
    made_at: float = field(default=0.0, init=False)
    raised_at: float = field(default=0.0, init=False)
    cleared_at: float = field(default=0.0, init=False)

    def begin(self) -> None:
        self.made_at = time.time()
        self.make()

    def look(self) -> None:
        if not self.raised_at:
            self.again()
            problem = self.watched.told(self.rule, self.subject)
            if problem:
                self.raised_at = problem["raised"]
                self.undo()
        elif not self.watched.told(self.rule, self.subject):
            past = self.watched.told(self.rule, self.subject, key="past")
            self.cleared_at = past["cleared"] if past else 0.0

    @property
    def is_over(self) -> bool:
        return bool(self.cleared_at)

    @property
    def outcome(self) -> str:
        raised, cleared = self.raised_at - self.made_at, self.cleared_at - self.raised_at
        told = f"raised after {raised:.0f} s" if self.raised_at else "NOT RAISED"
        over = f"cleared after {cleared:.0f} s" if self.cleared_at else "NOT CLEARED"
        return f"{self.rule:20} {self.subject:32} least {self.least_s:.0f} s: {told}, {over}"

    @property
    def is_right(self) -> bool:
        """Whether it was told, not too early nor too late."""
        in_time = self.least_s <= self.raised_at - self.made_at <= self.least_s + SLACK_S
        return in_time and 0 < self.cleared_at - self.raised_at <= self.ends_s + SLACK_S


class Yard:
    """Where conditions are made: starts what they need, and ends all of it."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack

    def broker(self) -> Redis:
        folder = self.folder / str(free_port())
        folder.mkdir()
        return self._started(Redis(folder))

    def worker(self, broker: Redis, name: str, *options: str, **about: Any) -> Worker:
        options = (*(options or ("-c", "2")), "-Q", name) if "-Q" not in options else options
        conf, more = about.pop("conf", {}), about.pop("more", "")
        env = {"SHOP_CONF": json.dumps(conf), "SHOP_MORE": more}
        return self._started(
            Worker(self.folder, broker.url, broker.url, name, options, env, **about)
        )

    def watched(self, url: str, *options: str, conf: Any = None) -> Watched:
        env = {"SHOP_CONF": json.dumps(conf or {})}
        backend = "" if url.startswith("amqp") else url
        return Watched(self._started(Dashboard(self.folder, url, backend, options, env)))

    def beat(self, broker: Redis) -> Process:
        beat = Process(self.folder / "beat.log")
        self.stack.callback(beat.stop)
        command = [*python(None), "celery", "-A", "tests.shop", "beat"]
        beat.spawn(
            [*command, "-s", str(self.folder / "schedule")],
            {"SHOP_BROKER": broker.url, "SHOP_CONF": json.dumps(SCHEDULE)},
        )
        return beat

    def clock(self, ahead_s: float) -> Path:
        clock = self.folder / f"clock{free_port()}"
        set_ahead(clock, ahead_s)
        return clock

    def _started(self, service: Any) -> Any:
        self.stack.callback(service.kill)
        return service.start()


def ask(broker: Redis, *words: Any) -> Any:
    with Client.from_url(broker.url) as client:
        return client.execute_command(*words)


def of_workers(yard: Yard) -> Iterator[Condition]:
    broker = yard.broker()
    watched = yard.watched(broker.url, conf=SCHEDULE)
    yield Condition(
        watched, "schedule-overdue", "tick", 360, undo=partial(yard.beat, broker), ends_s=120
    )

    silent = yard.worker(broker, "silent")
    stop, go_on = (partial(silent.signal, one) for one in (signal.SIGSTOP, signal.SIGCONT))
    yield Condition(watched, "worker-silent", silent.hostname, 60, make=stop, undo=go_on)

    killed = yard.worker(broker, "killed")
    watched.starts(lost := watched.nap(3000, queue="killed"))
    yield Condition(
        watched,
        "worker-gone",
        killed.hostname,
        make=killed.kill,
        undo=partial(yard.worker, broker, "killed"),
    )
    forget = partial(watched.dashboard.post, f"/api/task/forget/{lost}")
    yield Condition(watched, "task-unclaimed", NAPS, LIMIT_S, undo=forget)

    deaf = yard.worker(broker, "deaf", conf={"worker_enable_remote_control": False})

    def replace() -> None:
        deaf.kill()
        yard.worker(broker, "deaf")

    yield Condition(watched, "worker-unanswering", deaf.hostname, 180, undo=replace)

    mute = yard.worker(broker, "mute", "-c", "1", "--without-heartbeat")

    def give_it_a_heart() -> None:
        mute.kill()
        yard.worker(broker, "mute")

    yield Condition(watched, "worker-eventless", mute.hostname, 180, undo=give_it_a_heart)

    early = yard.clock(20.0)
    ahead = yard.worker(broker, "ahead", clock=early)
    yield Condition(watched, "worker-clock", ahead.hostname, undo=partial(set_ahead, early, 0.0))

    twin, other = (yard.worker(broker, "twin") for _ in range(2))
    yield Condition(watched, "workers-twins", twin.hostname, undo=other.kill)

    yield from of_a_team(yard, broker, watched)
    yield from of_tasks(yard, broker, watched)


def of_a_team(yard: Yard, broker: Redis, watched: Watched) -> Iterator[Condition]:
    """Two workers of one queue: one hoards what the other could do, and they differ."""
    hoarder = yard.worker(broker, "hoard", "-c", "1", "--prefetch-multiplier=4", "-Q", "hoard")
    watched.starts(watched.nap(400, queue="hoard"))
    watched.reaches(watched.nap(0, queue="hoard"), "RECEIVED")
    idle = yard.worker(broker, "idle", "-c", "4", "-Q", "hoard", more="tests.shop.more")
    yield Condition(watched, "worker-hoards", hoarder.hostname, 300, ends_s=100)
    yield Condition(watched, "workers-differ", "hoard", 900, undo=idle.kill)


def of_tasks(yard: Yard, broker: Redis, watched: Watched) -> Iterator[Condition]:
    limited = yard.worker(broker, "limited", "-c", "1", conf={"task_time_limit": LIMIT_S})
    watched.starts(watched.nap(LIMIT_S - 1, queue=limited.name))
    yield Condition(watched, "task-near-limit", NAPS, 0.9 * LIMIT_S - 5, ends_s=30)

    churned = yard.worker(broker, "churned", "-c", "4")
    yield Condition(
        watched,
        "worker-churn",
        churned.hostname,
        again=partial(every(10), lambda: watched.send("crash", queue="churned")),
        undo=lambda: (churned.kill(), yard.worker(broker, "churned")),
    )

    yard.worker(broker, "flaky")

    def retry() -> None:
        for _ in range(10):
            watched.send("flaky", 3, queue="flaky")

    # Ten minutes must pass in which it is not retried.
    yield Condition(watched, "task-retrying", "tests.shop.flaky", make=retry, ends_s=630)
    yield from of_queues(broker, watched)


def of_queues(broker: Redis, watched: Watched) -> Iterator[Condition]:
    for queue, rule, least_s in (("nobodys", "queue-deserted", 60), ("old", "queue-old", 900)):
        make = partial(watched.nap, 0, queue=queue)
        undo = partial(ask, broker, "DEL", queue)
        yield Condition(watched, rule, queue, least_s, make=make, undo=undo)

    def lengthen() -> None:
        watched.nap(0, queue="long")
        (message,) = ask(broker, "LRANGE", "long", 0, 0)
        ask(broker, "LPUSH", "long", *[message] * 10_000)

    shorten = partial(ask, broker, "DEL", "long")
    yield Condition(watched, "queue-long", "long", make=lengthen, undo=shorten)
    yield Condition(
        watched,
        "queue-growing",
        "growing",
        900,
        make=partial(watched.nap, 0, queue="growing"),
        again=partial(every(5), lambda: [watched.nap(0, queue="growing") for _ in range(3)]),
        undo=partial(ask, broker, "DEL", "growing"),
    )


def every(seconds: float) -> Callable[[Callable[[], Any]], None]:
    """Return what calls something at most so often."""
    called = [0.0]

    def call(act: Callable[[], Any]) -> None:
        if time.monotonic() - called[0] >= seconds:
            called[0] = time.monotonic()
            act()

    return call


def of_redis(yard: Yard) -> Iterator[Condition]:
    full = yard.broker()
    watched = yard.watched(full.url)
    only = yard.worker(full, "only")
    watched.online(only.hostname)
    again = partial(yard.worker, full, "only")
    yield Condition(watched, "no-workers", "", 60, make=only.stop, undo=again)

    evicting = yard.broker()
    watched = yard.watched(evicting.url)
    used = int(ask(evicting, "INFO", "memory")["used_memory"])
    ask(evicting, "CONFIG", "SET", "maxmemory", int(used * 1.05))
    ask(evicting, "CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    more = partial(ask, evicting, "CONFIG", "SET", "maxmemory", "1gb")
    yield Condition(watched, "broker-memory", undo=more)
    keep = partial(ask, evicting, "CONFIG", "SET", "maxmemory-policy", "noeviction")
    yield Condition(watched, "broker-evicts", "", 60, undo=keep)

    blocked = yard.broker()
    full_up = partial(ask, blocked, "CONFIG", "SET", "maxmemory", "1mb")
    room = partial(ask, blocked, "CONFIG", "SET", "maxmemory", "0")
    yield Condition(yard.watched(blocked.url), "broker-blocks", "", 10, make=full_up, undo=room)

    replica = yard.broker()
    lose = partial(ask, replica, "REPLICAOF", "127.0.0.1", free_port())
    lead = partial(ask, replica, "REPLICAOF", "NO", "ONE")
    yield Condition(yard.watched(replica.url), "broker-replica", "", 60, make=lose, undo=lead)

    hung = yard.broker()
    stop, go_on = (partial(hung.signal, one) for one in (signal.SIGSTOP, signal.SIGCONT))
    watched = yard.watched(hung.url)
    yield Condition(watched, "broker-unanswering", "", 180, make=stop, undo=go_on)

    away = yard.broker()
    watched = yard.watched(away.url)
    yield Condition(watched, "events-away", "", 30, make=away.kill, undo=away.start)


def of_us(yard: Yard) -> Iterator[Condition]:
    """Events that are late, and a disk that is full."""
    broker, behind = yard.broker(), yard.clock(-60.0)
    watched = yard.watched(broker.url, "--persistent", f"--db={yard.folder / 'history'}")
    yard.worker(broker, "behind", clock=behind)
    yield Condition(watched, "events-late", undo=partial(set_ahead, behind, 0.0))

    pid = watched.dashboard.pid
    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
    may_grow_to = partial(resource.prlimit, pid, resource.RLIMIT_FSIZE)
    yield Condition(
        watched,
        "store-failing",
        "",
        30,
        make=lambda: may_grow_to((20_000, hard)),
        undo=lambda: may_grow_to((hard, hard)),
    )


def of_rabbit(yard: Yard, rabbit: Rabbit) -> Iterator[Condition]:
    watched = yard.watched(rabbit.url, f"--broker_api={rabbit.management_url}")
    high = partial(rabbit.control, "set_vm_memory_high_watermark")
    node = f"t{rabbit.port}@localhost"
    calm = partial(high, "0.4")
    yield Condition(watched, "broker-blocks", "", 10, make=partial(high, "0.00001"), undo=calm)
    free = os.statvfs(rabbit.folder)
    limit = int(free.f_bavail * free.f_frsize / 1.25)
    disk = partial(rabbit.control, "set_disk_free_limit")
    short, enough = partial(disk, str(limit)), partial(disk, "50MB")
    yield Condition(watched, "broker-disk", node, make=short, undo=enough)

    name = "gone@box.celery.pidbox"

    def leave() -> None:
        with Connection(rabbit.url) as connection, connection.channel() as channel:
            Queue(name, durable=False, auto_delete=False, channel=channel).declare()

    def delete() -> None:
        with Connection(rabbit.url) as connection, connection.channel() as channel:
            Queue(name, channel=channel).delete()

    yield Condition(watched, "broker-stale", make=leave, undo=delete)


def test_problems_are_told_and_cleared_in_time_by_default_thresholds(rabbit, tmp_path):
    with ExitStack() as stack:
        yard = Yard(tmp_path, stack)
        conditions: list[Condition] = []
        for kind in (of_us(yard), of_redis(yard), of_rabbit(yard, rabbit), of_workers(yard)):
            for condition in kind:
                condition.begin()
                conditions.append(condition)
        end = time.monotonic() + 900 + 2 * SLACK_S
        while time.monotonic() < end and not all(one.is_over for one in conditions):
            for condition in conditions:
                if not condition.is_over:
                    condition.look()
            time.sleep(1)

    print(*sorted(one.outcome for one in conditions), sep="\n")  # noqa: T201 - what `make soak` tells
    assert [one.outcome for one in conditions if not one.is_right] == []
