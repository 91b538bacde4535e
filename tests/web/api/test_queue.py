"""A queue is looked into and purged: real brokers, and a worker that the queue does not have."""

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
import redis

from tests.services import Dashboard, Rabbit, wait_until
from tests.web.api.conftest import BrokeredSite

pytestmark = pytest.mark.xdist_group("brokered")


@dataclass(frozen=True)
class Waiting:
    """A dashboard, the broker behind it, and how to fill a queue that nobody consumes from."""

    dashboard: Dashboard
    broker: Any

    def fill(self, queue: str, count: int, **options: Any) -> list[str]:
        sent = [
            self.dashboard.post(
                "/api/task/send-task/tests.shop.echo",
                {"args": [number], "queue": queue, **options},
            ).json()["task-id"]
            for number in range(count)
        ]
        wait_until(lambda: self.length(queue) == count, what=f"{count} wait in {queue}")
        return sent

    def length(self, queue: str) -> int | None:
        review = self.dashboard.post(f"/api/queue/purge/{quote(queue, safe='')}?dry_run=1")
        return review.json()["count"] if review.status == 200 else None

    def review(self, path: str) -> Any:
        answer = self.dashboard.post(path)
        return answer.json() if answer.status == 200 else None

    def purge(self, queue: str, **form: str) -> Any:
        return self.dashboard.post(f"/api/queue/purge/{quote(queue, safe='')}", **form)


@pytest.fixture
def waiting(brokered: BrokeredSite) -> Waiting:
    return Waiting(brokered.dashboard, brokered.broker)


def test_a_queue_is_purged_after_its_review_and_tells_how_many(waiting):
    waiting.fill("late", 3)
    review = waiting.dashboard.post("/api/queue/purge/late?dry_run=1").json()

    assert review["count"] == 3
    assert review["facts"]["messages"] == "at most 5"
    answer = waiting.purge("late", confirm="late", digest=review["digest"])
    assert (answer.status, answer.json()["removed"]) == (200, 3)
    wait_until(lambda: waiting.length("late") in (0, None), what="it is empty")


def test_without_its_name_nothing_is_purged(waiting):
    waiting.fill("named", 2)

    assert waiting.purge("named").status == 400
    assert waiting.purge("named", confirm="late").status == 400
    assert waiting.length("named") == 2


def test_many_more_messages_than_reviewed_are_not_purged(waiting):
    waiting.fill("grown", 2)
    digest = waiting.dashboard.post("/api/queue/purge/grown?dry_run=1").json()["digest"]
    for _ in range(4):
        body = {"args": [1], "queue": "grown"}
        waiting.dashboard.post("/api/task/send-task/tests.shop.echo", body)
    wait_until(lambda: waiting.length("grown") == 6, what="it has grown")

    answer = waiting.purge("grown", confirm="grown", digest=digest)

    assert (answer.status, "was at most 2, is at most 10" in answer.text) == (409, True)
    assert waiting.length("grown") == 6


def test_queues_of_celery_are_refused_and_unknown_ones_not_found(waiting):
    assert waiting.purge("no.such.queue", confirm="no.such.queue").status == 404
    board, own = waiting.dashboard, "celeryev.consumed"
    worker = next(name for name in board.get("/api/workers") if name.startswith("w1@"))
    added = board.post(f"/api/worker/queue/add-consumer/{worker}", queue=own)
    assert added.status == 200, added.text
    known = lambda: board.get("/api/workers", refresh=1, workername=worker)[worker]  # noqa: E731
    wait_until(lambda: own in str(known()["active_queues"]), what="the worker has told it")

    purged = waiting.purge(own, confirm=own)
    removed = board.post(f"/api/queue/delete-message/{own}", id="x")
    moved = [board.post("/api/queue/move/celery", to=own)]
    moved.append(board.post(f"/api/queue/move/{own}", to="celery"))

    board.post(f"/api/worker/queue/cancel-consumer/{worker}", queue=own)
    answers = [purged, removed, *moved]
    assert [one.status for one in answers] == [403] * 4
    assert all("queue of Celery's own" in one.text for one in answers)


