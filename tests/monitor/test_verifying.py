"""Which tasks are asked for, when, and what is made of the answers.

The backend is a stand-in, so that time and failures can be chosen; real ones are in tests/live.
"""

import asyncio

import pytest

from flower_ng.errors import Unavailable
from flower_ng.monitor.remote import verifying
from flower_ng.monitor.remote.verifying import OLDER, Verifier
from flower_ng.monitor.state.backend_outcome import Outcome
from flower_ng.monitor.state.state import ClusterState
from flower_ng.records import BACKEND, INFERRED, Task
from tests.monitor.test_state import NOW, Notes, task_event, worker_event


class Backend:
    """Holds outcomes by id; `fails` is the error that it raises."""

    def __init__(self):
        self.held, self.asked, self.fails, self.why = {}, [], None, ""

    async def refusal(self):
        return self.why

    async def outcomes(self, uuids):
        self.asked += uuids
        if self.fails:
            raise self.fails
        return {uuid: self.held.get(uuid, Outcome("PENDING")) for uuid in uuids}


class Town:
    """A state on a clock of its own, and what verifies it."""

    def __init__(self):
        self.now, self.notes, self.backend = NOW, Notes(), Backend()
        self.state = ClusterState(clock=lambda: self.now, observers=(self.notes,))
        self.verifier = Verifier(self.state, self.backend, self.is_gone, clock=lambda: self.now)

    def is_gone(self, worker):
        return not self.state.is_alive(self.state.workers[worker])

    def starts(self, *uuids, host="w1@box"):
        for uuid in uuids:
            self.state.event(task_event("started", uuid, self.now, host))

    def beats(self, host="w1@box"):
        self.state.event(worker_event(host=host, at=self.now))

    async def look(self, after_s=0.0, *, alive=True):
        self.now += after_s
        if alive:
            self.beats()
        self.backend.asked.clear()
        await self.verifier.look()
        return self.backend.asked


@pytest.fixture
def town(monkeypatch):
    monkeypatch.setattr(verifying, "TOGETHER", 5)
    monkeypatch.setattr(verifying, "PER_S", 1e9)  # nobody waits here
    return Town()


async def test_a_task_that_was_silent_for_a_while_is_asked_for_and_then_ever_more_rarely(town):
    town.starts("a")
    asked_at = [second for second in range(0, 900, 5) if await town.look(5.0)]

    assert asked_at == [25, 85, 205, 445]


async def test_an_end_is_learned_and_said_to_be_the_backends(town):
    town.starts("a")
    town.backend.held["a"] = Outcome("FAILURE", NOW + 9, "E()", "T")
    await town.look(31.0)

    task = town.state.tasks["a"]
    assert (task.state, task.state_source, task.failed) == ("FAILURE", BACKEND, NOW + 9)
    assert town.notes.learned_ids == ["a"]
    assert town.verifier.learned == {"FAILURE": 1}
    assert town.state.tallies.states["FAILURE"] == 1
    assert town.state.counter["w1@box"]["task-failed"] == 0
    assert await town.look(4000.0) == []


async def test_an_end_that_was_inferred_is_asked_for_until_the_backend_knows_it(town):
    town.state.event({**task_event("received", "a", NOW), "retries": 0})
    town.starts("a")
    town.now += 1  # the receipt of the attempt that starts now is lost
    town.starts("a")
    town.state.event(task_event("failed", "a", NOW + 2))
    task = town.state.tasks["a"]

    assert (task.state, task.state_source) == ("FAILURE", INFERRED)
    assert await town.look(31.0) == ["a"]
    assert (task.state, task.state_source) == ("FAILURE", INFERRED)

    town.backend.held["a"] = Outcome("SUCCESS", NOW + 9)
    assert await town.look(61.0) == ["a"]
    assert (task.state, task.state_source) == ("SUCCESS", BACKEND)
    assert await town.look(4000.0) == []


async def test_an_event_that_comes_later_takes_the_state_over(town):
    town.starts("a")
    town.backend.held["a"] = Outcome("SUCCESS", NOW + 9)
    await town.look(31.0)
    town.state.event(task_event("succeeded", "a", NOW + 9))

    assert (town.state.tasks["a"].state, town.state.tasks["a"].state_source) == ("SUCCESS", None)


