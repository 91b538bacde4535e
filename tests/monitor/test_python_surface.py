"""Scripts that were written against Flower's classes, on a real broker and a real worker."""

import asyncio
import inspect
import time

import pytest
from prometheus_client import REGISTRY, CollectorRegistry
from tornado.ioloop import IOLoop

from flower_ng import control
from flower_ng.errors import BadRequest, NoAnswer, NoSuchWorker, Refused, Unavailable, Unreadable
from flower_ng.events import Events, EventsState, PrometheusMetrics
from flower_ng.inspector import Inspector
from tests.monitor.yard import eventually, refused_broker, shop

pytestmark = pytest.mark.xdist_group("yard")

EIGHT = (
    "stats", "active_queues", "registered", "scheduled",
    "active", "reserved", "revoked", "conf",
)  # fmt: skip
TOLD = {
    "hostname", "status", "processed", "load", "heartbeats",
    "sw_ident", "sw_ver", "sw_sys", "clock",
}  # fmt: skip


@pytest.fixture
async def inspector(app):
    inspector = Inspector(io_loop=IOLoop.current(), capp=app, timeout=2.0)
    yield inspector
    inspector.stop()


@pytest.fixture
async def events(app):
    events = Events(app, IOLoop.current())
    events.start()
    await eventually(lambda: events.connection.connected)
    yield events
    events.stop()


# Inspector


async def test_an_inspector_has_the_attributes_that_it_was_given(inspector, app):
    assert (inspector.io_loop, inspector.capp, inspector.timeout) == (IOLoop.current(), app, 2.0)
    assert inspector.methods == EIGHT


async def test_a_name_that_was_not_asked_has_an_empty_record(inspector):
    assert inspector.workers["nobody@box"] == {}
    assert dict(inspector.workers) == {}


async def test_a_record_holds_the_answers_and_what_they_say_without_events(inspector, yard):
    records = await inspector.inspect(yard.prefork)

    record = records[yard.prefork]
    assert record.keys() == {*EIGHT, "timestamp", *TOLD}
    assert (record["hostname"], record["status"]) == (yard.prefork, "online")
    assert record["processed"] == sum(record["stats"]["total"].values())
    assert isinstance(record["clock"], int)
    assert (record["load"], record["heartbeats"], record["sw_ver"]) == (None, [], None)
    assert isinstance(record["active"], list)
    assert inspector.workers[yard.prefork] == record


async def test_a_record_holds_what_the_events_of_its_app_tell(inspector, events, app, yard):
    app.send_task("tests.shop.add", (1, 2))
    ran = await eventually(
        lambda: [name for name, one in events.workers.items() if one.processed and one.loadavg]
    )

    info = (await inspector.inspect())[ran[0]]

    assert ran[0] in yard.hosts
    worker = events.workers[ran[0]]
    assert info.get("status") == "online"
    assert info.get("load") == list(worker.loadavg)
    assert [type(one) for one in info["load"]] == [float, float, float]
    assert info.get("processed") == worker.processed > 0
    assert info["heartbeats"] == list(worker.heartbeats)
    assert (info["sw_ident"], info["sw_sys"]) == ("py-celery", "Linux")
    assert time.time() - worker.get("timestamp") < 60


async def test_an_inspector_hears_the_events_that_it_is_given(events, yard):
    await eventually(lambda: yard.prefork in events.workers)
    with shop(yard.redis.url) as other:
        inspector = Inspector(IOLoop.current(), other, 2.0, events=events)

        info = (await inspector.inspect(yard.prefork))[yard.prefork]
        inspector.stop()

    assert info["sw_ident"] == "py-celery"


async def test_nobody_is_an_error_only_when_it_is_strict(inspector):
    inspector.timeout = 2.0
    assert await inspector.inspect("nobody@box") == {}
    assert set(inspector.failures("nobody@box")) == set(EIGHT)
    assert set(inspector.failures()) == {"nobody@box"}

    with pytest.raises(NoAnswer, match="timed out: 'nobody@box' did not answer within 2 s"):
        await inspector.inspect("nobody@box", strict=True)


async def test_a_cluster_without_workers_times_out_when_it_is_strict(redis_url):
    with shop(redis_url) as app:
        inspector = Inspector(IOLoop.current(), app, timeout=0.2)

        assert await inspector.inspect() == {}
        with pytest.raises(NoAnswer, match=r"timed out: no worker answered within 0\.2 s"):
            await inspector.inspect(strict=True)
        inspector.stop()


