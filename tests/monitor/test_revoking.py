"""Revokes are kept up: each worker is told what it has not acknowledged, once."""

import pytest

from flower_ng.monitor.holds import revoking
from flower_ng.monitor.holds.crew import Crew
from flower_ng.monitor.holds.pausing import AGAIN_S
from flower_ng.monitor.holds.revoking import AT_ONCE, KEPT_UP_S, TIDY_S, Revoking
from flower_ng.monitor.remote.commands import revoke_stamped
from flower_ng.monitor.remote.many import WorkerOutcome
from flower_ng.records import Task, Worker
from flower_ng.store import Store

NOON = 1_790_000_000.0
DONE, SILENT = WorkerOutcome("done", "ok"), WorkerOutcome("not sent", "No answer")


class Yard:
    """Workers that are told, and a clock; who is in `deaf` does not answer."""

    def __init__(self, store):
        self.now, self.sent, self.deaf, self.tasks = NOON, [], set(), {}
        self.written = []
        self.workers = {name: Worker(name, pid=1) for name in ("a", "b")}
        self.store = store
        self.restart()

    def restart(self):
        """Begin as a dashboard does that was killed: all that is known is what was written."""
        crew = Crew(self, None, lambda: self.workers, lambda _: "online", lambda: self.now)
        self.revoking = Revoking(crew, lambda: self.tasks, self.store.notebook)
        self.revoking.restore()

    @property
    def kept(self):
        return set(self.store.notebook.read("revoke"))

    async def command_many(self, workers, order):
        self.written.append(await self.store.notebook.newest("revoke"))
        heard = [name for name in workers if name not in self.deaf]
        self.sent += [(name, told_of(order)) for name in heard]
        return {name: DONE if name in heard else SILENT for name in workers}

    async def tell(self, uuid):
        self.sent.clear()
        return await self.revoking.tell(uuid, "ann", None)

    async def keep(self, after_s=0.0):
        self.sent.clear()
        self.now += after_s
        await self.revoking.keep()
        return self.sent


def told_of(order):
    return order.arguments.get("task_id") or order.arguments["headers"]


@pytest.fixture
def yard(tmp_path):
    store = Store(tmp_path / "kept", max_tasks=10, clock=lambda: NOON)
    store.start()
    yield Yard(store)
    store.stop()


async def test_who_has_acknowledged_all_is_told_nothing_more(yard):
    await yard.tell("t1")
    await yard.tell("t2")

    assert yard.revoking.revoked["t2"].told == ("a", "b")
    assert await yard.keep(60) == []


async def test_who_restarts_or_joins_is_told_all_of_it_at_once(yard):
    await yard.tell("t1")
    await yard.tell("t2")
    yard.workers["b"].pid = 2
    yard.workers["c"] = Worker("c", pid=9)

    assert sorted(await yard.keep()) == [("b", ["t1", "t2"]), ("c", ["t1", "t2"])]
    assert yard.revoking.revoked["t1"].told == ("a", "b", "c")
    assert await yard.keep(60) == []


async def test_who_does_not_answer_is_not_waited_for_each_time_and_told_later(yard):
    yard.deaf = {"b"}
    assert (await yard.tell("t1"))["b"] == SILENT

    outcomes = await yard.tell("t2")

    assert outcomes["b"].word == "not sent"
    assert outcomes["a"] == DONE
    yard.deaf = set()
    assert await yard.keep(AGAIN_S / 2) == []
    assert await yard.keep(AGAIN_S / 2) == [("b", ["t1", "t2"])]


async def test_what_has_ended_is_told_no_more(yard):
    await yard.tell("t1")
    yard.tasks["t1"] = Task("t1", state="SUCCESS")
    yard.workers["b"].pid = 2

    assert await yard.keep(TIDY_S) == []
    assert not yard.revoking.revoked


async def test_thousands_are_told_in_portions(yard):
    yard.deaf = {"b"}
    for number in range(AT_ONCE + 10):
        await yard.tell(f"t{number}")
    yard.deaf = set()

    first, second = await yard.keep(AGAIN_S), None
    assert [len(told) for _, told in first] == [AT_ONCE]
    second = await yard.keep()
    assert [len(told) for _, told in second] == [10]


async def test_stamps_are_told_to_those_that_join_without_ending_what_runs(yard):
    stamps = {"customer": ("7",)}
    await yard.revoking.tell_stamps(stamps, "ann", revoke_stamped(stamps, "SIGKILL"))
    yard.workers["c"] = Worker("c", pid=9)

    assert await yard.keep() == [("c", {"customer": ["7"]})]


async def test_a_dashboard_that_was_killed_tells_all_of_it_again_and_those_that_join(yard):
    await yard.tell("t1")
    await yard.tell("t2")
    yard.restart()
    yard.workers["c"] = Worker("c", pid=9)

    assert list(yard.revoking.revoked) == ["t1", "t2"]
    assert yard.revoking.revoked["t1"].told == ("a", "b")
    assert sorted(await yard.keep()) == [(name, ["t1", "t2"]) for name in "abc"]
    assert await yard.keep(60) == []


async def test_they_are_written_again_to_a_history_that_was_begun_anew(yard):
    await yard.tell("t1")
    yard.store.notebook.put("revoke", "t1", None, NOON)
    assert yard.kept == set()

    yard.revoking.rewrite()

    assert yard.kept == {"t1"}


async def test_it_is_written_before_anybody_is_told(yard):
    await yard.tell("t1")

    assert [set(one) for one in yard.written] == [{"t1"}]


async def test_what_is_over_is_not_kept(yard):
    await yard.tell("t1")
    await yard.tell("t2")
    yard.tasks["t1"] = Task("t1", state="SUCCESS")
    await yard.keep(TIDY_S)
    assert yard.kept == {"t2"}

    await yard.keep(KEPT_UP_S)

    assert yard.kept == set()
    yard.restart()
    assert not yard.revoking.revoked


async def test_only_the_newest_are_kept_and_that_is_said_once(yard, monkeypatch, caplog):
    monkeypatch.setattr(revoking, "MOST_REVOKED", 3)
    for number in range(5):
        await yard.tell(f"t{number}")

    assert yard.kept == {"t2", "t3", "t4"}
    assert caplog.text.count("More than 3 tasks are revoked") == 1
    yard.restart()
    assert list(yard.revoking.revoked) == ["t2", "t3", "t4"]


async def test_stamps_however_long_are_kept(yard):
    stamps = {"customer": tuple(str(number) for number in range(200))}
    await yard.revoking.tell_stamps(stamps, "ann", revoke_stamped(stamps, ""))
    yard.restart()

    (kept,) = yard.revoking.revoked.values()
    assert kept.stamps == stamps


async def test_an_id_with_a_null_character_is_kept_under_another_name(yard):
    await yard.tell("a\0b")
    yard.restart()

    assert list(yard.revoking.revoked) == ["a\0b"]
    assert all("\0" not in name for name in yard.kept)


async def test_what_cannot_be_read_is_said_and_the_rest_goes_on(yard, caplog):
    await yard.tell("t1")
    yard.store.notebook.put("revoke", "t2", "{}", NOON)
    yard.restart()

    assert list(yard.revoking.revoked) == ["t1"]
    assert "The revoke of t2 can't be read" in caplog.text
