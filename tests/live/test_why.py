"""Why a task does not run is told as it is, on real brokers with a real worker."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery

from tests.services import Dashboard, Rabbit, Redis, Worker, wait_until

OPTIONS = ("-P", "threads", "-c", "1", "-Q", "celery,halted")
GREEDY = {"SHOP_CONF": json.dumps({"worker_prefetch_multiplier": 4})}


class Asked:
    """A worker with one slot that takes four tasks more, and a dashboard that is asked why."""

    def __init__(self, url: str, board: Dashboard, hostname: str = "") -> None:
        self.board, self.hostname = board, hostname
        self.app = Celery(broker=url, set_as_current=False)
        self.app.conf.task_send_sent_event = True

    def send(self, name: str, *args: Any, **options: Any) -> str:
        return self.app.send_task(f"tests.shop.{name}", args, **options).id

    def why(self, task_id: str) -> dict[str, Any]:
        answer = self.board.ask(f"/api/task/why/{task_id}")
        return answer.json() if answer.status == 200 else {"cause": "", "steps": []}

    def says(self, task_id: str, cause: str) -> dict[str, Any]:
        """Wait until that is the reason; return all that is said."""

        told: dict[str, Any] = {}

        def said() -> bool:
            told.update(self.why(task_id))
            return told["cause"] == cause

        try:
            wait_until(said, 10)
        except AssertionError:
            raise AssertionError(f"{task_id} waits because of {cause}, not {told}") from None
        return told


def step(told: dict[str, Any], key: str) -> dict[str, Any]:
    return next(one for one in told["steps"] if one["key"] == key)


@pytest.fixture(scope="module")
def asked(redis_server: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder, url = tmp_path_factory.mktemp("why"), redis_server.url.removesuffix("0") + "7"
    worker = Worker(folder, url, url, "why", OPTIONS, GREEDY)
    board = Dashboard(folder, url, url)
    try:
        worker.launch()
        board.start()
        worker.wait()
        wait_until(
            lambda: worker.hostname in board.get("/api/workers"), 20, "the worker has answered"
        )
        yield Asked(url, board, worker.hostname)
    finally:
        board.kill()
        worker.kill()


@pytest.mark.live
@pytest.mark.xdist_group("live-redis")
class TestRedis:
    def test_what_a_worker_holds_waits_behind_the_task_that_takes_its_slot(self, asked):
        long = asked.send("sleep", 40)
        behind = asked.send("add", 1, 2)

        told = asked.says(behind, "slots")
        assert told["certainty"] == "sure"
        assert told["sentence"].startswith(f"The only slot of {asked.hostname}, which holds it, is")
        assert long[:8] in told["sentence"]
        assert "worker_prefetch_multiplier" in told["advice"]
        assert told["about"] == {"kind": "task", "subject": long}
        assert asked.why(long)["cause"] == "running"
        page = asked.board.ask(f"/task/{behind}").text
        assert "Why is it not running?" in page
        assert f'href="/task/{long}"' in page
        assert "Why is it not running?" not in asked.board.ask(f"/task/{long}").text

    def test_a_task_with_an_eta_waits_for_it_until_it_is_revoked(self, asked):
        later = asked.send("add", 1, 2, countdown=3600)

        told = asked.says(later, "eta")
        assert told["certainty"] == "sure"
        assert 3500 < step(told, "eta")["evidence"]["eta_at"] - time.time() <= 3600
        assert asked.board.post(f"/api/task/revoke/{later}").status == 200
        revoked = asked.says(later, "revoked")
        assert step(revoked, "revoked")["evidence"] == {"acknowledged by": asked.hostname}

    def test_the_place_in_a_queue_of_nobody_is_exact(self, asked):
        ids = [asked.send("add", number, 1, queue="nobodys") for number in range(3)]

        told = asked.says(ids[2], "consumers")
        assert told["sentence"] == "No worker consumes from the queue nobodys."
        assert told["certainty"] == "sure"
        assert step(told, "queue")["evidence"]["before"] == 2
        assert asked.board.ask("/api/task/why/of-nobody").status == 404

    def test_a_paused_queue_is_told_with_who_paused_it(self, asked):
        answer = asked.board.post("/api/queue/pause/halted", reason="release")
        assert answer.status == 200, answer.text

        told = asked.says(asked.send("add", 1, 2, queue="halted"), "paused")
        assert told["certainty"] == "sure"
        assert "(release)" in told["sentence"]
        assert told["about"] == {"kind": "queue", "subject": "halted"}


@pytest.mark.live
@pytest.mark.xdist_group("rabbit")
def test_rabbitmq_tells_the_length_and_says_why_it_tells_no_place(
    rabbit: Rabbit, start_dashboard: Callable[..., Dashboard]
) -> None:
    options = (f"--broker_api={rabbit.management_url}",)
    asked = Asked(rabbit.url, start_dashboard(rabbit.url, options=options))
    hears = lambda: asked.board.get("/api/connection")["connected"]  # noqa: E731
    wait_until(hears, 20, "the dashboard hears events")

    told = asked.says(asked.send("add", 1, 2, queue="whys"), "consumers")
    assert "No worker" in told["sentence"]
    assert "only by delivering it" in step(told, "queue")["words"]
