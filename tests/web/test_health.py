from types import SimpleNamespace

import pytest

from flower_ng.monitor.ingest.ingest_stats import ConnectionState
from tests.web.probes import HANDLERS
from tests.web.site import FakeCluster

DOORS = [{}, {"basic_auth": ("me:secret",)}, {"auth": "me@example.com"}]


@pytest.mark.parametrize("path", ["/healthcheck", "/livez"])
@pytest.mark.parametrize("door", DOORS)
async def test_a_probe_hears_ok_whatever_the_lock(serve, door, path):
    answer = await serve(HANDLERS, **door).get(path)

    assert (answer.status, answer.text) == (200, "OK")
    assert answer.type == "text/html; charset=UTF-8"


@pytest.mark.parametrize("door", DOORS)
async def test_a_dashboard_that_hears_and_writes_is_ready_whatever_the_lock(serve, door):
    answer = await serve(HANDLERS, **door).get("/readyz")

    assert answer.status == 200
    assert answer.json == {
        "ready": True,
        "broker": {"ok": True, "since": 0.0, "carries_events": True},
        "events": {"ok": True, "newest_age_s": None, "waiting": 0},
        "store": {
            "ok": True,
            "lag_s": 0.0,
            "waiting": 0,
            "kind": "temporary",
            "wanted": "temporary",
        },
    }


def away(cluster):
    why = "Cannot reach amqp://me:secret@box"
    cluster.events.connection = ConnectionState(connected=False, since=5.0, why=why)


def stuck(cluster):
    cluster.state.event({"type": "worker-heartbeat", "hostname": "w@box", "timestamp": 1.0})
    cluster.state.workers["w@box"].heard_at = 1.0
    cluster.events.inbox.messages = 7


def unwritable(cluster):
    status = SimpleNamespace(
        failing="disk full: /secret/path", lag_s=9.0, waiting=3, kind="file", wanted="file"
    )
    cluster.store.status = lambda: status


@pytest.mark.parametrize(
    ("part", "spoil"), [("broker", away), ("events", stuck), ("store", unwritable)]
)
async def test_what_is_not_ready_is_named_and_nothing_else(serve, part, spoil):
    cluster = FakeCluster()
    spoil(cluster)

    answer = await serve(HANDLERS, cluster=cluster).get("/readyz")

    parts = {name for name in ("broker", "events", "store") if not answer.json[name]["ok"]}
    assert (answer.status, answer.json["ready"], parts) == (503, False, {part})
    assert not [word for word in ("secret", "box") if word in answer.text]


async def test_of_a_broker_that_carries_no_events_the_state_is_unknown_and_nothing_else_is_wrong(
    serve,
):
    cluster = FakeCluster()
    cluster.events.connection = ConnectionState(
        connected=False, since=5.0, why="no fanout", is_possible=False
    )

    answer = await serve(HANDLERS, cluster=cluster).get("/readyz")

    assert answer.status == 200
    assert answer.json["ready"] is True
    why = "This broker carries no events, so no connection is kept: its state is unknown"
    assert answer.json["broker"] == {
        "ok": None,
        "since": None,
        "carries_events": False,
        "why": why,
    }
