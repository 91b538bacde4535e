"""Queues are paused and workers drained, as the workers themselves tell: real brokers and pools."""

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode

import pytest
from celery import Celery

from tests.services import Dashboard, Rabbit, Worker, running, wait_until
from tests.web.api.conftest import BrokeredSite

pytestmark = pytest.mark.xdist_group("brokered")

TASK = "/api/task/send-task/tests.shop"
#: One pool each, so that each is read back; all on queues that no other test uses.
POOLS = {
    "solo": ("-P", "solo"),
    "threads": ("-P", "threads", "-c", "1"),
    "prefork": ("-P", "prefork", "-c", "1"),
}


class Yard:
    """Workers of three pools on queue `held`, that of prefork on `other` too, and a dashboard."""

    def __init__(self, site: BrokeredSite, workers: dict[str, Worker]) -> None:
        self.site, self.workers = site, workers
        self.dashboard: Dashboard = site.dashboard
        self.app = Celery(broker=site.broker.url, set_as_current=False)

    @property
    def is_on_rabbit(self) -> bool:
        return isinstance(self.site.broker, Rabbit)

    def consumes(self, pool: str, *queues: str, timeout_s: float = 15.0) -> None:
        """Wait until a worker itself says that it consumes from these, and from no other."""
        name = self.workers[pool].hostname

        def told() -> bool:
            found = self.app.control.inspect([name], timeout=2, limit=1).active_queues() or {}
            return name in found and {one["name"] for one in found[name]} == set(queues)

        wait_until(told, timeout_s, f"{pool} consumes from {queues}")

    def send(self, task: str, *args: Any, queue: str = "held", **options: Any) -> str:
        body = {"args": list(args), "queue": queue, **options}
        return self.dashboard.post(f"{TASK}.{task}", body).json()["task-id"]

    def state(self, uuid: str) -> str:
        answer = self.dashboard.ask(f"/api/task/info/{uuid}")
        return answer.json()["state"] if answer.status == 200 else ""

    def do(self, path: str, **form: Any) -> Any:
        answer = self.dashboard.post(f"/api/{path}", **form)
        assert answer.status == 200, answer.text
        return answer.json()

    def length(self, queue: str) -> int:
        return self.do(f"queue/purge/{queue}?dry_run=1")["count"]

    def drained(self, pool: str) -> Any:
        return self.dashboard.get("/api/holds")["workers"].get(self.workers[pool].hostname)


@pytest.fixture
def yard(crew: Yard) -> Yard:
    """Nothing is held, and all workers are known to consume as they were started."""

    def is_settled() -> bool:
        told, holds = (
            crew.dashboard.get("/api/workers", refresh=1),
            crew.dashboard.get("/api/holds"),
        )
        consumed = [
            told.get(one.hostname, {}).get("active_queues", ()) for one in crew.workers.values()
        ]
        kept = [one for one in holds["workers"].values() if one["stage"] != "ended"]
        is_whole = all("held" in {one["name"] for one in queues} for queues in consumed)
        return is_whole and not kept and not holds["queues"]

    wait_until(is_settled, 30, "nothing is held")
    return crew


