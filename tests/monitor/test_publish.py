import asyncio
import json
import math
import time
from datetime import UTC, datetime, timedelta

import pytest
from celery import Task
from redis import Redis

from flower_ng.errors import BadRequest, NotFound, Unavailable
from flower_ng.monitor.remote.publish import Publisher
from tests.monitor.yard import Readings, eventually, refused_broker, shop, silent_broker

pytestmark = [
    pytest.mark.xdist_group("yard"),
    pytest.mark.filterwarnings("ignore:Call to deprecated setex"),  # by Celery's Redis backend
]

ADD = "tests.shop.add"
CALLS = ("apply_async", "send_task", "apply")


@pytest.fixture
async def start(pool):
    """Make Publishers: `start(app)`; all are stopped."""
    made = []

    def start(app):
        made.append(Publisher(app, pool))
        return made[-1]

    yield start
    for publisher in made:
        publisher.stop()


@pytest.fixture
async def publisher(start, app):
    return start(app)


def published(client, queue):
    """Return the messages in a queue, oldest first."""
    return [json.loads(raw) for raw in reversed(client.lrange(queue, 0, -1))]


@pytest.fixture
def box(yard):
    """Redis itself, and a queue from which nobody consumes."""
    with Redis.from_url(yard.redis.url) as client:
        client.delete("box")
        yield client


@pytest.mark.parametrize("call", ["apply_async", "send_task"])
async def test_publishing_returns_the_id_and_the_state(publisher, app, call):
    told = await getattr(publisher, call)(ADD, [1, 2], {}, {})

    assert set(told) == {"task-id", "state"}
    await eventually(lambda: app.backend.get_state(told["task-id"]) == "SUCCESS")


async def test_send_task_takes_names_that_nobody_knows(publisher, box):
    told = await publisher.send_task("no.such", [], {"a": 1}, {"queue": "box"})

    assert told["state"] == "PENDING"
    assert [message["headers"]["task"] for message in published(box, "box")] == ["no.such"]


@pytest.mark.parametrize("call", ["apply_async", "apply"])
async def test_a_task_that_the_app_does_not_have_is_not_found(publisher, call):
    assert not publisher.registered("no.such")
    with pytest.raises(NotFound, match=r"Unknown task 'no.such'"):
        await getattr(publisher, call)("no.such", [], {}, {})


@pytest.mark.parametrize("call", ["apply_async", "send_task"])
async def test_without_a_backend_there_is_no_state(start, yard, call):
    with shop(yard.redis.url) as app:
        publisher = start(app)

        assert set(await getattr(publisher, call)(ADD, [1, 2], {}, {})) == {"task-id"}
        assert await publisher.backend_refusal() == "No result backend is configured"


async def test_apply_returns_the_result(publisher):
    told = await publisher.apply(ADD, [1, 2], {}, {})

    assert told == {"task-id": told["task-id"], "state": "SUCCESS", "result": 3}


async def test_apply_tells_of_a_failure(publisher):
    told = await publisher.apply("tests.shop.fail", ["empty shelf"], {}, {})

    assert (told["state"], told["result"]) == ("FAILURE", "ValueError('empty shelf')")
    assert told["traceback"].startswith("Traceback")


async def test_apply_gives_up_after_its_timeout(publisher):
    told = await publisher.apply(ADD, [1, 2], {}, {"queue": "box"}, timeout_s=0.2)

    assert told == {"task-id": told["task-id"], "state": "PENDING"}


async def test_apply_without_a_backend_publishes_nothing(start, yard, box):
    with shop(yard.redis.url) as app:
        with pytest.raises(Unavailable, match="No result backend is configured"):
            await start(app).apply(ADD, [1, 2], {}, {"queue": "box"})

        assert published(box, "box") == []


async def test_waiting_applies_do_not_starve_other_calls(publisher, box):
    waiting = [
        asyncio.ensure_future(publisher.apply(ADD, [1, 2], {}, {"queue": "box"})) for _ in range(30)
    ]
    await eventually(lambda: len(published(box, "box")) == len(waiting))
    began = time.monotonic()

    await publisher.apply_async(ADD, [1, 2], {}, {})

    assert time.monotonic() - began < 5  # they wait for ever
    for wait in waiting:
        wait.cancel()


