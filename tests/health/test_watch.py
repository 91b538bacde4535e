"""The watch remembers over restarts, keeps mutes, and goes on when a look fails."""

import asyncio
from itertools import count

from flower_ng.health.problem import Mute
from flower_ng.health.watch import ProblemWatch
from tests.health.making import NOW, MemoryNotebook, Switch, watch

MUTE = Mute("switched", "a", NOW + 100, "known", "me")


def restarted(it: ProblemWatch, switch: Switch) -> ProblemWatch:
    """Another watch, of the same notebook."""
    again = watch(switch, clock=it._clock)
    again._notebook = it._notebook
    again.restore()
    return again


async def look(it: ProblemWatch, switch: Switch, *subjects: str) -> list[str]:
    switch.subjects = subjects
    await it.look()
    return [one.subject for one in it.now]


async def test_what_lasts_is_not_raised_anew_after_a_restart():
    switch = Switch()
    it = watch(switch, clock=count(NOW).__next__)
    await look(it, switch, "a")
    (before,) = it.now
    told = []

    again = restarted(it, switch)
    again.add_listener(told.append)
    await look(again, switch, "a")

    assert [(one.subject, one.raised) for one in again.now] == [("a", before.raised)]
    assert told == []


async def test_what_was_over_is_in_the_past_after_a_restart():
    switch = Switch()
    it = watch(switch, clock=count(NOW).__next__)
    await look(it, switch, "a")
    await look(it, switch)

    again = restarted(it, switch)

    assert again.now == ()
    assert [one.subject for one in again.past] == ["a"]


async def test_what_two_dashboards_of_one_history_saw_is_in_the_past_once():
    switch, clock = Switch(), count(NOW).__next__
    one, other = watch(switch, clock=clock), watch(switch, clock=clock)
    other._notebook = one._notebook
    for it in (one, other):
        await look(it, switch, "a")
    for it in (one, other):
        await look(it, switch)

    (past,) = restarted(one, switch).past

    assert (past.raised, past.cleared) == (one.past[0].raised, other.past[0].cleared)


async def test_what_another_dashboard_saw_the_end_of_is_not_there_after_a_restart():
    switch, clock = Switch(), count(NOW).__next__
    killed, other = watch(switch, clock=clock), watch(switch, clock=clock)
    other._notebook = killed._notebook
    for it in (killed, other):
        await look(it, switch, "a")
    await look(other, switch)

    again = restarted(killed, switch)

    assert again.now == ()
    assert [one.subject for one in again.past] == ["a"]


async def test_what_returned_is_in_the_past_twice():
    switch = Switch()
    it = watch(switch, clock=count(NOW).__next__)
    for subjects in (["a"], [], ["a"], []):
        await look(it, switch, *subjects)

    assert len(restarted(it, switch).past) == 2


async def test_a_mute_outlasts_a_restart_and_ends_by_itself():
    switch, times = Switch(), iter([NOW] * 6 + [NOW + 101] * 9)
    it = watch(switch, clock=times.__next__)
    await look(it, switch, "a")
    it.mute(MUTE)

    again = restarted(it, switch)
    muted = again.now[0].mute
    for _ in range(6):
        await look(again, switch, "a")

    assert muted == MUTE
    assert again.now[0].mute is None
    assert again.mutes == {}


async def test_a_listener_is_told_what_was_raised_and_cleared():
    switch, told = Switch(), []
    it = watch(switch, clock=count(NOW).__next__)
    it.add_listener(told.append)

    await look(it, switch, "a")
    await look(it, switch)

    assert [[one.subject for one in verdict.raised] for verdict in told] == [["a"], []]
    assert [[one.subject for one in verdict.cleared] for verdict in told] == [[], ["a"]]


async def test_a_look_that_fails_does_not_end_the_watch():
    switch = Switch()
    it, gather, errors = watch(switch), None, iter([RuntimeError("a bug")])
    gather = it._gather

    async def failing_once():
        for error in errors:
            raise error
        return await gather()

    it._gather = failing_once  # a bug in a rule cannot be had otherwise
    it.start()
    async with asyncio.timeout(30):
        while it.looked_at is None:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.01)
    it.stop()


def test_a_notebook_in_memory_is_read_by_kind():
    notebook = MemoryNotebook()
    notebook.put("problem", "a", "1", NOW)
    notebook.put("mute", "a", "2", NOW)

    assert notebook.read("mute") == {"a": "2"}
