"""Two hundred thousand events within half a second reach Redis, and all of them the pages."""

import time
from itertools import islice

import pytest

from bench.load import events, messages, steady
from bench.wires import wire
from tests.services import wait_until

pytestmark = [pytest.mark.live, pytest.mark.faults, pytest.mark.xdist_group("live-redis")]

EVENTS, BATCH = 200_000, 100


def received(dashboard):
    return dashboard.get("/api/connection")["events"]["received"]


def test_a_burst_of_200_000_events_on_redis_is_received_whole(own_redis, start_dashboard):
    dashboard = start_dashboard(own_redis.url, own_redis.url)
    wait_until(lambda: dashboard.get("/api/connection")["connected"], 30, "it hears events")
    with wire(own_redis.url) as line:
        source = messages(events(steady(20, 50), at=lambda _: time.time()), BATCH)
        packed = b"".join(line.pack(*one) for one in islice(source, EVENTS // BATCH))
        line.write(packed)

    wait_until(lambda: received(dashboard) >= EVENTS, 60, "all events are applied")
    metrics = dashboard.ask("/metrics").text
    assert "\nflower_ng_event_connection_cuts_total 0.0" in metrics
