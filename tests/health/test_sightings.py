"""What is caught as events pass: what runs, who changed, which exceptions are new."""

from collections import deque

import pytest

from flower_ng.health.facts.records import NewException
from flower_ng.health.facts.task_observer import IDENTITY_S, NEW_EXCEPTION, TaskObserver
from flower_ng.health.problem import Problem
from flower_ng.monitor.state.state import ClusterState
from flower_ng.store.tables.texts import exception_class
from tests.health.making import NOW

W = "w1@box"
PAY = "shop.pay"


class Watched:
    """A state under sightings, whose time a test sets."""

    def __init__(self) -> None:
        self.now = NOW
        self.sightings = TaskObserver(exception_class, lambda: self.now)
        self.state = ClusterState(
            observers=(self.sightings,), clock=lambda: self.now, max_tasks_in_memory=3
        )

    def tell(self, *kinds: str, **fields) -> None:
        for kind in kinds:
            about = {"type": kind, "hostname": W, "timestamp": self.now, "clock": 1}
            self.state.event({**about, **fields})

    def running(self) -> list[str]:
        return [task.uuid for task in self.sightings.running(self.state, 9)]

    def reserved(self) -> list[str]:
        return [task.uuid for task in self.sightings.reserved(self.state, 9)]

    def held(self) -> list[str]:
        return [task.uuid for task in self.sightings.held(self.state, 9)]

    def beat(self, **fields) -> None:
        self.now += 2
        self.tell("worker-heartbeat", **{"pid": 1, "processed": 5, **fields})

    def switches(self) -> int:
        return self.sightings.switches(W, self.now)


@pytest.fixture
def it() -> Watched:
    return Watched()


def test_a_task_is_followed_from_its_worker_to_its_end(it):
    it.tell("task-received", uuid="a", name=PAY)
    assert it.reserved() == ["a"]
    it.tell("task-started", uuid="a")
    assert (it.reserved(), it.running()) == ([], ["a"])
    it.tell("task-succeeded", uuid="a")
    assert it.running() == []


def test_a_task_with_an_eta_is_held_not_reserved(it):
    it.tell("task-received", uuid="a", name=PAY, eta="2030-01-01T00:00:00")

    assert (it.reserved(), it.held()) == ([], ["a"])


def test_what_left_memory_is_not_followed(it):
    for uuid in "abcd":
        it.tell("task-started", uuid=uuid)
    assert it.running() == ["b", "c", "d"]
    it.state.forget_tasks(["c"])
    assert it.running() == ["b", "d"]


def test_a_restart_is_one_change_of_identity_at_most(it):
    it.beat()
    it.tell("worker-online", pid=2, processed=0)
    it.beat(pid=2, processed=1)

    assert it.switches() == 0


def test_two_processes_under_one_name_change_back_and_forth(it):
    for _ in range(3):
        it.beat(pid=1)
        it.beat(pid=2)

    assert it.switches() == 5


def test_two_containers_whose_process_is_number_one_are_told_by_their_counts(it):
    for _ in range(3):
        it.beat(processed=500)
        it.beat(processed=3)

    assert it.switches() == 3


def test_changes_of_identity_are_forgotten_after_a_minute(it):
    it.beat(pid=1)
    it.beat(pid=2)
    it.now += IDENTITY_S

    assert it.switches() == 0


def fail(it: Watched, uuid: str, exception: str) -> None:
    it.tell("task-received", uuid=uuid, name=PAY)
    it.tell("task-failed", uuid=uuid, exception=exception)


def test_an_exception_is_new_once_and_counted(it):
    it.sightings.is_learned = True
    it.sightings.know([(PAY, "KeyError")])
    fail(it, "a", "KeyError('x')")
    fail(it, "b", "ValueError(1)")
    fail(it, "c", "ValueError(2)")

    (new,) = it.sightings.new.values()
    assert (new.type, new.exception, new.uuid, new.count) == (PAY, "ValueError", "b", 2)


