"""That a session ended is kept, and known to every dashboard of the same history."""

import asyncio

import pytest

from flower_ng.store.noted import SessionEnds
from flower_ng.store.notes import KEPT_S, Notes

NOON = 1_790_000_000.0


async def test_an_end_outlasts_a_restart(opened_beside):
    opened_beside().session_ends.put("a", NOON)
    await asyncio.sleep(0)
    opened_beside().stop()
    ends = opened_beside().session_ends

    assert ends.is_known
    assert ends.ended_at("a") == NOON
    assert ends.ended_at("b") is None


@pytest.mark.parametrize("history", ["PostgreSQL"], indirect=True)
async def test_an_end_is_learnt_by_another_dashboard_of_the_same_history(opened_beside):
    here, there = opened_beside(), opened_beside()
    here.session_ends.put("a", NOON)
    await here.notebook.settled()
    before = there.session_ends.ended_at("a")
    there.begin()
    async with asyncio.timeout(10):
        while there.session_ends.ended_at("a") is None:  # noqa: ASYNC110 - nothing tells it
            await asyncio.sleep(0.05)

    assert before is None
    assert there.session_ends.ended_at("a") == NOON


async def test_ends_that_no_session_outlives_leave_memory():
    ends = SessionEnds(Notes())
    ends.put("old", NOON)
    ends.put("new", NOON + KEPT_S)
    both = ends.ended_at("old"), ends.ended_at("new")
    ends.put("newest", NOON + KEPT_S + 1)

    assert both == (NOON, NOON + KEPT_S)
    assert ends.ended_at("old") is None
    assert ends.ended_at("new") == NOON + KEPT_S
