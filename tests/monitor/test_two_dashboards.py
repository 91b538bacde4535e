"""Two dashboards on one PostgreSQL: what is held is known to both, and seen to by one."""

import asyncio
from types import SimpleNamespace

import pytest

from flower_ng.monitor.holds import ownership
from flower_ng.monitor.holds.crew import Crew
from flower_ng.monitor.holds.keeper import Holds
from flower_ng.monitor.holds.pausing import AGAIN_S
from flower_ng.monitor.remote.many import WorkerOutcome
from flower_ng.records import Worker
from flower_ng.store import HandledFailure, Store

NOON = 1_790_000_000.0


class Town:
    """A worker that consumes from `mail`, and a clock."""

    def __init__(self):
        self.now, self.queues = NOON, {"mail"}
        self.workers = {"w": Worker("w", pid=1)}


class Dashboard:
    """Its own control and holds over a store of the shared history; `sent` are its commands."""

    def __init__(self, town, history):
        self.town, self.sent, self.recorded = town, [], []
        self.store = Store(None, max_tasks=10, history=history, clock=lambda: town.now)
        self.store.start()
        crew = Crew(self, self, lambda: town.workers, lambda _: "online", lambda: town.now)
        notes = self.store.owned_notes
        self.holds = Holds(crew, notes, self.store.notebook, self.recorded.append, dict)

    @property
    def told(self):
        return {"w": SimpleNamespace(queues=tuple(self.town.queues))}

    async def inspect(self, *_asked):
        """Ask nobody: what the worker tells is always known."""

    def ages(self, _worker):
        return {}

    async def command_many(self, workers, order):
        name, queue = order.command.name, order.arguments.get("queue")
        self.sent.append((name, queue or order.arguments["task_id"]))
        if queue:
            change = self.town.queues.add if name == "add_consumer" else self.town.queues.discard
            change(queue)
        return {worker: WorkerOutcome("done", "ok") for worker in workers}


@pytest.fixture
def town():
    return Town()


@pytest.fixture
def pair(town, history):
    both = [Dashboard(town, history) for _ in "ab"]
    yield both
    for one in both:
        one.store.stop()


pytestmark = pytest.mark.parametrize("history", ["PostgreSQL"], indirect=True)


async def test_what_one_holds_the_other_shows_and_either_can_end(pair, town):
    here, there = pair
    await here.holds.pause("mail", "ann", "a bad deploy")
    await there.holds.look()
    assert there.holds.pauses["mail"].reason == "a bad deploy"
    town.queues.add("mail")  # somebody else had it consume again
    town.now += AGAIN_S
    await there.holds.look()
    assert there.sent == []
    await here.holds.look()
    assert town.queues == set()

    await there.holds.resume("mail", "bea")
    await there.store.owned_notes.settled()
    await here.holds.look()

    assert (town.queues, here.holds.pauses, there.holds.pauses) == ({"mail"}, {}, {})
    assert there.sent == [("add_consumer", "mail")]


async def test_a_pause_ends_once_and_by_one_of_them(pair, town):
    here, there = pair
    await here.holds.pause("mail", "ann", for_s=60)
    await there.holds.look()
    town.now += 61

    for one in (there, here, there, here):
        await one.holds.look()

    assert [len(one.recorded) for one in pair] == [1, 0]
    assert (here.sent[-1], there.sent) == (("add_consumer", "mail"), [])


async def test_one_that_is_gone_is_followed_by_the_other(pair, town, monkeypatch):
    here, there = pair
    await here.holds.pause("mail", "ann")
    await there.holds.look()
    town.queues.add("mail")

    monkeypatch.setattr(ownership, "SILENT_S", 0.0)
    await there.holds.look()

    assert there.sent == [("cancel_consumer", "mail")]
    await here.holds.look()  # it was only away for a while: it does nothing now
    assert len(here.sent) == 1


async def test_what_is_resolved_and_reopened_here_is_so_there(pair):
    here, there = (one.store.failure_handling for one in pair)
    resolved = HandledFailure("d1", NOON, resolved_at=NOON, reason="fixed")
    here.put(resolved)
    await here.settled()

    await there.follow()
    assert there.by_key == {"d1": resolved}

    there.put(HandledFailure("d1", NOON + 1))
    await here.follow()
    assert here.by_key in ({"d1": resolved}, {})
    await there.settled()
    await here.follow()
    assert here.by_key == {}


async def test_what_is_revoked_here_is_told_there_too(pair):
    here, there = pair
    await here.holds.revoke("t1", "ann")
    await there.holds.look()

    assert there.sent == [("revoke", ["t1"])]
    assert there.holds.revoked["t1"].who == "ann"


async def test_a_silent_history_keeps_no_revoke_waiting_for_what_others_revoked(pair, monkeypatch):
    here, _ = pair
    is_asked, answers = asyncio.Event(), asyncio.Event()

    async def waits(*_):
        is_asked.set()
        await answers.wait()

    monkeypatch.setattr(here.store.notebook, "newest", waits)
    looking = asyncio.create_task(here.holds.look())
    await is_asked.wait()
    told = await asyncio.wait_for(here.holds.revoke("t1", "ann"), 5)
    answers.set()
    await looking

    assert all(one.word == "done" for one in told.values())