def test_nothing_is_new_before_what_is_known_was_learned(it):
    fail(it, "a", "ValueError(1)")
    it.sightings.is_learned = True
    fail(it, "b", "ValueError(2)")

    assert it.sightings.new == {}


def test_a_redelivered_task_is_held_since_it_was_first_received(it):
    it.tell("task-received", uuid="a", name=PAY, eta="2030-01-01T00:00:00")
    it.now += 3600
    it.tell("task-received", uuid="a", name=PAY, eta="2030-01-01T00:00:00")

    (task,) = it.sightings.held(it.state, 9)
    assert it.sightings.held_since(task) == NOW


@pytest.mark.parametrize("kind", ["worker-offline", "worker-online"])
def test_what_a_worker_gave_back_as_it_ended_is_held_anew(it, kind):
    it.tell("task-received", uuid="a", name=PAY, eta="2030-01-01T00:00:00")
    it.now += 600
    it.tell(kind)
    it.now += 5
    it.tell("task-received", uuid="a", name=PAY, eta="2030-01-01T00:00:00", hostname="w2@box")

    (task,) = it.sightings.held(it.state, 9)
    assert it.sightings.held_since(task) == NOW + 605


def test_the_end_of_another_worker_says_nothing_of_a_held_task(it):
    it.tell("task-received", uuid="a", name=PAY, eta="2030-01-01T00:00:00")
    it.tell("worker-offline", hostname="w2@box")
    it.now += 3600
    it.tell("task-received", uuid="a", name=PAY, eta="2030-01-01T00:00:00", hostname="w3@box")

    (task,) = it.sightings.held(it.state, 9)
    assert it.sightings.held_since(task) == NOW


def test_a_scheduled_task_is_seen_by_its_arguments(it):
    it.sightings.wanted = frozenset({(PAY, "[1]", "{}"), ("shop.mail", None, None)})
    it.tell("task-received", uuid="a", name=PAY, args="(1,)", kwargs="{}")
    it.tell("task-received", uuid="b", name="shop.mail", args="(7,)", kwargs="{}")
    assert it.sightings.seen == {("shop.mail", None, None): {"": deque([NOW])}}

    it.tell("task-sent", uuid="c", name=PAY, args="[1]", kwargs="{}")
    assert it.sightings.seen[PAY, "[1]", "{}"] == {W: deque([NOW])}


def test_who_sent_a_scheduled_task_is_noted_though_it_is_told_late(it):
    it.sightings.wanted = frozenset({(PAY, "()", "{}")})
    told = {"name": PAY, "args": "()", "kwargs": "{}"}

    it.tell("task-received", uuid="a", **told)
    it.now += 1
    it.tell("task-sent", uuid="a", **{**told, "hostname": "gen7@box"})
    it.tell("task-sent", uuid="b", **{**told, "hostname": "gen7@box"})
    it.tell("task-received", uuid="b", **told)

    sends = {name: list(times) for name, times in it.sightings.seen[PAY, "()", "{}"].items()}
    assert sends == {"": [], "gen7@box": [NOW, NOW + 1]}


def test_what_another_task_sent_or_what_is_tried_again_is_not_scheduled(it):
    it.sightings.wanted = frozenset({(PAY, "()", "{}")})
    told = {"name": PAY, "args": "()", "kwargs": "{}"}

    it.tell("task-sent", uuid="a", parent_id="p", **told)
    it.tell("task-received", uuid="b", retries=1, **told)

    assert it.sightings.seen == {}


def test_an_exception_that_was_new_before_a_restart_still_is(it):
    evidence = {"first_task": "5eed", "first_at": NOW - 60, "tasks": 3}
    subject = f"{PAY}: KeyError"
    noted = Problem(NEW_EXCEPTION, "type", "warning", "New", subject, evidence, "", NOW, NOW, NOW)

    it.sightings.renew([noted])

    assert list(it.sightings.new.values()) == [NewException(PAY, "KeyError", "5eed", NOW - 60, 3)]