async def test_an_earlier_event_that_comes_late_or_twice_takes_no_state_back(town):
    town.starts("a")
    started_at = town.now
    town.backend.held["a"] = Outcome("SUCCESS", NOW + 9)
    await town.look(31.0)
    for kind in ("received", "started", "started", "progress"):
        town.state.event(task_event(kind, "a", started_at))

    assert (town.state.tasks["a"].state, town.state.tasks["a"].state_source) == ("SUCCESS", BACKEND)


async def test_a_state_of_the_apps_own_is_no_end(town):
    town.starts("a")
    town.backend.held["a"] = Outcome("PROGRESS", detail="{'current': 1}")
    await town.look(31.0)

    assert town.state.tasks["a"].state == "STARTED"
    assert town.verifier.answer("a").state == "PROGRESS"
    assert town.verifier.answer("a").detail is None
    town.now += 5
    assert (await town.verifier.ask(Task("a"), 1.0)).detail == "{'current': 1}"


async def test_tasks_of_a_worker_that_is_gone_are_asked_for_at_once_and_lost_only_then(town):
    town.beats()
    town.starts("a", "b")
    town.backend.held["a"] = Outcome("SUCCESS", NOW + 9)
    assert town.verifier.lost("w1@box", 2) == 0

    assert set(await town.look(10.0, alive=False)) == {"a", "b"}
    await town.look(1.0, alive=False)
    assert town.verifier.lost("w1@box", 1) == 1


async def test_a_task_that_was_asked_for_while_it_ran_is_asked_for_again_when_its_worker_goes(town):
    town.beats()
    town.starts("a")
    assert await town.look(31.0) == ["a"]
    assert await town.look(5.0) == []

    assert await town.look(10.0, alive=False) == ["a"]


async def test_what_its_worker_denies_is_asked_for_at_the_next_look(town):
    town.starts("a")
    await town.look(1.0)
    town.verifier.doubt("a")
    denied_at = town.now

    assert not town.verifier.is_settled("a", denied_at)
    assert await town.look(1.0) == ["a"]
    assert town.verifier.is_settled("a", denied_at)


async def test_the_newest_doubts_come_first_and_a_look_asks_for_so_many(town, monkeypatch):
    monkeypatch.setattr(verifying, "MOST", 7)
    for number in range(20):
        town.starts(str(number))
        town.now += 1

    assert await town.look(40.0) == [str(number) for number in range(19, 12, -1)]
    assert town.verifier.waiting == 13
    assert set(await town.look(0.0)) == {str(number) for number in range(6, 13)}


async def test_a_task_is_not_asked_for_before_its_eta(town):
    town.state.event(task_event("received", "a", NOW, eta="2033-01-01T00:00:00"))

    assert await town.look(3600.0) == []


async def test_a_result_that_was_there_before_the_task_started_is_not_its_end(town):
    town.starts("a")
    town.backend.held["a"] = Outcome("SUCCESS", NOW - 60)
    await town.look(31.0)

    assert town.state.tasks["a"].state == "STARTED"
    assert (town.verifier.answer("a").state, town.verifier.answer("a").why) == (None, OLDER)


async def test_a_backend_that_fails_is_left_alone_for_a_while_and_its_words_are_kept(town):
    town.starts("a")
    town.backend.fails = Unavailable("it is away")
    await town.look(31.0)

    assert town.verifier.answer("a").why == "it is away"
    town.starts("b")
    town.verifier.doubt("b")
    assert await town.look(5.0) == []
    town.backend.fails = None
    assert "b" in await town.look(31.0)


async def test_where_nothing_can_be_asked_nothing_is_and_all_that_a_worker_left_is_lost(town):
    town.backend.why = "No result backend is configured"
    town.starts("a")
    assert town.verifier.lost("w1@box", 1) == 0

    assert await town.look(31.0) == []
    assert town.verifier.refusal == "No result backend is configured"
    assert town.verifier.lost("w1@box", 1) == 1


async def test_who_asks_for_a_task_waits_no_longer_than_he_likes(town):
    town.starts("a")
    town.backend.outcomes = lambda _uuids: asyncio.sleep(5)

    async with asyncio.timeout(4):
        assert await town.verifier.ask(Task("a"), 0.05) is None


async def test_all_who_look_at_a_task_share_one_question(town):
    town.starts("a")
    await asyncio.gather(*(town.verifier.ask(Task("a"), 1.0) for _ in range(5)))

    assert town.backend.asked == ["a"]


async def test_answers_about_tasks_that_are_gone_are_forgotten(town):
    town.starts("a")
    await town.verifier.ask(Task("b"), 1.0)
    await town.look(1.0)

    assert town.verifier.answer("b") is None