async def test_a_broker_that_is_away_is_an_error_only_when_it_is_strict():
    with refused_broker() as url, shop(url) as app:
        inspector = Inspector(IOLoop.current(), app, timeout=0.5)

        assert await inspector.inspect() == {}
        assert {name: set(why) for name, why in inspector.failures().items()} == {
            "": {"stats", "active_queues", "registered", "conf"}
        }
        assert "refused" in inspector.failures()[""]["stats"].why
        assert await inspector.inspect("w1@box") == {}
        assert set(inspector.failures()) == {"", "w1@box"}
        with pytest.raises(Unavailable, match=r"connection .* refused"):
            await inspector.inspect("w1@box", strict=True)
        with pytest.raises(Unavailable, match="connection"):
            await inspector.inspect(strict=True)
        inspector.stop()


async def test_an_answer_that_cannot_be_read_is_no_timeout(redis_url, start_worker):
    conf = '{"task_serializer": "pickle", "accept_content": ["json", "pickle"]}'
    env = {"SHOP_CONF": conf, "C_FORCE_ROOT": "1"}
    worker = start_worker(redis_url, name="pickles", options=("-P", "solo"), env=env)
    with shop(redis_url) as app:
        inspector = Inspector(IOLoop.current(), app, timeout=2.0)

        with pytest.raises(Unreadable, match="answered in application/x-python-serialize"):
            await inspector.inspect(worker.hostname, strict=True)
        inspector.stop()


# Control


async def processes(app, host):
    inspector = Inspector(IOLoop.current(), app, 2.0)
    record = (await inspector.inspect(host))[host]
    inspector.stop()
    return record["stats"]["pool"]["processes"]


async def test_a_pool_grows_and_shrinks(app, yard):
    before = len(await processes(app, yard.prefork))

    grown = await control.worker_pool_grow(yard.prefork, 2, capp=app)
    shrunk = await control.worker_pool_shrink(yard.prefork, n=2, capp=app, timeout=5.0)

    assert grown == f"Growing '{yard.prefork}' worker's pool by 2"
    assert shrunk == f"Shrinking '{yard.prefork}' worker's pool by 2"
    async with asyncio.timeout(30):
        while len(await processes(app, yard.prefork)) != before:
            pass


async def test_queues_come_and_go(app, yard):
    added = await control.worker_queue_add_consumer(yard.prefork, "door", capp=app)
    names = []
    async with asyncio.timeout(20):
        while "door" not in names:
            names = await control.get_active_queue_names(capp=app)
    left = await control.worker_queue_cancel_consumer(yard.prefork, queue_name="door", capp=app)

    assert (added, left) == ("add consumer door", "no longer consuming from door")
    assert names == sorted(names)


async def test_a_refusal_is_in_the_workers_words(app, yard):
    with pytest.raises(Refused, match="Autoscale not enabled"):
        await control.worker_pool_autoscale(yard.prefork, min_workers=1, max_workers=2, capp=app)
    with pytest.raises(Refused, match="threads pool has no processes to restart"):
        await control.worker_pool_restart(yard.threads, capp=app)


COMMANDS = [
    (control.worker_shutdown, ()),
    (control.worker_pool_restart, ()),
    (control.worker_pool_grow, (1,)),
    (control.worker_pool_shrink, (1,)),
    (control.worker_pool_autoscale, (1, 2)),
    (control.worker_queue_add_consumer, ("q",)),
    (control.worker_queue_cancel_consumer, ("q",)),
]


@pytest.mark.parametrize(("command", "arguments"), COMMANDS)
async def test_nobody_of_a_name_is_no_such_worker(app, command, arguments):
    with pytest.raises(NoSuchWorker, match="no such worker: 'gone@box'"):
        await command("gone@box", *arguments, capp=app, timeout=0.2)


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        (control.worker_pool_grow, (-5,)),
        (control.worker_pool_grow, (0,)),
        (control.worker_pool_grow, ("2",)),
        (control.worker_pool_shrink, (1001,)),
        (control.worker_pool_shrink, (1.5,)),
        (control.worker_pool_autoscale, (3, 1)),
        (control.worker_pool_autoscale, (-1, 1)),
        (control.worker_queue_add_consumer, ("",)),
        (control.worker_queue_cancel_consumer, (None,)),
    ],
)
async def test_a_bad_argument_is_refused_before_anything_is_sent(command, arguments):
    # To send it would be Unavailable.
    with refused_broker() as url, shop(url) as app, pytest.raises(BadRequest):
        await command("w1@box", *arguments, capp=app)


