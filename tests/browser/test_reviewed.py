"""Reviewed actions, each by mouse, by keyboard, and without script: asked once, done once."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from flower_ng.brokers import WaitingMessage
from flower_ng.monitor.remote.many import WorkerOutcome
from tests.web.pages.shop import W1
from tests.web.pages.test_worker import ANSWERS

pytestmark = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.xdist_group("browser"),
]
DONE = WorkerOutcome("done", "ok")


@dataclass(frozen=True)
class Flow:
    """A form on a page: what is opened and filled in before its button, and what it then calls.

    `opens` and `answers` are the same in its review. `calls` is a method of the cluster's `on`,
    which returns `gives`.
    """

    path: str
    button: str
    calls: str
    summary: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    says: str = ""
    opens: str = ""
    answers: tuple[tuple[str, str], ...] = ()
    on: str = "holds"
    gives: object = field(default_factory=lambda: {W1: DONE})


FLOWS = {
    "drain": Flow("/worker/w1@box", "Drain", "drain", "Actions", says="It stops consuming from"),
    "drain in turn": Flow(
        "/workers/drain",
        "Drain in turn",
        "roll_over",
        fields=(("#roll-away", "2"),),
        says="At most 2 workers may be away at once",
    ),
    "pause": Flow("/queues/celery", "Pause", "pause", "Pause", says="stops consuming from it"),
    "revoke by stamp": Flow(
        "/actions",
        "Revoke",
        "revoke_stamped",
        "Revoke all tasks with a stamp",
        (("#revoke-stamps", '{"customer": "7"}'),),
        "customer=7",
    ),
    "purge": Flow(
        "/queues/celery",
        "Purge",
        "purge",
        says="All messages that wait in the queue are removed",
        answers=(("confirm", "celery"),),
        on="broker",
        gives=7,
    ),
    "delete a message": Flow(
        "/queues/celery",
        "Delete",
        "remove",
        says="The message of task waiting is removed from the queue",
        on="broker",
        gives=True,
    ),
    "move": Flow(
        "/queues/celery",
        "Move",
        "move",
        "Move",
        (("#move-to", "other"), ("#move-n", "3")),
        "are put at the end of other",
        on="broker",
        gives=SimpleNamespace(moved=3, why="", left=4, uncertain=0),
    ),
    "run again": Flow(
        "/task/failed",
        "Run again",
        "send_task",
        says="A new task of the same type is sent",
        opens="args: send others",
        answers=(("args", "[8]"),),
        on="publisher",
    ),
    "send": Flow(
        "/types/shop.pay",
        "Send",
        "apply_async",
        "Send a task of this type",
        (("#send-args", "[1, 2]"),),
        "A new task of this type is sent",
        on="publisher",
    ),
}


async def no_arguments(_task_id):
    return None


@pytest.fixture
def called(shop):
    """The calls that change something, which do nothing else."""
    shop.beat()
    shop.inspector.workers = {W1: ANSWERS}
    shop.task("failed", ends="task-failed", exception="ValueError()", traceback="")
    shop.queues, shop.broker.told = ["celery", "other"], [{"name": "celery", "messages": 7}]
    shop.broker.waiting = (WaitingMessage("waiting", "shop.pay", args="[1]", kwargs="{}"),)
    shop.publisher.stored_arguments = no_arguments
    calls = []

    def record(flow):
        async def call(*_given, **_options):
            calls.append(flow.calls)
            return flow.gives

        return call

    for flow in FLOWS.values():
        setattr(getattr(shop, flow.on), flow.calls, record(flow))
    shop.holds.consumers = lambda _queue: [W1]
    return calls


@pytest.mark.parametrize("way", ["mouse", "keyboard", "without script"])
@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS.keys())
async def test_it_is_reviewed_and_done_once(window, called, flow, way):
    async with window(java_script_enabled=way != "without script") as it:
        page = await it.open(flow.path)

        async def press(found):
            if way == "keyboard":
                await found.focus()
                await page.keyboard.press("Enter")
            else:
                await found.click()

        main, review = page.locator("main"), page.locator("#review")
        if flow.summary:
            await press(main.locator("summary", has_text=flow.summary).first)
        for field, text in flow.fields:
            await page.fill(field, text)
        await press(main.locator(f"button:text-is('{flow.button}')").first)
        assert flow.says in await review.inner_text()
        assert called == []
        if flow.opens:
            await press(review.locator("summary", has_text=flow.opens).first)
        for name, text in flow.answers:
            answer = review.locator(f"[name={name}]")
            await answer.focus()
            await page.keyboard.type(text)

        await press(review.locator(f"button:text-is('{flow.button}')"))
        await page.locator(".toast").wait_for()

        assert called == [flow.calls]