def test_a_look_inside_takes_nothing_or_says_why_it_can_not(waiting):
    ids = waiting.fill("seen", 3)
    seen = waiting.dashboard.get("/api/queue/messages/seen")
    page = waiting.dashboard.ask("/queues/seen").text

    if isinstance(waiting.broker, Rabbit):
        assert (seen["messages"], "redelivered" in seen["why_not"]) == ([], True)
        assert "redelivered" in page
    else:
        assert [one["id"] for one in seen["messages"]] == ids
        assert {one["task"] for one in seen["messages"]} == {"tests.shop.echo"}
        assert [one["args"] for one in seen["messages"]] == ["[0]", "[1]", "[2]"]
        assert all(uuid in page for uuid in ids)
    assert waiting.length("seen") == 3


def test_urgent_messages_come_first_and_bodies_stay_closed(waiting):
    if isinstance(waiting.broker, Rabbit):
        return
    waiting.fill("mixed", 1, priority=9)
    urgent = waiting.dashboard.post(
        "/api/task/send-task/tests.shop.echo", {"args": ["now"], "queue": "mixed", "priority": 0}
    ).json()["task-id"]
    client = redis.Redis.from_url(waiting.broker.url)
    pickled = base64.b64encode(b"cos\nsystem\n(S'touch /tmp/opened'\ntR.").decode()
    message = {"body": pickled, "content-type": "application/x-python-serialize", "headers": {}}
    client.rpush("mixed", json.dumps(message), "no json")
    client.close()

    seen = waiting.dashboard.get("/api/queue/messages/mixed")["messages"]

    assert [bool(one["trouble"]) for one in seen] == [True, True, False, False]
    assert "no message of Kombu's" in seen[0]["trouble"]
    assert "not opened" in seen[1]["trouble"]
    assert seen[2]["id"] == urgent
    assert waiting.dashboard.ask("/queues/mixed").status == 200


def test_what_is_no_list_is_not_deleted(waiting):
    if isinstance(waiting.broker, Rabbit):
        return
    waiting.fill("odd", 1)
    client = redis.Redis.from_url(waiting.broker.url)
    client.delete("odd")
    client.set("odd", "not a list")
    answer = waiting.purge("odd", confirm="odd")
    kept = client.get("odd")
    client.close()

    assert (answer.status, kept) == (403, b"not a list")


@pytest.mark.parametrize("name", ["a/b?c=%2F d", "ünï&<b>+#;"])
def test_a_queue_of_any_name_is_seen_and_purged_and_no_other(waiting, name):
    waiting.fill(name, 2)
    waiting.fill("beside", 1)
    page = waiting.dashboard.ask(f"/queues/{quote(name, safe='')}")
    assert page.status == 200

    answer = waiting.purge(name, confirm=name)
    assert (answer.status, answer.json()["removed"]) == (200, 2)
    assert waiting.length("beside") == 1
    entry = waiting.dashboard.get("/api/audit")["entries"][0]
    assert (entry["action"], entry["target"], entry["result"]) == (
        "queue/purge",
        name,
        "removed 2",
    )
    waiting.purge("beside", confirm="beside")


def test_one_message_is_deleted_and_no_other(waiting):
    ids = waiting.fill("picked", 3)
    path = "/api/queue/delete-message/picked"
    review = waiting.dashboard.post(f"{path}?dry_run=1&id={ids[1]}").json()
    assert ids[1] in review["effect"]

    answer = waiting.dashboard.post(path, id=ids[1], digest=review["digest"])

    if isinstance(waiting.broker, Rabbit):
        assert (answer.status, "can't remove one" in answer.text) == (403, True)
        assert waiting.length("picked") == 3
        return
    assert answer.status == 200
    seen = waiting.dashboard.get("/api/queue/messages/picked")["messages"]
    assert [one["id"] for one in seen] == [ids[0], ids[2]]
    assert waiting.dashboard.post(path, id=ids[1]).status == 404
    assert waiting.dashboard.post(path, id="").status == 400
    assert waiting.length("picked") == 2


