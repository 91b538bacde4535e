"""Tasks that wait for their time: the page and the answer."""

import pytest

from flower_ng.monitor.remote.answers import Failure
from tests.web.pages.shop import NOW, W1
from tests.web.site import OPEN_API


@pytest.fixture
def client(serve, shop):
    return serve(cluster=shop, environ=OPEN_API)


async def told(client, path):
    answer = await client.get(path)
    assert answer.status == 200, answer.text
    return answer.json


def listed(uuid, eta, **request):
    return {"eta": eta, "priority": 6, "request": {"id": uuid, "name": "shop.pay", **request}}


async def test_tasks_that_wait_for_their_time_come_in_its_order(shop, client, look):
    shop.beat()
    later, soon = "1970-01-01T01:00:00+00:00", "1970-01-01T00:20:00+00:00"
    shop.inspector.workers = {
        W1: {"scheduled": [listed("late", later, args="[1]"), listed("soon", soon)]}
    }
    shop.inspector.aged_s = {"scheduled": 3.0}
    shop.task("again", ends="task-retried", exception="OSError('x')")

    found = await told(client, "/api/schedule/waiting")
    html = await look("/schedule/waiting")

    assert [one["id"] for one in found["tasks"]] == ["soon", "late", "again"]
    soon, late, again = found["tasks"]
    assert (soon["eta"], soon["worker"], soon["is_listed"], soon["told_s"]) == (1200, W1, True, 3.0)
    assert (late["args"], again["eta"], again["is_listed"]) == ("[1]", None, None)
    assert "in 3 min" in html.text
    assert html.one("form", action="/do/task/revoke/soon")


async def test_a_task_that_began_since_its_worker_answered_waits_no_more(shop, client):
    shop.beat()
    shop.inspector.workers = {W1: {"scheduled": [listed("ran", "1970-01-01T00:10:00+00:00")]}}
    shop.inspector.aged_s = {"scheduled": 3.0}
    shop.task("ran")

    assert (await told(client, "/api/schedule/waiting"))["tasks"] == []


async def test_a_worker_that_does_not_answer_is_named(shop, look):
    shop.beat()
    shop.inspector.failed = {"scheduled": Failure("no reply within 1 s", NOW)}

    html = await look("/schedule/waiting")

    assert "did not tell what it holds: no reply within 1 s" in " ".join(html.text.split())
