"""A simulated fleet: real events and real answers of many workers, sent by one thread of the test.

Twenty real workers would need more than a test's machine has. What they send and how they answer
is Celery's own; that they run nothing is what is simulated. A clock of its own leaps, so that
hours pass.
"""

import http.server
import json
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from celery import Celery

from tests.leap import set_ahead

if TYPE_CHECKING:
    from kombu import Connection

#: Seconds by the fleet's clock between two heartbeats that a worker promises.
FREQ_S = 20.0
#: Real seconds between two heartbeats, and between two looks at what is asked.
BEAT_S, DRAIN_S = 2.0, 0.05
TASK = "tests.shop.add"
NOBODYS = "nobodys"


class Clock:
    """A clock file for tests.leap, which is ahead of ours by what it has leapt."""

    def __init__(self, path: Path) -> None:
        self.path = path
        set_ahead(path, 0.0)

    def now(self) -> float:
        return time.time() + self.path.stat().st_mtime

    def leap(self, seconds: float) -> None:
        set_ahead(self.path, self.path.stat().st_mtime + seconds)


class Simulated:
    """One simulated worker: what it says, and what it answers."""

    def __init__(self, fleet: "Fleet", name: str, pid: int) -> None:
        self.name, self.pid, self._fleet = name, pid, fleet
        self._began_at, self._done = fleet.clock.now(), 0
        self._dispatcher = fleet.app.events.Dispatcher(
            fleet.connection, hostname=name, enabled=False
        )
        self._dispatcher.pid = pid
        self._dispatcher.enable()
        self._channel = fleet.connection.channel()
        node = fleet.mailbox.Node(name, channel=self._channel)
        node.handlers = {
            **{one: self._answering(one) for one in self._replies()},
            **dict.fromkeys(("enable_events", "heartbeat"), lambda _state, **_: None),
        }
        self._consumer = node.listen()
        self.say("worker-online")

    def say(self, kind: str, **fields: Any) -> None:
        about = {"freq": FREQ_S, "active": 0, "processed": self._done, "loadavg": [0.5, 0.5, 0.5]}
        known = {"sw_ident": "py-celery", "sw_ver": "5.5.0", "sw_sys": "Linux"}
        more = {**about, **known} if kind.startswith("worker-") else {}
        self._dispatcher.send(kind, timestamp=self._fleet.clock.now(), **more, **fields)
        self._fleet.said += 1

    def beat(self) -> None:
        self.say("worker-heartbeat")

    def work(self) -> None:
        """Run a task to its end."""
        uuid = str(uuid4())
        self.say("task-received", uuid=uuid, name=TASK, args="(1, 2)", kwargs="{}")
        self.say("task-started", uuid=uuid)
        self.say("task-succeeded", uuid=uuid, result="3", runtime=0.1)
        self._done += 1

    def leave(self) -> None:
        """Stop cleanly, as a worker does that is told to."""
        self.say("worker-offline")
        self.vanish()

    def vanish(self) -> None:
        """Say nothing any more, as a worker that was killed."""
        self._consumer.cancel()
        self._channel.close()
        self._dispatcher.close()

    def _answering(self, method: str) -> Callable[..., Any]:
        return lambda _state, **_arguments: self._replies()[method]

    def _replies(self) -> dict[str, Any]:
        pool = {
            "implementation": "celery.concurrency.prefork:TaskPool",
            "max-concurrency": 2,
            "processes": [self.pid + 1, self.pid + 2],
        }
        age_s = int(self._fleet.clock.now() - self._began_at)
        stats = {"pid": self.pid, "pool": pool, "total": {TASK: self._done}, "uptime": age_s}
        return {
            "ping": {"ok": "pong"},
            "stats": {**stats, "rusage": {"maxrss": 50_000}},
            "active_queues": [{"name": "celery"}],
            "registered": [TASK],
            "conf": {"task_default_queue": "celery"},
            **{method: [] for method in ("active", "reserved", "scheduled", "revoked")},
        }


class Fleet(threading.Thread):
    """So many simulated workers; what `do` is given happens on its thread."""

    def __init__(self, url: str, clock: Clock, workers: int = 20) -> None:
        super().__init__(name="fleet", daemon=True)
        self.clock = clock
        self.app = Celery("fleet", broker=url, set_as_current=False)
        self.names = [f"w{number}@box" for number in range(workers)]
        self.workers: dict[str, Simulated] = {}
        self._todo: list[tuple[Callable[[], None], threading.Event]] = []
        self._ended = threading.Event()
        self.fault, self.said = "", 0
        self._pids = iter(range(1000, 1_000_000, 10))
        self.connection: Connection
        self.mailbox: Any

    @property
    def running(self) -> set[str]:
        return set(self.workers)

    def do(self, action: Callable[[], None]) -> None:
        """Have something done, and wait until it is."""
        done = threading.Event()
        self._todo.append((action, done))
        assert done.wait(30), f"the fleet ended: {self.fault}"

    def start_one(self, name: str) -> None:
        self.do(lambda: self._start_one(name))

    def stop_one(self, name: str) -> None:
        self.do(lambda: self.workers.pop(name).leave())

    def kill_one(self, name: str) -> None:
        self.do(lambda: self.workers.pop(name).vanish())

    def misroute(self) -> None:
        """Send a task to a queue that nobody consumes from, and tell of it by the fleet's clock."""
        sent = self.app.send_task(TASK, (1, 2), queue=NOBODYS, connection=self.connection)
        with self.app.events.Dispatcher(self.connection, hostname="client@box") as dispatcher:
            about = {"uuid": sent.id, "name": TASK, "queue": NOBODYS, "retries": 0}
            dispatcher.send("task-sent", timestamp=self.clock.now(), **about)

    def leap(self, seconds: float) -> int:
        """Have the clock leap and everyone beat; return how many events that made."""
        before = self.said

        def leap_and_beat() -> None:
            self.clock.leap(seconds)
            self._beat()

        self.do(leap_and_beat)
        return self.said - before

    def purge_misrouted(self) -> None:
        with self.connection.channel() as channel:
            channel.queue_purge(NOBODYS)

    def _start_one(self, name: str) -> None:
        self.workers[name] = Simulated(self, name, next(self._pids))

    def run(self) -> None:
        try:
            self._go_on()
        except Exception:
            self.fault = traceback.format_exc()
            raise

    def _go_on(self) -> None:
        with self.app.connection() as self.connection:
            self.mailbox = self.app.control.mailbox(self.connection)
            for name in self.names:
                self._start_one(name)
            beat_at = 0.0
            while not self._ended.is_set():
                while self._todo:
                    action, done = self._todo.pop(0)
                    action()
                    done.set()
                if time.monotonic() - beat_at > BEAT_S:
                    beat_at = time.monotonic()
                    self._beat()
                self._answer()

    def _beat(self) -> None:
        """Everyone beats, and a quarter works."""
        for number, worker in enumerate(self.workers.values()):
            worker.beat()
            if number % 4 == 0:
                worker.work()

    def _answer(self) -> None:
        end = time.monotonic() + DRAIN_S
        while (left_s := end - time.monotonic()) > 0:
            try:
                self.connection.drain_events(timeout=left_s)
            except TimeoutError:
                return

    def end(self) -> None:
        self._ended.set()
        self.join(10)


class Hook(http.server.ThreadingHTTPServer):
    """A webhook's receiver; `got` is what was posted."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Posted)
        self.got: list[dict[str, Any]] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class _Posted(http.server.BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.got.append(json.loads(self.rfile.read(length)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_arguments: object) -> None:
        """Keep it to itself."""