async def test_a_worker_is_shut_down(redis_url, start_worker):
    worker = start_worker(redis_url, name="leaving", options=("-P", "solo"))
    with shop(redis_url) as app:
        assert await control.worker_shutdown(worker.hostname, capp=app) == "Shutting down!"
    await eventually(lambda: not worker.running)


def test_the_current_app_is_the_default(yard):
    with shop(yard.redis.url) as app:
        app.set_current()
        said = asyncio.run(control.worker_queue_add_consumer(yard.prefork, "current"))
        asyncio.run(control.worker_queue_cancel_consumer(yard.prefork, "current"))

    assert said == "add consumer current"


def test_every_command_is_a_coroutine_that_takes_capp_and_timeout():
    for name in control.__all__:
        command = getattr(control, name)
        parameters = inspect.signature(command).parameters
        assert inspect.iscoroutinefunction(command)
        assert (parameters["capp"].default, parameters["timeout"].default) == (None, 1.0)
        assert parameters["capp"].kind is inspect.Parameter.KEYWORD_ONLY


# Events


async def test_events_have_the_attributes_that_scripts_read(app, tmp_path):
    events = Events(
        app,
        IOLoop.current(),
        db=str(tmp_path / "flower"),
        persistent=True,
        max_workers_in_memory=7,
        max_tasks_in_memory=70,
    )
    assert Events.events_enable_interval == events.events_enable_interval == 5000
    assert (events.persistent, events.max_workers_in_memory) == (True, 7)
    assert events.max_tasks_in_memory == 70

    events.start()
    used = events.db
    events.stop()

    assert used == events.db == str(tmp_path / "flower.sqlite3")
    assert (tmp_path / "flower.sqlite3").exists()


async def test_without_persistent_db_is_what_was_given_and_no_file(app, tmp_path):
    for given in (str(tmp_path / "flower"), None):
        events = Events(app, IOLoop.current(), db=given)
        events.start()
        assert (events.persistent, events.db) == (False, given)
        events.stop()

    assert list(tmp_path.iterdir()) == []


async def test_a_worker_of_the_events_is_read_like_a_mapping(events, yard):
    await eventually(lambda: events.workers.get(yard.prefork, {}).get("timestamp"))

    assert events.workers.get("nobody@box", {}).get("timestamp") is None
    assert events.state.counter["nobody@box"] == {}


# Metrics


def test_the_default_registry_collects_the_metrics_when_it_is_asked_to():
    metrics = PrometheusMetrics()
    assert metrics.register() is metrics
    try:
        metrics.events.labels("w1@box", "task-sent", "shop.add").inc()
        labels = {"worker": "w1@box", "type": "task-sent", "task": "shop.add"}
        assert REGISTRY.get_sample_value("flower_events_total", labels) == 1
        metrics.remove_worker_metrics("w1@box")
        assert REGISTRY.get_sample_value("flower_events_total", labels) is None
    finally:
        REGISTRY.unregister(metrics)


def test_the_six_families_are_attributes():
    metrics, registry = PrometheusMetrics(), CollectorRegistry()
    metrics.register(registry)
    pair = ("w1@box", "shop.add")

    metrics.runtime.labels(*pair).observe(0.5)
    metrics.prefetch_time.labels(*pair).set(2.0)
    metrics.number_of_prefetched_tasks.labels(*pair).inc()
    metrics.worker_online.labels("w1@box").set(1)
    metrics.worker_number_of_currently_executing_tasks.labels("w1@box").set(3)

    names = {"worker": "w1@box", "task": "shop.add"}
    assert registry.get_sample_value("flower_task_runtime_seconds_sum", names) == 0.5
    assert registry.get_sample_value("flower_task_prefetch_time_seconds", names) == 2.0
    assert registry.get_sample_value("flower_worker_prefetched_tasks", names) == 1
    assert registry.get_sample_value("flower_worker_online", {"worker": "w1@box"}) == 1
    assert EventsState(metrics=metrics).metrics is metrics