async def test_a_client_that_leaves_ends_the_wait(publisher, app, monkeypatch):
    readings = Readings(app, monkeypatch)
    wait = asyncio.ensure_future(publisher.apply(ADD, [1, 2], {}, {"queue": "box"}))
    await readings.go_on()

    wait.cancel()

    await readings.end()


async def test_a_result_is_waited_for(publisher, app):
    sent = app.send_task("tests.shop.sleep", (0.3,))

    assert (await publisher.result(sent.id))["state"] in {"PENDING", "STARTED"}
    assert (await publisher.result(sent.id, 5.0))["result"] == 0.3


@pytest.mark.parametrize("timeout_s", [math.nan, math.inf, -1.0])
async def test_a_timeout_must_be_a_number_of_seconds(publisher, timeout_s):
    with pytest.raises(BadRequest, match="Invalid timeout"):
        await publisher.result("7", timeout_s)
    with pytest.raises(BadRequest, match="Invalid timeout"):
        await publisher.apply(ADD, [1, 2], {}, {}, timeout_s)


async def test_a_running_task_is_aborted(publisher, app):
    sent = app.send_task("tests.shop.patient", (20,))
    await eventually(lambda: app.backend.get_state(sent.id) == "STARTED")

    await publisher.abort(sent.id)

    assert (await publisher.result(sent.id, 5.0))["result"] == "aborted"


async def test_options_are_converted(publisher, box):
    options = {"eta": "2100-01-02 03:04:05.000006", "expires": "3600", "queue": "box"}
    before = datetime.now(UTC)

    await publisher.apply_async(ADD, [1, 2], {}, options)

    (message,) = published(box, "box")
    headers = message["headers"]
    assert headers["eta"] == "2100-01-02T03:04:05.000006"  # of the app's timezone
    expires_in = datetime.fromisoformat(headers["expires"]) - before
    assert timedelta(minutes=59) < expires_in < timedelta(minutes=61)


async def test_a_date_of_expiry_is_taken_too(publisher, box):
    options = {"countdown": "5", "expires": "2100-01-02 03:04:05.000000", "queue": "box"}

    await publisher.apply_async(ADD, [1, 2], {}, options)

    (message,) = published(box, "box")
    assert message["headers"]["expires"].startswith("2100-01-02T03:04:05")
    assert message["headers"]["eta"]


TIME = "a time like 2030-12-31 23:59:59.0"
SECONDS = "a number of seconds"


@pytest.mark.parametrize(
    ("option", "value", "form"),
    [
        ("eta", "tomorrow", TIME),
        ("eta", 5, TIME),
        ("countdown", "soon", SECONDS),
        ("countdown", [], SECONDS),
        ("countdown", "nan", SECONDS),
        ("countdown", "1e12", SECONDS),
        ("expires", "-1e12", f"{SECONDS}, nor {TIME}"),
        ("expires", "never", f"{SECONDS}, nor {TIME}"),
        ("expires", "inf", f"{SECONDS}, nor {TIME}"),
    ],
)
@pytest.mark.parametrize("call", ["apply_async", "apply"])
async def test_times_that_cannot_be_read_name_the_option_and_its_form(
    publisher, call, option, value, form
):
    with pytest.raises(BadRequest) as error:
        await getattr(publisher, call)(ADD, [1, 2], {}, {option: value})

    assert error.value.message == f"Invalid option {option}: {value!r} is not {form}"


