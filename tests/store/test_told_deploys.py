"""Deploys that were told, which all dashboards of a history know, and starts that were seen."""

import asyncio

import pytest

from flower_ng.store import SeenStart, ToldDeploy

NOON = 1_790_000_000.0
ONE = ToldDeploy("a1", NOON, "shop", "2", "https://ci.example/1", "ann")


async def test_what_was_told_outlasts_a_restart_and_what_was_removed_does_not(opened_beside):
    told = opened_beside().told_deploys
    told.put(ToldDeploy("a2", NOON + 1, "shop", "3"))
    told.put(ONE)
    await told.settled()
    between = opened_beside().told_deploys
    assert [*between.by_key] == ["a1", "a2"]
    assert between.remove("a2") == ToldDeploy("a2", NOON + 1, "shop", "3")
    assert between.remove("a2") is None
    await between.settled()

    assert [*opened_beside().told_deploys.by_key.values()] == [ONE]


async def test_starts_of_workers_outlast_a_restart(opened_beside):
    seen = opened_beside().seen_starts
    starts = [SeenStart(f"w{number}@box", NOON + number / 10, "5.4.0") for number in range(3)]
    for one in (starts[2], *starts[:2], starts[0]):
        seen.put(one)
    await seen.settled()

    assert [*opened_beside().seen_starts.by_key.values()] == starts


@pytest.mark.parametrize("history", ["PostgreSQL"], indirect=True)
async def test_what_is_told_and_removed_is_learnt_by_another_dashboard(opened_beside):
    here, there = opened_beside(), opened_beside()
    there.begin()
    here.told_deploys.put(ONE)
    await here.told_deploys.settled()
    async with asyncio.timeout(10):
        while not there.told_deploys.by_key:  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0.05)
        here.told_deploys.remove("a1")
        while there.told_deploys.by_key:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_at_the_bound_the_oldest_goes(opened_beside, monkeypatch):
    monkeypatch.setattr("flower_ng.store.noted.MOST", 2)
    told = opened_beside().told_deploys
    for number in (3, 1, 2):
        told.put(ToldDeploy(f"a{number}", NOON + number, "shop"))

    assert [*told.by_key] == ["a2", "a3"]
