"""Reviews over a cluster whose workers answer as told, or not at all."""

from types import SimpleNamespace

import pytest

from flower_ng.monitor.remote.command_list import COMMANDS
from flower_ng.monitor.remote.pools import ABILITIES
from flower_ng.web.lookups.send_task import TaskToSend, send_review
from flower_ng.web.lookups.task_review import stamped_review
from tests.web.pages.shop import W1
from tests.web.site import OPEN_API

W2 = "w2@box"


async def no_arguments(_task_id):
    return None


@pytest.fixture
def failed(shop):
    """A task that ended badly, while two workers are online."""
    shop.publisher = SimpleNamespace(stored_arguments=no_arguments)
    shop.beat()
    shop.beat(W2)
    shop.task("failed", ends="task-failed", exception="ValueError()", traceback="")
    return "failed"


@pytest.fixture
async def review(serve, shop, failed):
    """Ask what a new run of the task would be."""
    client = serve(cluster=shop, environ=OPEN_API)

    async def ask():
        answer = await client.post(f"/api/task/rerun/{failed}?dry_run=1")
        assert answer.status == 200, answer.text
        return answer.json

    return ask


async def test_what_not_every_worker_told_blocks_no_new_run(shop, review):
    shop.inspector.workers = {W1: {"registered": ["shop.other"], "active_queues": []}}

    told = await review()

    assert (told["preflight"], told["refusals"]) == ("ready", [])
    assert (
        f"Whether a worker has this task is not known: {W2} has not answered." in told["unknowns"]
    )


def test_who_consumes_from_the_queue_of_a_new_task_is_unknown_until_all_have_told(shop):
    shop.publisher = SimpleNamespace(signature=lambda _name: "")
    shop.beat()
    shop.inspector.workers = {}

    review = send_review(shop, TaskToSend("shop.pay", [], {}, {"queue": "late"}), "")

    silent = f"Whether a worker consumes from late is not known: {W1} has not answered."
    assert silent in review.unknowns
    assert not review.cautions


async def test_what_no_worker_has_is_refused_once_all_have_told(shop, review):
    other = {"registered": ["shop.other"], "active_queues": []}
    shop.inspector.workers = {W1: other, W2: other}

    told = await review()

    assert told["refusals"] == ["No online worker has the task shop.pay: it would be discarded."]


async def test_a_queue_that_is_paused_blocks_no_new_run_and_is_said(serve, shop, failed):
    client = serve(cluster=shop, environ=OPEN_API)
    nobody_consumes = {"registered": ["shop.pay"], "active_queues": []}
    shop.inspector.workers = {W1: nobody_consumes, W2: nobody_consumes}
    shop.task("other", ends="task-failed", queue="late", exception="ValueError()")

    async def reviews():
        path = f"/api/task/rerun/{failed}?dry_run=1"
        one = await client.ask("POST", path, body='{"queue": "late"}')
        many = await client.post("/api/batches/rerun?dry_run=1", {"ids": "other"})
        return [one.json, many.json]

    before = await reviews()
    shop.holds.is_paused = lambda name: name == "late"
    paused = await reviews()

    assert [one["preflight"] for one in before] == ["blocked", "blocked"]
    assert [one["refusals"] for one in paused] == [[], []]
    assert ["late is paused: " in " ".join(one["cautions"]) for one in paused] == [True, True]


#: What a review of each action on a worker is given.
GIVEN = {
    "worker/shutdown": {},
    "worker/pool/restart": {},
    "worker/pool/grow": {"n": "1"},
    "worker/pool/shrink": {"n": "1"},
    "worker/pool/autoscale": {"min": "1", "max": "2"},
    "worker/queue/add-consumer": {"queue": "mail"},
    "worker/queue/cancel-consumer": {"queue": "mail"},
    "task/timeout": {"workername": W1, "soft": "5", "hard": "9"},
    "task/rate-limit": {"workername": W1, "ratelimit": "5/m"},
    "task/revoke": {"terminate": "true"},
}
RESIZING = {"worker/pool/grow", "worker/pool/shrink", "worker/pool/autoscale"}
ELSE = {"worker/pool/restart", "task/timeout"}
#: What each pool can't do, by Celery's manual and its pools' classes.
REFUSED = {
    "prefork": set(),
    "threads": {*RESIZING, *ELSE, "task/revoke"},
    "solo": {*RESIZING, *ELSE, "task/revoke"},
    "gevent": ELSE,
    "eventlet": ELSE,
}


def test_each_action_on_a_worker_is_tried_with_each_pool():
    assert set(GIVEN) == {*(command.route for command in COMMANDS), "task/revoke"}
    assert set(REFUSED) == set(ABILITIES)


@pytest.mark.parametrize("route", GIVEN)
@pytest.mark.parametrize("pool", REFUSED)
async def test_the_review_of_each_action_says_what_each_pool_refuses(serve, shop, pool, route):
    shop.beat(sw_ver="5.6.0")
    shop.task("runs", ends="task-started")
    is_scaled = route == "worker/pool/autoscale"  # which can't be grown by hand
    module = pool.removesuffix("s")
    shop.inspector.workers = {
        W1: {
            "stats": {
                "pool": {
                    "implementation": f"celery.concurrency.{module}:TaskPool",
                    "max-concurrency": 4,
                    "processes": [1, 2, 3, 4],
                },
                "autoscaler": {"min": 1, "max": 8, "current": 4} if is_scaled else None,
            },
            "conf": {"worker_pool_restarts": True},
            "active_queues": [{"name": "mail"}],
        }
    }
    target = {"task/revoke": "runs", "task/timeout": "shop.pay", "task/rate-limit": "shop.pay"}
    client = serve(cluster=shop, environ=OPEN_API)

    path = f"/api/{route}/{target.get(route, W1)}?dry_run=1"
    answer = await client.post(path, GIVEN[route])

    assert answer.status == 200, answer.text
    assert bool(answer.json["refusals"]) is (route in REFUSED[pool]), answer.json
    assert all(f"{pool} pool" in one for one in answer.json["refusals"])


@pytest.mark.parametrize(
    ("releases", "refused", "cautioned"),
    [
        (("5.2.7", "4.4.7"), "no worker that is online can do it", ""),
        (("5.2.7", "5.3.0"), "", f"not told will be {W1}"),
        (("5.3.0", "main"), "", ""),
    ],
)
def test_who_knows_no_stamps_is_not_told_to_revoke_by_one(shop, releases, refused, cautioned):
    for name, release in zip((W1, W2), releases, strict=True):
        shop.beat(name, sw_ver=release)

    told = stamped_review(shop, {"customer": ("7",)}, "")

    assert [refused in one for one in told.refusals] == [True] * bool(refused)
    assert [cautioned in one for one in told.cautions] == [True] * bool(cautioned)
    assert all("before 5.3" in one for one in (*told.refusals, *told.cautions))