@pytest.mark.parametrize("option", ["eta", "expires"])
async def test_a_time_that_no_worker_could_read_is_not_sent(publisher, box, option):
    with pytest.raises(BadRequest, match=f"Invalid option {option}: 'tomorrow' is not a time as"):
        await publisher.send_task(ADD, [1, 2], {}, {option: "tomorrow", "queue": "box"})

    assert published(box, "box") == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"count_down": 30}, "There is no option 'count_down'; was 'countdown' meant?"),
        ({"soft-time-limit": 3}, "There is no option 'soft-time-limit'; was 'soft_time_limit' me"),
        ({"options": {"countdown": 30}}, "There is no option 'options': write what is in it besid"),
        ({"zzz": 1}, "There is no option 'zzz'"),
        ({"retry_policy": {"max_retries": 9}}, "The option 'retry_policy' has no effect here"),
        ({"retry": True}, "The option 'retry' has no effect here"),
        ({"headers": {"task": "tests.shop.fail"}}, "The header 'task' is Celery's own"),
        ({"headers": {"eta": None}}, "The header 'eta' is Celery's own"),
        ({"content_type": "application/x-yaml"}, "The option 'content_type' cannot be given: use"),
        (
            {"serializer": "yaml"},
            "The serializer 'yaml' is not in accept_content (this app's: json)",
        ),
        ({"serializer": "nosuch"}, "There is no serializer 'nosuch'"),
    ],
)
@pytest.mark.parametrize("call", CALLS)
async def test_what_would_run_otherwise_than_it_was_asked_for_is_not_published(
    publisher, box, call, options, words
):
    with pytest.raises(BadRequest) as error:
        await getattr(publisher, call)(ADD, [1, 2], {}, {"queue": "box", **options})

    assert error.value.message.startswith(words)
    assert published(box, "box") == []


async def test_options_of_every_kind_are_taken(publisher, box):
    options = {
        "queue": "box",
        "headers": {"tenant": "a"},
        "stamped_headers": ["shelf"],
        "shelf": "b3",
        "MessageGroupId": "g",
        "retry": False,
        "shadow": "other.name",
        "link": {"task": "tests.shop.echo", "args": [], "kwargs": {}, "options": {}},
    }

    await publisher.apply_async(ADD, [1, 2], {}, options)

    (message,) = published(box, "box")
    assert message["headers"]["tenant"] == "a"
    assert message["headers"]["stamps"] == {"shelf": "b3"}


async def test_what_the_tasks_class_takes_is_an_option_of_it(start, yard, box):
    class Tenant(Task):
        def apply_async(self, args=None, kwargs=None, tenant=None, **options):
            return super().apply_async(args, {**kwargs, "tenant": tenant}, **options)

    with shop(yard.redis.url, yard.redis.url) as app:

        @app.task(base=Tenant, name="shop.own", shared=False)
        def own(tenant):  # noqa: ARG001 - the name is what matters
            raise AssertionError("nobody runs it")

        publisher = start(app)

        await publisher.apply_async("shop.own", [], {}, {"queue": "box", "tenant": "a"})
        with pytest.raises(BadRequest, match=r"was 'tenant' meant\?"):
            await publisher.apply_async("shop.own", [], {}, {"tenannt": "a"})

    assert len(published(box, "box")) == 1


@pytest.mark.parametrize(
    ("ours", "workers", "serializer", "is_taken"),
    [
        (["json"], [["json", "yaml"]], "yaml", True),
        (["json", "yaml"], [["json"]], "yaml", False),
        (["json", "yaml"], [["json"], ["application/x-yaml"]], "yaml", True),
        (["json", "yaml"], [], "yaml", True),
        (["json"], [["pickle"]], "pickle", False),
        (["json"], [["yaml"]], "json", False),
    ],
)
async def test_a_serializer_is_one_that_the_workers_accept(
    pool, yard, box, ours, workers, serializer, is_taken
):
    with shop(yard.redis.url) as app:
        app.conf.accept_content = ours
        publisher = Publisher(app, pool, accepted=lambda: workers)
        options = {"serializer": serializer, "queue": "box"}
        try:
            if is_taken:
                await publisher.send_task(ADD, [1, 2], {}, options)
            else:
                with pytest.raises(BadRequest, match="is not in accept_content"):
                    await publisher.send_task(ADD, [1, 2], {}, options)
        finally:
            publisher.stop()

    assert len(published(box, "box")) == is_taken


@pytest.mark.parametrize("call", ["apply_async", "apply"])
async def test_where_tasks_would_run_in_the_dashboard_none_is_published(start, yard, call):
    with shop(yard.redis.url, yard.redis.url) as app:
        app.conf.task_always_eager = True

        with pytest.raises(Unavailable, match="task_always_eager is on in this app"):
            await getattr(start(app), call)(ADD, [1, 2], {}, {})


