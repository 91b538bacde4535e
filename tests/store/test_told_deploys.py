"""Deploys that were told are kept, and known to every dashboard of the same history."""

import asyncio

import pytest

from flower_ng.store import ToldDeploy

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
