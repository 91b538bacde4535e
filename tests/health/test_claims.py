"""Workers are asked whether they run what they started, before anything is said.

The inspector is a stand-in: what a real one says is for the live tests.
"""

import asyncio

import pytest

from flower_ng.health.facts.lost_tasks import LostTaskCheck, is_idle_since
from flower_ng.health.facts.rounds import GOOD_S
from flower_ng.records import Worker
from tests.health.making import NOW

W = "w1@box"


class FakeInspector:
    """Answers `active` with these ids; None does not answer."""

    def __init__(self, *running: str | None) -> None:
        self.running = running
        self.asked: list[str | None] = []

    async def inspect(self, workername=None, _methods=None):
        self.asked.append(workername)
        active = [{"id": uuid, "acknowledged": uuid != "late"} for uuid in self.running]
        return {} if None in self.running else {W: {"active": active}}

    def failures(self, _name):
        return {"active": "late"} if None in self.running else {}


async def checked(
    inspector: FakeInspector, *uuids: str, doubt=None, times: int = 1
) -> LostTaskCheck:
    claims = LostTaskCheck(inspector, doubt or (lambda _uuid: None), lambda: NOW)
    for _ in range(times):
        claims.check((W, uuid) for uuid in uuids)
        for _ in range(20):
            await asyncio.sleep(0)
    return claims


def told(claims: LostTaskCheck, uuid: str) -> bool | None:
    claim = claims.of(uuid)
    return None if claim is None else claim.claimed


async def test_a_worker_that_runs_a_task_claims_it():
    assert told(await checked(FakeInspector("a"), "a", "b"), "a") is True


async def test_a_task_that_is_not_acknowledged_yet_is_held():
    claims = await checked(FakeInspector("a", "late"), "a", "late")

    assert [one.is_held for uuid in ("a", "late") if (one := claims.of(uuid))] == [False, True]


async def test_each_that_it_does_not_run_is_to_be_asked_of_the_result_backend():
    doubted: list[str] = []
    claims = await checked(FakeInspector("a"), "a", *map(str, range(50)), doubt=doubted.append)

    assert told(claims, "7") is False
    assert doubted == list(map(str, range(50)))


async def test_without_an_answer_nothing_is_known():
    assert told(await checked(FakeInspector(None), "a"), "a") is None


async def test_a_worker_is_not_asked_again_and_again():
    inspector = FakeInspector("a")
    await checked(inspector, "a", times=3)

    assert inspector.asked == [W]


async def test_of_many_workers_each_is_asked_in_turn():
    names, now = [f"w{number}@box" for number in range(12)], [NOW]
    inspector = FakeInspector("a")
    claims = LostTaskCheck(inspector, lambda _uuid: None, lambda: now[0])
    for _ in range(3):
        now[0] += GOOD_S
        claims.check((name, "a") for name in names)
        for _ in range(20):
            await asyncio.sleep(0)

    assert set(inspector.asked) == set(names)


async def test_tasks_that_are_over_are_forgotten():
    claims = await checked(FakeInspector("a"), "a")
    claims.check([])

    assert claims.of("a") is None


@pytest.mark.parametrize(
    ("active", "heard", "is_idle"),
    [(0, 105.0, True), (0, 103.0, False), (1, 105.0, False), (None, 105.0, False)],
)
def test_a_worker_whose_heartbeats_say_that_nothing_runs_does_not_run_a_task(
    active, heard, is_idle
):
    worker = Worker("w1@box", freq=2.0, active=active, heartbeats=(heard,))

    assert is_idle_since(worker, started=100.0) is is_idle
