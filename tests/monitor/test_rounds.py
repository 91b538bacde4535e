import asyncio

import pytest

from flower_ng.monitor.remote.refresh_schedule import SharedRounds


class Asker:
    """Answers with the number of the asking, when it is told to."""

    def __init__(self):
        self.begun = []
        self.go = asyncio.Event()

    async def ask(self, question):
        self.begun.append(question)
        number = len(self.begun)
        await self.go.wait()
        return number


@pytest.fixture
def asker():
    return Asker()


async def test_callers_before_the_beginning_share_a_round(asker):
    rounds = SharedRounds(asyncio.get_running_loop(), asker.ask)
    asker.go.set()

    answers = await asyncio.gather(*(rounds.join("all") for _ in range(100)))

    assert answers == [1] * 100


async def test_callers_during_a_round_share_the_next(asker):
    rounds = SharedRounds(asyncio.get_running_loop(), asker.ask)
    first = rounds.join("all")
    await asyncio.sleep(0)
    late = [rounds.join("all") for _ in range(3)]

    asker.go.set()

    assert await first == 1
    assert await asyncio.gather(*late) == [2, 2, 2]


async def test_the_next_round_does_not_wait_for_a_long_one(asker):
    rounds = SharedRounds(asyncio.get_running_loop(), asker.ask, gap_s=0.01)
    first = rounds.join("all")
    await asyncio.sleep(0)

    second = rounds.join("all")
    await asyncio.sleep(0.05)

    assert len(asker.begun) == 2
    asker.go.set()
    assert [await first, await second] == [1, 2]


async def test_other_questions_are_asked_at_the_same_time(asker):
    rounds = SharedRounds(asyncio.get_running_loop(), asker.ask)
    answers = [rounds.join(name) for name in ("all", "w1", "w2")]
    await asyncio.sleep(0)

    assert asker.begun == ["all", "w1", "w2"]
    asker.go.set()
    await asyncio.gather(*answers)


async def test_a_caller_who_leaves_does_not_end_the_round_of_others(asker):
    rounds = SharedRounds(asyncio.get_running_loop(), asker.ask)
    leaving, staying = rounds.join("all"), rounds.join("all")
    await asyncio.sleep(0)

    leaving.cancel()
    asker.go.set()

    assert await staying == 1


async def test_a_failed_round_does_not_stop_the_next(asker):
    async def ask(_):
        if len(asker.begun) == 0:
            asker.begun.append("failed")
            raise ValueError("broken")
        return "well"

    rounds = SharedRounds(asyncio.get_running_loop(), ask)
    with pytest.raises(ValueError, match="broken"):
        await rounds.join("all")

    assert await rounds.join("all") == "well"


async def test_stopping_cancels_those_who_wait(asker):
    rounds = SharedRounds(asyncio.get_running_loop(), asker.ask)
    running = rounds.join("all")
    await asyncio.sleep(0)
    waiting = rounds.join("all")

    rounds.stop()

    for answer in (running, waiting):
        with pytest.raises(asyncio.CancelledError):
            await answer
