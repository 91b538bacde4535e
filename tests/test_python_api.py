"""The public classes without the web: the examples and the promises of docs/python-api.md."""

import asyncio
import contextlib
import json
import re
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from unittest.mock import Mock

import pytest
from celery import Celery
from celery.events.snapshot import Polaroid
from kombu import Exchange
from prometheus_client import CollectorRegistry
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.ioloop import IOLoop
from tornado.web import Application

import flower_ng.control
import flower_ng.events
import flower_ng.inspector
from flower_ng.api import control, tasks, workers
from flower_ng.events import Events, EventsState, PrometheusMetrics, get_prometheus_metrics
from flower_ng.store.writing import repair
from tests.monitor.corpus import BEAT, GOOD, encoded
from tests.monitor.yard import eventually
from tests.services import ROOT, wait_until

PAGE = (ROOT / "docs/python-api.md").read_text(encoding="utf-8")
WATCH, FAILURES, STATES, HANDLERS, MOUNTED = re.findall(r"(?ms)^```python\n(.*?)^```$", PAGE)
SUCCEEDED = {**GOOD, "type": "task-succeeded", "result": "3", "runtime": 0.5}


def celery_app(url):
    return Celery("script", broker=url, set_as_current=False)


def publish(url, *messages):
    """Send each message, an event or a list of events, as workers send them."""
    with celery_app(url).connection_for_write() as connection:
        producer = connection.Producer(exchange=Exchange("celeryev", "fanout"))
        for message in messages:
            producer.publish(
                encoded(message),
                routing_key="task.multi",
                content_type="application/json",
                content_encoding="utf-8",
            )


def ran(script, url, folder, task="tests.shop.add", args=(1, 2)):
    """Run an example beside tasks that come and go; return what it prints."""
    path = folder / "example.py"
    path.write_text(script, encoding="utf-8")
    with (
        (folder / "out").open("w+") as out,
        celery_app(url) as app,
        subprocess.Popen(
            [sys.executable, "-W", "error", path, url], stdout=out, stderr=subprocess.STDOUT
        ) as process,
    ):
        while process.poll() is None:
            app.send_task(task, args)
            time.sleep(0.1)
        out.seek(0)
        printed = out.read()
    assert process.returncode == 0, printed
    assert "Traceback" not in printed
    return printed


# The examples of the page


def test_the_first_example_watches_asks_steers_and_counts(redis_url, worker, tmp_path):
    printed = ran(WATCH, redis_url, tmp_path)

    host = re.escape(worker.hostname)
    assert re.search(rf"(?m)^{host} ONLINE {{.*'task-succeeded': \d+", printed)
    assert re.search(r"(?m)^[0-9a-f-]{36} tests\.shop\.add SUCCESS \d", printed)
    assert re.search(rf"(?m)^{host} has the processes \[\d+, \d+\]$", printed)
    assert f"Growing '{worker.hostname}' worker's pool by 1" in printed
    assert "['celery']" in printed
    counted = f'flower_events_total{{task="tests.shop.add",type="task-succeeded",worker="{host}"}}'
    assert re.search(rf"(?m)^{counted} [1-9]", printed)


def test_the_example_of_on_event_sees_failures(redis_url, worker, tmp_path):
    printed = ran(FAILURES, redis_url, tmp_path, "tests.shop.fail", ["out of milk"])

    assert worker.running
    assert re.search(r"(?m)^failed: [0-9a-f-]{36} ValueError\('out of milk'\)$", printed)


def test_the_example_of_a_camera_takes_pictures(redis_url, worker, tmp_path):
    printed = ran(STATES, redis_url, tmp_path)

    assert worker.running
    pictures = re.findall(r"(?m)^states: .*'SUCCESS': (\d+)", printed)
    assert len(pictures) >= 2
    assert int(pictures[-1]) > int(pictures[0])


def test_the_example_of_the_handlers_lists_their_routes(tmp_path, redis_url):
    printed = ran(HANDLERS, redis_url, tmp_path)

    assert "POST\t/api/worker/shutdown/(.+)\tWorkerShutDown\tShut a worker down" in printed
    assert len(printed.splitlines()) == 20


def test_the_example_of_a_mounted_handler_grows_a_pool(redis_url, worker, tmp_path):
    printed = ran(MOUNTED, redis_url, tmp_path)

    said = f"Growing '{worker.hostname}' worker's pool by 1"
    assert json.loads(re.findall(r"(?m)^200 (.*)$", printed)[0]) == {"message": said}


async def test_a_handler_that_is_mounted_without_a_cluster_says_what_it_needs():
    application = Application([("/grow/(.+)", control.WorkerPoolGrow)])
    line = RequestStartLine("POST", "/grow/w1@box", "HTTP/1.1")
    headers = HTTPHeaders({"Host": "x"})
    request = HTTPServerRequest(start_line=line, headers=headers, connection=Mock())

    with pytest.raises(TypeError, match="WorkerPoolGrow needs a cluster"):
        control.WorkerPoolGrow(application, request)


