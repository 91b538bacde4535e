"""Two hundred thousand events within half a second reach a broker, and all of them the pages."""

import time
from itertools import islice

import pytest

from bench.load import events, messages, steady
from bench.wires import wire
from tests.services import wait_until

pytestmark = [pytest.mark.live, pytest.mark.faults]

EVENTS, BATCH = 200_000, 100


def received(dashboard):
    return dashboard.get("/api/connection")["events"]["received"]


@pytest.fixture(
    params=[
        pytest.param("own_redis", marks=pytest.mark.xdist_group("live-redis"), id="redis"),
        pytest.param("rabbit", marks=pytest.mark.xdist_group("rabbit"), id="rabbitmq"),
    ]
)
def broker(request):
    return request.getfixturevalue(request.param)


def test_a_burst_of_200_000_events_is_received_whole(broker, start_dashboard):
    dashboard = start_dashboard(broker.url)
    wait_until(lambda: dashboard.get("/api/connection")["connected"], 30, "it hears events")
    with wire(broker.url) as line:
        source = messages(events(steady(20, 50), at=lambda _: time.time()), BATCH)
        packed = b"".join(line.pack(*one) for one in islice(source, EVENTS // BATCH))
        line.write(packed)

    wait_until(lambda: received(dashboard) >= EVENTS, 60, "all events are applied")
    metrics = dashboard.ask("/metrics").text
    assert "\nflower_ng_event_connection_cuts_total 0.0" in metrics
