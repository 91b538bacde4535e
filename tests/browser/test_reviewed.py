"""Reviewed actions, each by mouse, by keyboard, and without script: asked once, done once."""

from dataclasses import dataclass

import pytest

from flower_ng.monitor.holds.pausing import Settlement
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
    """A form on a page: what is opened and filled in before its button, and what it then calls."""

    path: str
    button: str
    calls: str
    summary: str = ""
    fields: tuple[tuple[str, str], ...] = ()
    says: str = ""


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
}


@pytest.fixture
def called(shop):
    """The calls of the holds, which do nothing else."""
    shop.beat()
    shop.inspector.workers = {W1: ANSWERS}
    shop.queues, shop.broker.told = ["celery"], [{"name": "celery", "messages": 7}]
    calls = []

    def record(name):
        async def call(*_given, **_options):
            calls.append(name)
            return {W1: DONE} if name != "resume" else Settlement()

        return call

    for flow in FLOWS.values():
        setattr(shop.holds, flow.calls, record(flow.calls))
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

        await press(review.locator(f"button:text-is('{flow.button}')"))
        await page.locator(".toast").wait_for()

        assert called == [flow.calls]