@pytest.fixture(scope="module")
def crew(brokered: BrokeredSite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    folder, broker = tmp_path_factory.mktemp("held"), brokered.broker.url
    backend = brokered.dashboard.environment["SHOP_BACKEND"]
    queues = {"prefork": "held,other"}
    workers = {
        pool: Worker(folder, broker, backend, pool, (*options, "-Q", queues.get(pool, "held")))
        for pool, options in POOLS.items()
    }
    with contextlib.ExitStack() as services:
        services.callback(lambda: [worker.kill() for worker in workers.values()])
        for worker in workers.values():
            worker.launch()
        for worker in workers.values():
            worker.wait()
        made = Yard(brokered, workers)
        with made.app:
            yield made


def test_a_paused_queue_has_no_consumer_in_any_pool_until_it_is_resumed(yard):
    review = yard.do("queue/pause/held?dry_run=1")
    assert review["count"] == len(POOLS)

    told = yard.do("queue/pause/held", reason="a bad deploy", digest=review["digest"])

    assert len(told["outcomes"]) == len(POOLS)
    yard.consumes("solo")
    yard.consumes("threads")
    yard.consumes("prefork", "other")
    uuid = yard.send("add", 1, 2)
    page = yard.dashboard.ask("/tasks").text
    assert "paused" in page
    assert "a bad deploy" in page

    back = yard.do("queue/resume/held")

    assert (sorted(back["outcomes"]), back["gone"]) == (sorted(told["outcomes"]), {})
    yard.consumes("prefork", "held", "other")
    yard.consumes("solo", "held")
    yard.consumes("threads", "held")
    wait_until(lambda: yard.state(uuid) == "SUCCESS", what="what waited is run")
    wait_until(lambda: not yard.dashboard.get("/api/holds")["queues"], what="all have it back")
    assert yard.dashboard.post("/api/queue/resume/held").status == 404


def test_a_worker_that_joins_loses_a_paused_queue_and_gets_none_back_that_has_gone(yard, tmp_path):
    worker = yard.workers["solo"]
    joined = Worker(tmp_path, worker.environment["SHOP_BROKER"], "", "joined", worker.options)
    yard.do("queue/pause/held")
    with running(joined):
        yard.workers["joined"] = joined
        yard.consumes("joined")
        uuid = yard.send("add", 2, 2)
    wait_until(
        lambda: not yard.dashboard.get("/api/workers", status=1).get(joined.hostname),
        what="it has gone",
    )

    back = yard.do("queue/resume/held")

    assert list(back["gone"]) == [joined.hostname]
    wait_until(lambda: yard.state(uuid) == "SUCCESS", what="what waited is run")
    del yard.workers["joined"]


def test_a_pause_resumes_by_itself(yard):
    if yard.is_on_rabbit:  # nothing of it is the broker's
        return
    yard.do("queue/pause/held", **{"for": "1"})

    wait_until(lambda: not yard.dashboard.get("/api/holds")["queues"], what="it has resumed")
    yard.consumes("threads", "held")

    def newest() -> bool:
        entry = yard.dashboard.get("/api/audit", limit=1)["entries"][0]
        return (entry["action"], entry["who"]) == ("queue/resume", "flower_ng")

    wait_until(newest, what="that is on record")


def test_a_busy_solo_worker_is_told_of_the_pause_when_it_listens_again(yard):
    if yard.is_on_rabbit:
        return
    name = yard.workers["solo"].hostname
    yard.do(f"worker/queue/add-consumer/{name}", queue="slow")
    yard.dashboard.get("/api/workers", refresh=1)
    yard.send("sleep", 4, queue="slow")
    wait_until(lambda: not yard.length("slow"), what="it has taken the task")

    told = yard.do("queue/pause/slow")

    assert told["outcomes"][name]["outcome"] == "not sent"
    assert name in yard.dashboard.get("/api/holds")["queues"]["slow"]["troubles"]
    yard.consumes("solo", "held", timeout_s=30)
    yard.do("queue/resume/slow")
    yard.do(f"worker/queue/cancel-consumer/{name}", queue="slow")


def test_a_drained_worker_runs_what_it_holds_and_can_be_given_back(yard):
    name = yard.workers["prefork"].hostname
    uuid = yard.send("sleep", 3, queue="other")
    wait_until(lambda: yard.state(uuid) == "STARTED", what="it runs")

    told = yard.do(f"worker/drain/{name}", reason="kernel")

    assert sorted(told["outcomes"]) == ["held", "other"]
    yard.consumes("prefork")
    wait_until(lambda: (yard.drained("prefork")["left"] or {}).get("active") == 1, what="counted")
    assert "is being drained" in yard.dashboard.ask(f"/worker/{name}").text
    wait_until(lambda: yard.drained("prefork")["stage"] == "empty", what="it is empty")
    assert yard.state(uuid) == "SUCCESS"
    yard.do("queue/pause/other")
    back = yard.do(f"worker/undrain/{name}")
    assert (list(back["outcomes"]), back["held"]) == (["held"], ["other"])
    yard.consumes("prefork", "held")
    yard.do("queue/resume/other")
    yard.consumes("prefork", "held", "other")


def test_a_drain_that_times_out_tells_what_is_left_and_shuts_nothing_down(yard):
    if yard.is_on_rabbit:  # nothing of it is the broker's
        return
    name = yard.workers["prefork"].hostname
    uuid = yard.send("sleep", 10, queue="other")
    wait_until(lambda: yard.state(uuid) == "STARTED", what="it runs")

    yard.do(f"worker/drain/{name}", shutdown="1", **{"for": "1"})

    def late() -> Any:
        drained = yard.drained("prefork")
        return drained["left"] if drained["stage"] == "timed out" else None

    assert wait_until(late, what="its time is over")["active"] == 1
    yard.consumes("prefork")
    wait_until(lambda: yard.drained("prefork")["stage"] == "empty", 30, "it is empty")
    assert yard.state(uuid) == "SUCCESS"
    assert yard.workers["prefork"].running
    yard.do(f"worker/undrain/{name}")
    yard.consumes("prefork", "held", "other")


def test_workers_are_drained_in_turn_and_given_back(yard):
    names = [yard.workers[pool].hostname for pool in ("solo", "threads", "prefork")]
    chosen = urlencode([("worker", name) for name in names])
    path = f"workers/drain?{chosen}"
    rolling = lambda: yard.dashboard.get("/api/holds")["rolling"]  # noqa: E731
    stages = lambda: {one["worker"]: one["stage"] for one in rolling()["workers"]}  # noqa: E731
    review = yard.do(f"{path}&dry_run=1")
    assert (review["count"], review["refusals"]) == (3, [])

    yard.do(path, digest=review["digest"], reason="kernel")

    first, second, third = rolled = list(stages())
    assert sorted(rolled) == sorted(names)
    wait_until(lambda: stages()[first] == "empty", what="the first is empty")
    assert (stages()[second], stages()[third]) == ("waiting", "waiting")
    page = yard.dashboard.ask("/workers/drain").text
    assert "0 of 3 workers done" in page
    assert yard.dashboard.post(f"/api/{path}").status == 409
    yard.do(f"worker/undrain/{first}")
    wait_until(lambda: stages()[second] == "empty", what="the second follows")
    assert (stages()[first], stages()[third]) == ("given back", "waiting")

    told = yard.do("workers/undrain")

    assert list(told["workers"]) == [second]
    wait_until(lambda: stages()[second] == "given back", what="it is given back")
    assert stages()[third] == "waiting"
    assert rolling()["ended_by"]
    assert yard.dashboard.post("/api/workers/stop-drain").status == 404
    yard.consumes("prefork", "held", "other")


def test_a_rolling_drain_that_shuts_down_waits_until_each_is_back(yard, tmp_path):
    if yard.is_on_rabbit:
        return
    broker = yard.workers["solo"].environment["SHOP_BROKER"]
    options = ("-P", "solo", "-Q", "rolled")
    ships = {name: Worker(tmp_path, broker, "", name, options) for name in ("ship1", "ship2")}
    one, two = ships.values()
    stages = lambda: {  # noqa: E731
        it["worker"]: it["stage"] for it in yard.dashboard.get("/api/holds")["rolling"]["workers"]
    }
    with running(one), running(two):
        told = lambda: yard.dashboard.get("/api/workers", refresh=1)  # noqa: E731
        known = lambda: sum("rolled" in str(told().get(it.hostname)) for it in (one, two)) == 2  # noqa: E731
        wait_until(known, what="they have told their queues")

        yard.do("workers/drain?all=true&queue=rolled&by=queue&shutdown=true")

        wait_until(lambda: not one.running, 30, "the first has shut down")
        wait_until(lambda: stages()[one.hostname] == "ended", what="its end is seen")
        assert (two.running, stages()[two.hostname]) == (True, "waiting")
        with running(Worker(tmp_path, broker, "", "ship1", options)):
            wait_until(lambda: not two.running, 30, "the second follows when the first is back")
            assert stages()[one.hostname] == "back"
            yard.do("workers/stop-drain")


def test_a_drain_with_tasks_of_the_future_shuts_down_and_gives_them_back(yard, tmp_path):
    worker = yard.workers["threads"]
    options = ("-P", "threads", "-c", "1", "-Q", "later")
    spare = Worker(tmp_path, worker.environment["SHOP_BROKER"], "", "spare", options)
    name = spare.hostname
    with running(spare):
        uuid = yard.send("add", 4, 4, queue="later", countdown=600)
        wait_until(lambda: yard.state(uuid) == "RECEIVED", what="the worker holds it")
        ready = lambda: yard.dashboard.post(f"/api/worker/drain/{name}", shutdown="1").status == 200  # noqa: E731
        wait_until(ready, what="it has told its queues")

        wait_until(lambda: not spare.running, 30, "it has shut down")

    wait_until(lambda: yard.length("later") == 1, what="the task of the future is in its queue")
    stage = lambda: yard.dashboard.get("/api/holds")["workers"][name]["stage"]  # noqa: E731
    wait_until(lambda: stage() == "ended", what="its end is told")
    yard.do("queue/purge/later", confirm="later")


def test_a_revoke_is_acknowledged_and_told_to_workers_that_join(yard, tmp_path):
    worker = yard.workers["threads"]
    options = ("-P", "threads", "-c", "1", "-Q", "spared")
    spare = Worker(tmp_path, worker.environment["SHOP_BROKER"], "", "spared", options)
    uuid = yard.send("add", 5, 5, queue="spared", countdown=3600)

    told = yard.do(f"task/revoke/{uuid}")

    assert worker.hostname in told["acknowledged"]
    with running(spare):  # it has never heard of the revoke, and takes the task

        def knows() -> bool:
            inspect = yard.app.control.inspect([spare.hostname], timeout=2, limit=1)
            return uuid in (inspect.revoked() or {}).get(spare.hostname, ())

        wait_until(knows, 30, "the newcomer is told")
        wait_until(lambda: yard.state(uuid) == "RECEIVED", what="it holds the task")
        page = yard.dashboard.ask(f"/task/{uuid}").text
        assert "dropped at its ETA" in page
    yard.do("queue/purge/spared", confirm="spared")


def test_many_tasks_are_terminated_those_that_run_and_those_that_wait(yard):
    uuids = [yard.send("sleep", 300, queue="other") for _ in range(2)]  # a pool of one process
    states = lambda: sorted(map(yard.state, uuids))  # noqa: E731
    wait_until(lambda: states() == ["RECEIVED", "STARTED"], what="one runs, one waits in it")

    chosen = urlencode([("ids", uuid) for uuid in uuids])
    review = yard.do(f"batches/terminate?{chosen}&dry_run=1")
    batch = yard.do(f"batches/terminate?{chosen}", digest=review["digest"])["batch"]

    over = lambda: yard.dashboard.get(f"/api/batches/{batch}")["state"] == "ended"  # noqa: E731
    wait_until(over, what="the batch has ended")
    told = yard.dashboard.get(f"/api/batches/{batch}")
    assert [one["outcome"] for one in told["items"]] == ["done", "done"]
    wait_until(lambda: states() == ["REVOKED", "REVOKED"], 30, "both have ended")
    name = yard.workers["prefork"].hostname

    def is_free() -> bool:
        asked = yard.app.control.inspect([name], timeout=10, limit=1)
        return (asked.active() or {}).get(name) == [] == (asked.reserved() or {}).get(name)

    wait_until(is_free, what="the worker itself holds neither")


def test_what_has_not_ended_below_a_root_is_revoked_in_a_batch(yard):
    root = f"root-{yard.site.broker.url.partition(':')[0]}"
    send = partial(yard.app.send_task, "tests.shop.add", (1, 2), queue="held", root_id=root)
    waiting, ended = [send(countdown=3600).id, send(countdown=3600).id], send().id
    wait_until(lambda: all(yard.state(one) == "RECEIVED" for one in waiting), what="they wait")
    wait_until(lambda: yard.state(ended) == "SUCCESS", what="one has ended")
    query = urlencode({"all": "true", "search": f"root:={root} -state:SUCCESS"})
    review = yard.do(f"batches/revoke?{query}&dry_run=1")
    assert (review["count"], review["cautions"]) == (2, [])

    batch = yard.do(f"batches/revoke?{query}", digest=review["digest"])["batch"]

    over = lambda: yard.dashboard.get(f"/api/batches/{batch}")["state"] == "ended"  # noqa: E731
    wait_until(over, what="the batch has ended")
    told = yard.dashboard.get(f"/api/batches/{batch}")
    assert told["counts"]["done"] == 2
    assert {one["why"] for one in told["items"]} == {""}
    names = {one.hostname for one in yard.workers.values()}
    known = yard.app.control.inspect(list(names), timeout=5, limit=len(names)).revoked() or {}
    assert {name for name in names if set(waiting) <= set(known.get(name, ()))} == names


def test_tasks_are_revoked_by_a_stamp(yard):
    def send(customer: str) -> str:
        options = {"stamped_headers": ["customer"], "customer": customer}
        return str(yard.app.send_task("tests.shop.add", (1, 2), queue="held", **options).id)

    yard.do("queue/pause/held")
    body = {"stamps": {"customer": ["7", "8"]}}
    review = yard.dashboard.post("/api/tasks/revoke-stamped?dry_run=1", body).json()
    assert (review["count"], review["refusals"]) == (None, [])
    assert review["target"] == "customer=7, customer=8"

    told = yard.dashboard.post("/api/tasks/revoke-stamped", body).json()

    assert set(told["acknowledged"]) >= {one.hostname for one in yard.workers.values()}
    revoked, other = send("7"), send("9")
    yard.do("queue/resume/held")
    wait_until(lambda: yard.state(revoked) == "REVOKED", what="its worker drops it")
    wait_until(lambda: yard.state(other) == "SUCCESS", what="another customer's runs")
    for wrong in ({}, {"stamps": {}}, {"stamps": {"customer": [7]}}, {"stamps": "customer"}):
        answer = yard.dashboard.post("/api/tasks/revoke-stamped", wrong)
        assert (answer.status, "stamps" in answer.text) == (400, True), answer.text


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_what_was_paused_is_paused_after_a_restart_of_dashboard_and_worker(yard, tmp_path, end):
    if yard.is_on_rabbit:
        return
    options = ("--persistent", f"--db={tmp_path / 'flower'}")
    dashboard = Dashboard(tmp_path, yard.site.broker.url, "", options)
    name = yard.workers["solo"].hostname
    with running(dashboard):
        seen = lambda: "active_queues" in dashboard.get("/api/workers", refresh=1).get(name, {})  # noqa: E731
        wait_until(seen, what="the worker has told its queues")
        paused = dashboard.post("/api/queue/pause/held", reason="a bad deploy")
        assert paused.status == 200
        getattr(dashboard, end)()
        yard.consumes("threads")  # who ends in order gives nothing back either
        yard.workers["solo"].stop()
        before = yard.workers["solo"]
        yard.workers["solo"] = Worker(
            before.log.parent, yard.site.broker.url, "", "solo", before.options
        ).start()
        yard.consumes("solo", "held")

        dashboard.start()

        yard.consumes("solo")
        page = dashboard.ask("/tasks").text
        assert "paused" in page
        assert "a bad deploy" in page
        assert dashboard.post("/api/queue/resume/held").json()["gone"] == {}
        yard.consumes("solo", "held")
        yard.consumes("threads", "held")


def test_a_rolling_drain_goes_on_after_a_kill_and_drains_no_worker_twice(yard, tmp_path):
    if yard.is_on_rabbit:
        return
    options = ("--persistent", f"--db={tmp_path / 'flower'}")
    dashboard = Dashboard(tmp_path, yard.site.broker.url, "", options)
    pools = {yard.workers[pool].hostname: pool for pool in ("solo", "threads")}
    with running(dashboard):
        told = lambda: dashboard.get("/api/workers", refresh=1)  # noqa: E731
        seen = lambda: all("active_queues" in told().get(name, {}) for name in pools)  # noqa: E731
        wait_until(seen, what="the workers have told their queues")
        rolled = lambda: dashboard.get("/api/holds")["rolling"]["workers"]  # noqa: E731
        stages = lambda: {one["worker"]: one["stage"] for one in rolled()}  # noqa: E731
        chosen = urlencode([("worker", name) for name in pools])
        assert dashboard.post(f"/api/workers/drain?{chosen}").status == 200
        first, second = stages()
        wait_until(lambda: stages()[first] == "empty", what="the first is empty")
        assert "started again, it goes on where it was" in dashboard.ask("/workers/drain").text
        cancelled = lambda: yard.workers[pools[first]].output().count("Canceling queue")  # noqa: E731
        before = cancelled()
        dashboard.kill()
        dashboard.start()

        wait_until(seen, what="the workers have told their queues again")
        assert stages() == {first: "empty", second: "waiting"}
        assert dashboard.post(f"/api/worker/undrain/{first}").status == 200
        wait_until(lambda: stages()[second] == "empty", what="the second follows")
        assert stages()[first] == "given back"
        assert dashboard.post("/api/workers/undrain").status == 200
        for pool in pools.values():
            yard.consumes(pool, "held")
        assert cancelled() == before > 0
