"""A broker that froze, and of which nobody knows it yet: no worker is called offline for it."""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from tests.faults.freezing import frozen
from tests.services import Dashboard, Rabbit, Redis, Worker, wait_until

pytestmark = pytest.mark.live

#: A heartbeat each second: two seconds of silence make a worker silent.
BEATS = ("-P", "threads", "--heartbeat-interval=1")
#: How long it may take to notice that the broker is frozen, in seconds.
NOTICED_S = {"redis": 15.0, "rabbitmq": 30.0}
UNNOTICED_S = 6.0
ONLINE = re.compile(r'^flower_worker_online\{worker="([^"]+)"\} ([0-9.]+)', re.MULTILINE)


@dataclass(slots=True)
class Watch:
    """Reads what the dashboard says of two workers, everywhere; `lies` is what was wrong."""

    dashboard: Dashboard
    lies: set[str] = field(default_factory=set)

    @property
    def is_connected(self) -> bool:
        return bool(self.dashboard.get("/api/connection")["connected"])

    def look(self) -> None:
        """Look once at each surface."""
        statuses = self.dashboard.get("/api/workers", status="true")
        gauges = dict(ONLINE.findall(self.dashboard.ask("/metrics").text))
        workers = self.dashboard.get("/api/overview")["workers"]
        wrong = {
            f"/api/workers: {statuses}": list(statuses.values()) != [True, True],
            f"/metrics: {gauges}": list(map(float, gauges.values())) != [1, 1],
            "/workers: Silent": ">Silent<" in self.dashboard.ask("/workers").text,
            f"/api/overview: {workers}": workers["online"] not in {2, None} or workers["silent"],
        }
        self.lies |= {words for words, is_wrong in wrong.items() if is_wrong}

    def look_for(self, most_s: float) -> None:
        """Look again and again, while the dashboard takes its connection for alive."""
        end = time.monotonic() + most_s
        while self.is_connected and time.monotonic() < end:
            self.look()

    def is_fine(self) -> bool:
        """Whether all surfaces agree that both are online."""
        self.lies.clear()
        self.look()
        return not self.lies


@pytest.mark.faults
@pytest.mark.xdist_group("rabbit")
@pytest.mark.parametrize("kind", ["redis", "rabbitmq"])
def test_workers_are_as_they_were_while_a_frozen_broker_is_not_noticed_and_after(
    own_redis: Redis,
    request: pytest.FixtureRequest,
    kind: str,
    start_worker: Callable[..., Worker],
    start_dashboard: Callable[..., Dashboard],
) -> None:
    broker: Redis | Rabbit = own_redis if kind == "redis" else request.getfixturevalue("rabbit")
    workers = [start_worker(broker.url, name=f"frozen{n}", options=BEATS) for n in (1, 2)]
    watch = Watch(start_dashboard(broker.url))
    wait_until(watch.is_fine, 30, "both are online")

    with frozen(broker):
        began = time.monotonic()
        watch.look_for(UNNOTICED_S)  # a busy machine may take longer for the last look
        assert watch.is_connected or time.monotonic() - began > UNNOTICED_S
    watch.look_for(UNNOTICED_S)  # until the workers are heard again
    assert not watch.lies

    with frozen(broker):
        watch.look_for(NOTICED_S[kind])
        assert not watch.lies
        assert not watch.is_connected
        watch.look()
        assert not watch.lies
    wait_until(lambda: watch.is_connected, 30, "events come again")
    wait_until(watch.is_fine, 30, "both are online")

    workers[0].kill()  # what is dead is still told
    wait_until(lambda: not watch.is_fine(), 15, "one fell silent")
