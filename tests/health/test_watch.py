"""The watch remembers over restarts, keeps mutes, and goes on when a look fails."""

import asyncio
from collections.abc import Callable
from itertools import count

from flower_ng.health.problem import Mute
from flower_ng.health.watch import ProblemWatch
from tests.health.making import NOW, MemoryNotebook, Switch, watch

MUTE = Mute("switched", "a", NOW + 100, "known", "me")


class Setting:
    """Watches of one notebook, one switch and one clock."""

    def __init__(self, clock: Callable[[], float] | None = None) -> None:
        self.switch, self.notebook = Switch(), MemoryNotebook()
        self.clock = clock or count(NOW).__next__

    def watch(self) -> ProblemWatch:
        return watch(self.switch, clock=self.clock, notebook=self.notebook)

    def restarted(self) -> ProblemWatch:
        again = self.watch()
        again.restore()
        return again


async def look(it: ProblemWatch, switch: Switch, *subjects: str) -> list[str]:
    switch.subjects = subjects
    await it.look()
    return [one.subject for one in it.now]


async def test_what_lasts_is_not_raised_anew_after_a_restart():
    setting = Setting()
    switch, it = setting.switch, setting.watch()
    await look(it, switch, "a")
    (before,) = it.now
    told = []

    again = setting.restarted()
    again.add_listener(told.append)
    await look(again, switch, "a")

    assert [(one.subject, one.raised) for one in again.now] == [("a", before.raised)]
    assert told == []


async def test_what_was_over_is_in_the_past_after_a_restart():
    setting = Setting()
    switch, it = setting.switch, setting.watch()
    await look(it, switch, "a")
    await look(it, switch)

    again = setting.restarted()

    assert again.now == ()
    assert [one.subject for one in again.past] == ["a"]


async def test_a_mute_is_known_to_another_dashboard_at_its_next_look():
    switch, notebook = Switch(), MemoryNotebook()
    one, other = (watch(switch, notebook=notebook, is_shared=True) for _ in "12")
    one.mute(MUTE)
    await look(other, switch, "a")
    assert [it.mute for it in other.now] == [MUTE]

    other.unmute(MUTE.rule, MUTE.subject)
    await look(one, switch, "a")

    assert [it.mute for it in one.now] == [None]


async def test_what_two_dashboards_of_one_history_saw_is_in_the_past_once():
    setting = Setting()
    switch, one, other = setting.switch, setting.watch(), setting.watch()
    for it in (one, other):
        await look(it, switch, "a")
    for it in (one, other):
        await look(it, switch)

    (past,) = setting.restarted().past

    assert (past.raised, past.cleared) == (one.past[0].raised, other.past[0].cleared)


async def test_what_another_dashboard_saw_the_end_of_is_not_there_after_a_restart():
    setting = Setting()
    switch, killed, other = setting.switch, setting.watch(), setting.watch()
    for it in (killed, other):
        await look(it, switch, "a")
    await look(other, switch)

    again = setting.restarted()

    assert again.now == ()
    assert [one.subject for one in again.past] == ["a"]


async def test_what_returned_is_in_the_past_twice():
    setting = Setting()
    switch, it = setting.switch, setting.watch()
    for subjects in (["a"], [], ["a"], []):
        await look(it, switch, *subjects)

    assert len(setting.restarted().past) == 2


async def test_a_mute_outlasts_a_restart_and_ends_by_itself():
    setting = Setting(iter([NOW] * 6 + [NOW + 101] * 9).__next__)
    switch, it = setting.switch, setting.watch()
    await look(it, switch, "a")
    it.mute(MUTE)

    again = setting.restarted()
    muted = again.now[0].mute
    for _ in range(6):
        await look(again, switch, "a")

    assert muted == MUTE
    assert again.now[0].mute is None
    assert again.mutes == {}


async def test_a_listener_is_told_what_was_raised_and_cleared():
    setting, told = Setting(), []
    switch, it = setting.switch, setting.watch()
    it.add_listener(told.append)

    await look(it, switch, "a")
    await look(it, switch)

    assert [[one.subject for one in verdict.raised] for verdict in told] == [["a"], []]
    assert [[one.subject for one in verdict.cleared] for verdict in told] == [[], ["a"]]


async def test_a_look_that_fails_does_not_end_the_watch():
    it = watch(Switch(), errors=[RuntimeError("a bug")])
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