@pytest.mark.parametrize(
    "options",
    [
        {"countdown": "5"},
        {"countdown": 1e300},
        {"expires": "never"},
        {"eta": 5},
        {"serializer": "nosuch"},
        {"serializer": 5},
        {"compression": "nosuch"},
        {"queue": {"name": "celery"}},
        {"queue": 5},
        {"exchange": {"name": "x"}},
        {"routing_key": ["x"]},
        {"priority": "high"},
        {"headers": "x"},
        {"headers": [1]},
        {"delivery_mode": "x"},
        {"expiration": "soon"},
        {"time_limit": "x"},
        {"link": "x"},
        {"stamped_headers": ["x"]},
        {"content_type": 5},
        {"task_id": 5},
        {"name": "other"},
        {"self": 1},
        {"producer": 1},
        {"connection": "redis://elsewhere"},
        {"router": "x"},
    ],
)
async def test_options_that_make_no_sense_are_refused(publisher, options):
    with pytest.raises(BadRequest) as error:
        await publisher.send_task(ADD, [1, 2], {}, options)

    assert 10 < len(error.value.message) < 400


async def test_an_unknown_codec_is_named(publisher):
    with pytest.raises(BadRequest, match=r"^Cannot publish 'tests.shop.add': unknown 'nosuch'$"):
        await publisher.send_task(ADD, [1, 2], {}, {"compression": "nosuch"})


@pytest.mark.parametrize(("args", "kwargs"), [([1], {}), ([1, 2, 3], {}), ([1, 2], {"z": 1})])
async def test_arguments_that_the_task_does_not_take_are_refused(publisher, args, kwargs):
    with pytest.raises(BadRequest, match="argument"):
        await publisher.apply_async(ADD, args, kwargs, {})


async def test_publishing_is_tried_once(start):
    with refused_broker() as url, shop(url) as app:
        began = time.monotonic()

        with pytest.raises(Unavailable):
            await start(app).send_task(ADD, [1, 2], {}, {"retry": False})

        assert time.monotonic() - began < 1


async def test_a_refused_request_leaves_the_next_one_well(publisher):
    with pytest.raises(BadRequest):
        await publisher.send_task(ADD, [1, 2], {}, {"serializer": "nosuch"})

    assert (await publisher.apply(ADD, [1, 2], {}, {}))["result"] == 3


@pytest.mark.parametrize("broker", [refused_broker, silent_broker])
@pytest.mark.parametrize("call", CALLS)
async def test_a_broker_that_is_away_is_unavailable_within_five_seconds(start, yard, broker, call):
    with broker() as url, shop(url, yard.redis.url) as app:
        began = time.monotonic()

        with pytest.raises(Unavailable, match="Broker or result backend unavailable"):
            await getattr(start(app), call)(ADD, [1, 2], {}, {})

        assert time.monotonic() - began < 5


@pytest.mark.parametrize("backend", [refused_broker, silent_broker])
@pytest.mark.parametrize("call", CALLS)
async def test_nothing_is_published_when_the_backend_is_away(start, yard, box, backend, call):
    with backend() as url, shop(yard.redis.url, url) as app:
        began = time.monotonic()

        with pytest.raises(Unavailable, match="Broker or result backend unavailable"):
            await getattr(start(app), call)(ADD, [1, 2], {}, {"queue": "box"})

        assert time.monotonic() - began < 5
        assert published(box, "box") == []


async def test_publishing_goes_on_after_the_brokers_return(start, own_redis):
    with shop(own_redis.url) as app:
        publisher = start(app)
        await publisher.send_task(ADD, [1, 2], {}, {})
        own_redis.kill()
        with pytest.raises(Unavailable):
            await publisher.send_task(ADD, [1, 2], {}, {})
        own_redis.start()

        assert await publisher.send_task(ADD, [1, 2], {}, {})


async def test_many_publications_leave_no_connection_and_no_subscription(publisher, app, box):
    async def publish():
        await publisher.apply_async(ADD, [1, 2], {}, {"queue": "box"})

    await publish()
    before = len(box.client_list())

    for _ in range(50):
        await asyncio.gather(*(publish() for _ in range(4)))

    assert len(box.client_list()) <= before + 3  # one for each reading thread
    await eventually(lambda: not app.backend.result_consumer.subscribed_to)
    assert len(published(box, "box")) == 201
