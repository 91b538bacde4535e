"""The exposition is what prometheus_client would write, cut so that the loop stays free."""

import asyncio
import gc
import gzip
import subprocess
import time

import pytest
from prometheus_client import exposition as classic
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_classic

from flower_ng.metrics import Form, OwnMetrics, Registry, chunks, exposition
from tests.services import need

OPENMETRICS = "application/openmetrics-text"
HOSTILE = ['quote"', "back\\slash", "new\nline", "%s", "\0", "{}", "ünïcode", "", 'a\\"\n']


@pytest.fixture
def busy(feed):
    """Metrics with hostile names, large and tiny numbers."""
    for number, name in enumerate(HOSTILE):
        feed.worker("heartbeat", f"w{number}@{name}", active=10**number)
        feed.run(f"u{number}", f"w{number}@{name}", name=name)
    labels = "w0@big", "t"
    feed.metrics.runtime.labels(*labels).counts[3] = 1_234_567
    feed.metrics.runtime.labels(*labels).sum = 1e-7
    feed.metrics.events.labels("w0@big", "task-sent", "t").inc(1e15)
    feed.metrics.prefetch_time.labels(*labels).set(12_345_678.9)
    return feed.metrics


async def test_the_classic_text_equals_prometheus_clients(busy):
    registry = Registry()
    registry.listed.clear()
    registry.register(busy)

    answer = await exposition(registry)

    assert answer.body == classic.generate_latest(busy)
    assert (answer.content_type, answer.encoding) == ("text/plain", None)


async def test_the_openmetrics_text_equals_prometheus_clients(busy):
    registry = Registry()
    registry.listed.clear()
    registry.register(busy)

    answer = await exposition(registry, OPENMETRICS)

    assert answer.body == openmetrics.generate_latest(busy)
    assert answer.content_type == f"{OPENMETRICS}; version=1.0.0; charset=utf-8"


async def test_hostile_names_come_back_as_they_were(busy):
    answer = await exposition(Registry(busy))

    found = {
        sample.labels["worker"]
        for family in parse_classic(answer.body.decode())
        for sample in family.samples
        if sample.name == "flower_worker_online"
    }
    assert found == {f"w{number}@{name}" for number, name in enumerate(HOSTILE)}


async def test_openmetrics_can_be_parsed_strictly(feed, own):
    feed.run()

    answer = await exposition(Registry(feed.metrics, own), OPENMETRICS)

    names = {family.name for family in parse_openmetrics(answer.body.decode())}
    assert {"flower_events", "flower_ng_events_received"} <= names


@pytest.mark.parametrize(
    ("accept", "is_openmetrics"),
    [
        ("", False),
        ("*/*", False),
        ("text/plain;version=0.0.4", False),
        (OPENMETRICS, True),
        (f"{OPENMETRICS};version=1.0.0;q=0.5,text/plain;q=0.3,*/*;q=0.1", True),
        (f"{OPENMETRICS};q=0.2,text/plain;q=0.9", False),
        (f"{OPENMETRICS};q=0", False),
        (f"{OPENMETRICS};q=nonsense", True),
        (OPENMETRICS.upper(), True),
    ],
)
def test_the_format_is_the_one_asked_for(accept, is_openmetrics):
    assert Form.asked(accept).openmetrics is is_openmetrics


@pytest.mark.parametrize(
    ("accept_encoding", "is_gzip"),
    [("", False), ("gzip", True), ("deflate, gzip;q=0.5", True), ("gzip;q=0", False), ("*", True)],
)
def test_gzip_is_used_when_asked_for(accept_encoding, is_gzip):
    assert Form.asked("", accept_encoding).gzip is is_gzip


async def test_gzip_unpacks_to_the_same_text(busy):
    plain = await exposition(Registry(busy))
    packed = await exposition(Registry(busy), accept_encoding="gzip")

    assert packed.encoding == "gzip"
    assert ours(gzip.decompress(packed.body)) == ours(plain.body)