def test_messages_are_moved_in_order_and_run_where_they_are_now(waiting):
    ids = waiting.fill("dead", 5)
    send = "/api/task/send-task/tests.shop.echo"
    waiting.dashboard.post(send, {"args": ["first"], "queue": "alive"})
    path = "/api/queue/move/dead"
    review = wait_until(lambda: waiting.review(f"{path}?dry_run=1&to=alive&n=3"))
    assert (review["count"], waiting.length("dead")) == (3, 5)
    assert "No online worker has told that it consumes from alive." in review["cautions"]

    answer = waiting.dashboard.post(path, to="alive", n="3", digest=review["digest"])
    rest = waiting.dashboard.post(path, to="celery")

    assert (answer.status, answer.json()["moved"], answer.json()["left"]) == (200, 3, 2)
    assert (rest.json()["moved"], rest.json()["left"]) == (2, 0)
    entries = waiting.dashboard.get("/api/audit")["entries"][:2]
    assert {(one["action"], one["target"], one["result"]) for one in entries} == {
        ("queue/move", "dead", "moved 2"),
        ("queue/move", "dead", "moved 3"),
    }

    def has_run(uuid):
        told = waiting.dashboard.ask(f"/api/task/info/{uuid}")
        return told.status == 200 and told.json()["state"] == "SUCCESS"

    wait_until(lambda: all(map(has_run, ids[3:])), what="a worker has run the last two")
    assert not any(map(has_run, ids[:3]))


def test_moving_keeps_priorities_on_redis(waiting):
    if isinstance(waiting.broker, Rabbit):
        return
    waiting.fill("steps", 2, priority=9)
    urgent = waiting.dashboard.post(
        "/api/task/send-task/tests.shop.echo", {"args": ["now"], "queue": "steps", "priority": 0}
    ).json()["task-id"]
    waiting.fill("steps.to", 1)

    assert waiting.dashboard.post("/api/queue/move/steps", to="steps.to").json()["moved"] == 3

    client = redis.Redis.from_url(waiting.broker.url)
    newest = json.loads(client.lindex("steps.to", 0))
    low = client.llen("steps.to\x06\x169")
    client.close()
    assert (newest["headers"]["id"], low) == (urgent, 2)
    assert newest["properties"]["delivery_info"] == {"exchange": "", "routing_key": "steps.to"}


def test_what_can_not_be_moved_is_refused_and_nothing_is_moved(waiting):
    waiting.fill("from", 1)
    wrong = [("from", "1"), ("no.such.queue", "1"), ("kept", "0"), ("kept", "10001"), ("", "1")]

    answers = [waiting.dashboard.post("/api/queue/move/from", to=to, n=n) for to, n in wrong]

    assert [one.status for one in answers] == [400, 404, 400, 400, 400]
    assert waiting.length("from") == 1


def test_what_the_new_queue_does_not_take_stays_where_it_was(waiting):
    if isinstance(waiting.broker, Rabbit):
        return
    waiting.fill("stays", 2)
    waiting.fill("no.list", 1)
    client = redis.Redis.from_url(waiting.broker.url)
    client.delete("no.list")
    client.set("no.list", "not a list")
    answer = waiting.dashboard.post("/api/queue/move/stays", to="no.list")
    client.delete("no.list")
    client.close()

    assert (answer.status, "Nothing was moved" in answer.text) == (403, True)
    assert waiting.length("stays") == 2


def test_a_queue_tells_how_many_processes_it_needs_or_that_nobody_knows(waiting):
    ask = waiting.dashboard.ask
    waiting.fill("scaled", 3)

    def told():
        answer = ask("/api/queues/scaled/scale?drain=1m")
        return answer.json() if answer.status == 200 else None

    scale = wait_until(told, 45, "it was observed for long enough")

    assert (scale["processes"], scale["is_least"]) == (1, True)
    assert (scale["parts"]["waiting"], scale["parts"]["drain_s"]) == (3, 60)
    assert scale["parts"]["arrivals_per_s"] > 0
    assert ask("/api/queues/no.such.queue/scale").status == 404
    for wrong in ("0s", "soon", "2d", "nan"):
        refused = ask(f"/api/queues/scaled/scale?drain={wrong}")
        assert (refused.status, wrong in refused.text) == (400, True)
