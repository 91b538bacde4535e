"""Chains, groups and chords on a real Redis: each is found by the id that it returned."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery, chain, chord, group

from tests.services import Dashboard, Redis, Worker, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("live-redis")]

Found = dict[str, Any]


@pytest.fixture(scope="module")
def sent(redis_server: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """What `send` returned by name, and the dashboard that saw it."""
    folder = tmp_path_factory.mktemp("workflows")
    broker = f"{redis_server.url[:-1]}7"
    more = {"imports": ["tests.flow_tasks"], "worker_prefetch_multiplier": 64}
    worker = Worker(folder, broker, broker, "flows", env={"SHOP_CONF": json.dumps(more)})
    dashboard = Dashboard(folder, broker, broker)
    worker.launch()
    dashboard.start()
    worker.wait()
    hears = lambda: dashboard.get("/api/connection")["connected"]  # noqa: E731
    wait_until(hears, 20, "the dashboard hears events")
    with Celery("sender", broker=broker, backend=broker) as app:
        app.conf.task_send_sent_event = True
        try:
            yield send(app), dashboard
        finally:
            worker.kill()
            dashboard.stop()


def send(app: Celery) -> dict[str, str]:
    """Send one of each; return the ids that the callers got."""

    def of(name: str, *args: Any, **more: Any) -> Any:
        return app.signature(name, args=args, app=app, **more)

    def add(*args: int) -> Any:
        return of("tests.shop.add", *args)

    total = of("tests.flow_tasks.total")
    results = {
        "chain": chain(add(1, 2), add(3), add(4)).apply_async(),
        "group": group(add(1, number) for number in range(5)).apply_async(),
        "chord": chord([add(1, number) for number in range(3)], total).apply_async(),
        "chord in a chain": (
            add(1, 1) | group(add(1), add(2) | add(3)) | total | add(5)
        ).apply_async(),
        "failed member": chord(
            [add(1, 1), of("tests.shop.fail", immutable=True)], total
        ).apply_async(),
        "retry": chain(
            of("tests.shop.flaky", 1), of("tests.shop.add", 1, 1, immutable=True)
        ).apply_async(),
        "replaced": of("tests.flow_tasks.instead").apply_async(),
        "nested": of("tests.flow_tasks.spread", 3).apply_async(),
        "large": chord([add(number, 1) for number in range(1000)], total).apply_async(),
    }
    return {name: result.id for name, result in results.items()}


def found(sent: Any, name: str, is_so: Callable[[Found], bool]) -> Found:
    """Return the workflow of what was sent so, as soon as it is so."""
    ids, dashboard = sent

    def look() -> Found | None:
        answer = dashboard.ask(f"/api/workflow/{ids[name]}")
        told: Found = answer.json() if answer.status == 200 else {}
        return told if told and is_so(told) else None

    return wait_until(look, 12, f"{name} is told")


def all_ended(number: int) -> Callable[[Found], bool]:
    return lambda told: (
        len(told["tasks"]) == number and all(one["ended"] is not None for one in told["tasks"])
    )


def bodies(told: Found) -> dict[str, int]:
    """Return the types of the bodies that are sure, and how many tasks each waited for."""
    return {one["name"]: len(one["waits_for"]) for one in told["tasks"] if one["waits_for_is_sure"]}


def test_a_chain_is_one_workflow_from_any_of_its_tasks(sent):
    told = found(sent, "chain", all_ended(3))

    assert [one["parent_id"] for one in told["tasks"]] == [None, *told["critical"][:2]]
    assert bodies(told) == {}


def test_the_id_of_a_group_finds_its_members(sent):
    told = found(sent, "group", all_ended(5))

    assert (told["root_id"], told["group_id"]) == (None, sent[0]["group"])


def test_the_id_of_a_chord_finds_body_and_members(sent):
    told = found(sent, "chord", all_ended(4))

    assert bodies(told) == {"tests.flow_tasks.total": 3}
    assert told["critical"][-1] == sent[0]["chord"]


def test_a_chord_in_a_chain_has_its_body_behind_its_group(sent):
    told = found(sent, "chord in a chain", all_ended(6))

    assert bodies(told) == {"tests.flow_tasks.total": 2}
    assert told["critical"][-1] == sent[0]["chord in a chain"]


def test_a_chord_that_failed_is_found_by_the_id_of_its_body_that_was_never_sent(sent):
    told = found(sent, "failed member", lambda told: "FAILURE" in told["states"])

    assert sent[0]["failed member"] not in {one["uuid"] for one in told["tasks"]}


def test_retries_and_replaced_tasks_stay_in_their_workflow(sent):
    assert found(sent, "retry", all_ended(2))["states"] == {"SUCCESS": 2}
    replaced = found(sent, "replaced", all_ended(3))
    assert any("replaced" in note for note in replaced["notes"])


def test_a_chord_that_a_task_sends_is_below_that_task(sent):
    told = found(sent, "nested", all_ended(5))

    assert told["root_id"] == sent[0]["nested"]
    assert bodies(told) == {"tests.flow_tasks.total": 3}
    group_id = next(one["group_id"] for one in told["tasks"] if one["group_id"])
    assert sent[1].get(f"/api/workflow/{group_id}")["root_id"] == sent[0]["nested"]


def test_a_thousand_members_are_shown_within_a_second(sent):
    told = found(sent, "large", all_ended(1001))
    begin = time.monotonic()
    page = sent[1].ask(f"/workflow/{sent[0]['large']}")

    assert page.status == 200
    assert time.monotonic() - begin < 2
    assert "×999" in page.text  # the member that sent the body stands alone
    assert bodies(told) == {"tests.flow_tasks.total": 1000}
    assert sent[1].get("/api/workflows", search="tests.flow_tasks.total")["workflows"]