def test_the_page_names_everything_that_the_doors_offer():
    for door in (flower_ng.events, flower_ng.inspector, flower_ng.control):
        assert [name for name in door.__all__ if f"`{name}`" not in PAGE] == []


def test_the_doors_offer_a_handler_for_each_of_flowers_routes():
    offered = [*workers.__all__, *control.__all__, *tasks.__all__]

    assert len(offered) == len(set(offered)) == 20
    assert {"WorkerPoolGrow", "TaskRevoke", "TaskAsyncApply", "GetQueueLengths"} < set(offered)


# Events


@pytest.fixture
def listen(redis_url):
    """Start Events, once connected hand them out, and stop them in the end."""
    started = []

    async def listen(kind=Events, **options):
        listening = kind(celery_app(redis_url), IOLoop.current(), **options)
        started.append(listening)
        listening.start()
        await eventually(lambda: listening.connection.connected)
        return listening

    yield listen
    for listening in started:
        listening.stop()


def stored(path):
    """The ids of the tasks in a file, read as anyone could."""
    with contextlib.closing(sqlite3.connect(f"file:{path}.sqlite3?mode=ro", uri=True)) as file:
        return {uuid for (uuid,) in file.execute("SELECT uuid FROM task")}


async def test_stopping_from_another_thread_applies_and_writes_what_has_arrived(
    listen, redis_url, tmp_path
):
    events = await listen(db=tmp_path / "flower", persistent=True)
    uuids = {f"u-{number}" for number in range(4000)}  # a tenth of a second, of the two it has
    bodies = [{**GOOD, "uuid": uuid} for uuid in uuids]

    events.add_listener(lambda: time.sleep(1))  # a busy loop: most is left to apply
    publish(redis_url, *(bodies[at : at + 200] for at in range(0, len(bodies), 200)))
    wait_until(lambda: events.stats.messages == 20)
    await asyncio.to_thread(events.stop)

    assert set(events.tasks) == uuids
    assert stored(tmp_path / "flower") == uuids


async def test_stopping_before_the_loop_has_turned_once_applies_what_has_arrived(redis_url):
    events = Events(celery_app(redis_url), IOLoop.current())
    events.start()
    wait_until(lambda: events.connection.connected)
    publish(redis_url, GOOD)
    wait_until(lambda: events.inbox.messages)

    await asyncio.to_thread(events.stop)

    assert set(events.tasks) == {"u-1"}


def test_without_a_running_loop_it_starts_and_stops_in_time(redis_url, tmp_path):
    loop = IOLoop(make_current=False)
    events = Events(celery_app(redis_url), loop, db=tmp_path / "flower", persistent=True)

    began = time.monotonic()
    starter = threading.Thread(target=events.start)
    starter.start()
    starter.join()
    publish(redis_url, GOOD)
    stopper = threading.Thread(target=events.stop)
    stopper.start()
    stopper.join()
    loop.close()

    assert time.monotonic() - began < 5
    assert not events.is_alive()
    assert dict(events.tasks) == {}
    assert stored(tmp_path / "flower") == set()


def test_stopping_after_the_loop_has_ended_writes_what_was_applied(redis_url, tmp_path):
    async def watch():
        events = Events(
            celery_app(redis_url), IOLoop.current(), db=tmp_path / "flower", persistent=True
        )
        events.start()
        await eventually(lambda: events.connection.connected)
        publish(redis_url, GOOD)
        await eventually(lambda: events.tasks)
        return events

    asyncio.run(watch()).stop()

    assert stored(tmp_path / "flower") == {"u-1"}


async def test_a_second_stop_and_one_before_the_start_are_harmless(redis_url):
    events = Events(celery_app(redis_url), IOLoop.current())
    events.stop()
    events.start()
    events.stop()
    events.stop()

    assert not events.is_alive()


