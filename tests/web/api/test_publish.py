import asyncio

import pytest

from flower_ng.errors import BadRequest, Unavailable
from tests.web.site import FORM

ROUTES = {"apply": "apply", "async-apply": "apply_async", "send-task": "send_task"}
ANSWER = {"task-id": "7", "state": "PENDING"}


@pytest.fixture(autouse=True)
def answers(cluster):
    cluster.publisher.answers = dict.fromkeys(ROUTES.values(), ANSWER)


@pytest.mark.parametrize("route", ROUTES)
async def test_a_message_is_one_call_and_its_answer(client, cluster, route):
    body = {"args": [1], "kwargs": {"y": 2}, "queue": "fast"}

    answer = await client.publish(f"/api/task/{route}/shop.add", body)

    assert (answer.status, answer.json) == (200, ANSWER)
    (call,) = cluster.publisher.calls
    assert call[:5] == (ROUTES[route], "shop.add", [1], {"y": 2}, {"queue": "fast"})


@pytest.mark.parametrize("route", ROUTES)
async def test_the_body_is_json_whatever_its_content_type(client, cluster, route):
    await client.ask("POST", f"/api/task/{route}/shop.add", FORM, '{"args": [1]}')

    assert cluster.publisher.calls[0][2] == [1]


@pytest.mark.parametrize("route", ROUTES)
async def test_an_empty_body_is_a_task_without_arguments(client, cluster, route):
    assert (await client.publish(f"/api/task/{route}/shop.add", "")).status == 200
    assert cluster.publisher.calls[0][2:5] == ([], {}, {})


@pytest.mark.parametrize("route", ROUTES)
async def test_a_wrong_body_is_a_bad_request_and_publishes_nothing(client, cluster, route):
    answer = await client.publish(f"/api/task/{route}/nothing", "[1]")

    assert (answer.status, answer.text) == (
        400,
        "invalid options: the body must be an object, not an array",
    )
    assert cluster.publisher.calls == []


@pytest.mark.parametrize("route", ["apply", "async-apply"])
async def test_a_task_that_the_app_lacks_is_not_found_before_its_options_are_read(client, route):
    answer = await client.publish(f"/api/task/{route}/nothing", {"timeout": "x", "eta": "y"})

    assert (answer.status, answer.text) == (404, "Unknown task 'nothing'")


async def test_a_task_that_nobody_knows_can_be_sent_by_name(client, cluster):
    assert (await client.publish("/api/task/send-task/nothing", {})).status == 200
    assert cluster.publisher.calls == [("send_task", "nothing", [], {}, {})]


@pytest.mark.parametrize("name", ["%0A%0D", "a%00", "x" * 3000])
async def test_a_name_that_no_task_can_have_is_not_sent(client, cluster, name):
    answer = await client.publish(f"/api/task/send-task/{name}", {})

    assert (answer.status, cluster.publisher.calls) == (400, [])
    assert "printable" in answer.text


async def test_apply_takes_its_timeout_out_of_the_options(client, cluster):
    await client.publish("/api/task/apply/shop.add", {"timeout": 2, "queue": "fast"})

    assert cluster.publisher.calls == [("apply", "shop.add", [], {}, {"queue": "fast"}, 2.0)]


async def test_apply_waits_without_limit_by_default(client, cluster):
    await client.publish("/api/task/apply/shop.add", {})

    assert cluster.publisher.calls[0][-1] is None


async def test_a_wrong_timeout_is_a_bad_request(client):
    answer = await client.publish("/api/task/apply/shop.add", {"timeout": "soon"})

    assert (answer.status, answer.text) == (400, "Invalid timeout")


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(
    "error", [BadRequest("Invalid option"), Unavailable("Broker or result backend unavailable")]
)
async def test_what_the_publisher_refuses_is_answered_in_its_words(client, cluster, route, error):
    cluster.publisher.answers[ROUTES[route]] = error

    answer = await client.publish(f"/api/task/{route}/shop.add", {})

    assert (answer.status, answer.text) == (error.status, error.message)


@pytest.mark.parametrize("read_only", [True])
@pytest.mark.parametrize("route", ROUTES)
async def test_read_only_comes_before_the_body_is_read(client, route):
    answer = await client.publish(f"/api/task/{route}/nothing", "not json")

    assert (answer.status, answer.text) == (403, "Read only mode is enabled")


async def test_the_wait_of_apply_ends_when_the_client_leaves(client, cluster):
    started, ended = asyncio.Event(), asyncio.Event()

    async def wait_for_ever():
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    cluster.publisher.answers["apply"] = wait_for_ever
    _reader, writer = await asyncio.open_connection("127.0.0.1", client.port)
    writer.write(b"POST /api/task/apply/shop.add HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
    await asyncio.wait_for(started.wait(), 5)

    writer.close()
    await writer.wait_closed()

    await asyncio.wait_for(ended.wait(), 5)


async def test_a_hundred_waiting_calls_keep_no_other_request_waiting(client, cluster):
    all_wait, release = asyncio.Event(), asyncio.Event()

    async def wait():
        if len(cluster.publisher.calls) == 100:
            all_wait.set()
        await release.wait()
        return ANSWER

    cluster.publisher.answers["apply"] = wait
    calls = (client.publish("/api/task/apply/shop.add", {}) for _ in range(100))
    waiting = asyncio.gather(*calls)
    await asyncio.wait_for(all_wait.wait(), 5)

    other = await asyncio.wait_for(client.get("/api/queues/length"), 1)

    release.set()
    assert other.status == 200
    assert {answer.status for answer in await waiting} == {200}


async def test_queue_lengths_are_what_the_broker_says(client, cluster):
    answer = await client.get("/api/queues/length")

    assert answer.json == {"active_queues": [{"name": "celery", "messages": 3}]}
    assert cluster.broker.calls == [("queues", ["celery"])]


async def test_a_broker_that_is_down_is_unavailable(client, cluster):
    cluster.broker.answers["queues"] = Unavailable("Broker or result backend unavailable")

    assert (await client.get("/api/queues/length")).status == 503


@pytest.mark.parametrize("route", ["async-apply", "send-task"])
async def test_a_rerun_is_noted_and_its_key_is_no_option(client, cluster, route):
    body = {"rerun_of": "6", "queue": "fast"}

    assert (await client.publish(f"/api/task/{route}/shop.add", body)).json == ANSWER

    assert cluster.publisher.calls[0][4] == {"queue": "fast"}
    assert cluster.store.calls == [("rerun", "7", "6")]


@pytest.mark.parametrize("uuid", ["", 7, ["6"], "x" * 513])
@pytest.mark.parametrize("route", ["async-apply", "send-task"])
async def test_what_is_no_id_cannot_be_rerun(client, cluster, route, uuid):
    answer = await client.publish(f"/api/task/{route}/shop.add", {"rerun_of": uuid})

    assert (answer.status, answer.text) == (400, "rerun_of must be the id of a task")
    assert cluster.publisher.calls == []