def ours(body: bytes) -> list[bytes]:
    return [line for line in body.splitlines() if line.startswith(b"flower_")]


async def test_process_and_python_metrics_are_there(feed):
    body = (await exposition(Registry(feed.metrics))).body

    for name in (
        b"process_resident_memory_bytes ",
        b"python_info{",
        b"python_gc_collections_total{",
    ):
        assert b"\n" + name in body


async def test_promtool_finds_nothing_wrong(feed, own):
    feed.worker("heartbeat", active=1)
    feed.run()
    body = (await exposition(Registry(feed.metrics, own))).body

    assert promtool(body) == (0, b"")


def promtool(body: bytes) -> tuple[int, bytes]:
    command = [need("promtool"), "check", "metrics"]
    checked = subprocess.run(command, input=body, capture_output=True, check=False)
    return checked.returncode, checked.stdout + checked.stderr


@pytest.fixture
def no_garbage_collection():
    """Python's own stops are not the exposition's."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_garbage_collection")
async def test_a_large_scrape_does_not_hold_the_loop(feed):
    for worker in range(200):
        for task in range(50):
            feed.run(f"u{worker}-{task}", f"worker-{worker}@box", f"shop.tasks.t{task}")
    registry, gaps, ended = Registry(feed.metrics), [], False

    async def look() -> None:
        last = time.thread_time()
        while not ended:
            await asyncio.sleep(0)
            gaps.append(time.thread_time() - last)
            last = time.thread_time()

    looking = asyncio.ensure_future(look())
    started = time.thread_time()
    size = 0
    async for chunk in chunks(registry, Form(gzip=True)):
        size += len(chunk)
    took = time.thread_time() - started
    ended = True
    await looking

    assert size > 100_000
    assert max(gaps) < 0.020
    assert took < 1.0


async def test_own_metrics_are_exactly_those_declared(own: OwnMetrics):
    names = {family.name for family in own.collect()}

    assert names == {
        "flower_ng_build_info",
        "flower_ng_connected",
        "flower_ng_events_received",
        "flower_ng_events_dropped",
        "flower_ng_events_malformed",
        "flower_ng_events_missing",
        "flower_ng_event_connection_cuts",
        "flower_ng_delayed_tasks",
        "flower_ng_ends_from_backend",
        "flower_ng_inbox_messages",
        "flower_ng_inbox_bytes",
        "flower_ng_ingest_lag_seconds",
        "flower_ng_loop_lag_seconds",
        "flower_ng_loop_lag_max_seconds",
        "flower_ng_loop_stalls",
        "flower_ng_tasks_in_memory",
        "flower_ng_workers_in_memory",
        "flower_ng_tasks_evicted",
        "flower_ng_hosts_forgotten",
        "flower_ng_inspect_duration_seconds",
        "flower_ng_inspect_failures",
        "flower_ng_label_pairs",
        "flower_ng_label_pairs_max",
        "flower_ng_label_bytes",
        "flower_ng_label_bytes_max",
        "flower_ng_store_tasks",
        "flower_ng_store_bytes",
        "flower_ng_store_queue",
        "flower_ng_store_lag_seconds",
        "flower_ng_store_unindexed",
        "flower_ng_store_failing",
        "flower_ng_store_failures",
        "flower_ng_store_lost",
        "flower_ng_store_deleted",
    }


def test_flowers_families_are_exactly_six(feed):
    assert [(family.name, family.type) for family in feed.metrics.describe()] == [
        ("flower_events", "counter"),
        ("flower_task_runtime_seconds", "histogram"),
        ("flower_task_prefetch_time_seconds", "gauge"),
        ("flower_worker_prefetched_tasks", "gauge"),
        ("flower_worker_online", "gauge"),
        ("flower_worker_number_of_currently_executing_tasks", "gauge"),
    ]