async def test_after_a_stop_nothing_is_logged_as_an_error(listen, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(repair, "TICK_S", 0.0)  # so that a step of the store is always under way
    for number in range(5):
        events = await listen(db=tmp_path / f"flower{number}", persistent=True)
        events.stop()
        await asyncio.sleep(0.05)

    assert [one.getMessage() for one in caplog.records if one.levelname == "ERROR"] == []


class Watchful(Events):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.seen = []

    def on_event(self, event):
        self.seen.append((event["uuid"], threading.current_thread()))
        if event["uuid"] != "kept out":
            super().on_event(event)


async def test_an_overridden_on_event_is_called_once_per_event_and_decides(listen, redis_url):
    events = await listen(Watchful)

    publish(redis_url, [{**GOOD, "uuid": "kept out"}, GOOD], {**GOOD, "uuid": "u-2"})
    await eventually(lambda: "u-2" in events.tasks)

    assert events.seen == [("kept out", events), ("u-1", events), ("u-2", events)]
    assert set(events.tasks) == {"u-1", "u-2"}


async def test_what_the_workers_told_is_there_again_after_a_restart(listen, redis_url, tmp_path):
    kept = {"db": str(tmp_path / "flower"), "persistent": True, "state_save_interval": 5000}
    first = await listen(**kept)
    publish(redis_url, BEAT, GOOD, SUCCEEDED, {**GOOD, "uuid": "u-2", "name": "shop.pay"})
    await eventually(lambda: len(first.tasks) == 2)
    first.stop()

    second = await listen(**kept)

    assert {uuid: task.as_dict() for uuid, task in second.tasks.items()} == {
        uuid: {**task.as_dict(), "worker": second.workers["w1@box"]}
        for uuid, task in first.tasks.items()
    }
    assert second.tasks["u-1"].state == "SUCCESS"
    assert second.workers["w1@box"].loadavg == (0.1, 0.2, 0.3)
    assert second.state.counter == {
        "w1@box": {"worker-heartbeat": 1, "task-received": 2, "task-succeeded": 1}
    }
    assert second.state.known_types() == ["shop.add", "shop.pay"]


async def test_without_persistent_nothing_is_kept(listen, redis_url, tmp_path):
    first = await listen(db=str(tmp_path / "flower"))
    publish(redis_url, GOOD)
    await eventually(lambda: first.tasks)
    first.stop()

    second = await listen(db=str(tmp_path / "flower"))

    assert dict(second.tasks) == {}
    assert list(tmp_path.iterdir()) == []


async def test_save_state_writes_at_once(listen, redis_url, tmp_path):
    events = await listen(db=str(tmp_path / "flower"), persistent=True)
    publish(redis_url, GOOD)
    await eventually(lambda: events.tasks)

    events.save_state()

    assert stored(tmp_path / "flower") == {"u-1"}


async def test_the_limits_bound_tasks_and_workers(listen, redis_url, tmp_path):
    limits = {"max_tasks_in_memory": 3, "max_workers_in_memory": 2}
    events = await listen(db=str(tmp_path / "flower"), persistent=True, **limits)

    numbers = range(6)
    publish(redis_url, [{**GOOD, "uuid": f"u-{n}", "hostname": f"w{n}@box"} for n in numbers])
    await eventually(lambda: "u-5" in events.tasks)
    events.save_state()

    assert set(events.tasks) == stored(tmp_path / "flower") == {"u-3", "u-4", "u-5"}
    assert set(events.workers) == set(events.state.counter) == {"w4@box", "w5@box"}


# EventsState and its metrics


class Camera(Polaroid):
    clear_after = False

    def __init__(self, state, **options):
        super().__init__(state, **options)
        self.begun = 0
        self.pictures = []

    def on_shutter(self, state):
        self.begun += 1
        by_time = [task.timestamp for _, task in state.tasks_by_time()]
        assert by_time == sorted(by_time, reverse=True)
        assert len(state.tasks_by_type["shop.add"]) == len(by_time) == len(state.tasks)
        assert len(list(state.tasks_by_worker("w1@box"))) == len(by_time)
        self.pictures.append(Counter(task.state for _, task in state.itertasks()))


async def test_a_camera_takes_whole_pictures_of_a_state_that_events_change(listen, redis_url):
    events = await listen()
    bodies = [{**GOOD, "uuid": f"u-{n}", "timestamp": 1e9 + n} for n in range(3000)]
    with Camera(events.state, freq=0.02, app=events.capp) as camera:
        for at in range(0, len(bodies), 20):
            await asyncio.to_thread(publish, redis_url, bodies[at : at + 20])
        await eventually(lambda: events.state.event_count == 3000)
        await eventually(lambda: camera.pictures[-1]["RECEIVED"] == 3000)
    camera.timer.stop()

    assert camera.begun == len(camera.pictures) > 3
    assert len({picture["RECEIVED"] for picture in camera.pictures}) > 3


async def test_a_camera_may_empty_memory_and_the_file_keeps_everything(listen, redis_url, tmp_path):
    events = await listen(db=str(tmp_path / "flower"), persistent=True)
    publish(redis_url, GOOD, {**SUCCEEDED, "uuid": "u-2"})
    await eventually(lambda: len(events.tasks) == 2)

    camera = Camera(events.state, app=events.capp)
    camera.clear_after = True
    await asyncio.to_thread(camera.capture)
    events.save_state()

    assert camera.pictures == [{"RECEIVED": 1, "SUCCESS": 1}]
    assert set(events.tasks) == {"u-1"}  # it is not finished yet
    assert dict(events.workers) == {}
    assert stored(tmp_path / "flower") == {"u-1", "u-2"}


def test_a_state_counts_into_the_metrics_that_it_was_given():
    metrics = PrometheusMetrics()
    state = EventsState(metrics=metrics)
    registry = CollectorRegistry()
    registry.register(metrics)
    labels = {"worker": "w1@box", "type": "task-succeeded", "task": "shop.add"}

    state.event(GOOD)
    state.event(SUCCEEDED)

    assert registry.get_sample_value("flower_events_total", labels) == 1
    metrics.remove_worker_metrics("w1@box")
    assert registry.get_sample_value("flower_events_total", labels) is None


def test_states_share_the_metrics_of_the_process_unless_given_others():
    assert EventsState().metrics is EventsState().metrics is get_prometheus_metrics()
