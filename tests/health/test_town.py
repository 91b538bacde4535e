"""A healthy cluster raises nothing however noisy it is; the same cluster, when hurt, does."""

import asyncio

from tests.health.town import Town


async def test_an_hour_of_a_healthy_noisy_cluster_raises_nothing():
    town = Town()

    assert await town.live(3600) == []
    assert town.serial > 5000
    assert town.retries > 100
    assert town.restarts > len(town.names)
    assert max(town.longest.values()) > 1000


async def test_a_worker_that_falls_silent_with_tasks_is_found_there():
    town = Town()
    await town.live(120)
    lost, town.names = town.names[0], town.names[1:]
    town.pending = [one for one in town.pending if one[1]["hostname"] != lost]
    busy = len(town.busy[lost])

    raised = await town.live(180)

    assert busy
    assert {(one.rule, one.subject) for one in raised} == {("worker-gone", lost)}


async def test_growth_that_no_worker_keeps_up_with_is_found_there():
    town = Town()
    await town.live(120)
    town.ever_more = True

    assert "queue-growing" in {one.rule for one in await town.live(1300)}


async def test_a_look_gives_the_loop_back_again_and_again():
    town = Town(workers=400)
    town.step()
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(take_turns())
    await town.gathering.facts()
    others.cancel()

    assert turns >= 400 / 50


async def test_a_worker_whose_events_of_tasks_are_switched_off_is_found_there():
    town = Town()
    await town.live(120)
    off, tell = town.names[0], town.tell

    def tell_less(type: str, hostname: str, **fields: object) -> None:  # noqa: A002 - the event's
        if hostname != off or not type.startswith("task-"):
            tell(type, hostname, **fields)

    town.tell = tell_less  # type: ignore[method-assign] # the others go on
    raised = await town.live(600)

    assert ("worker-eventless", off) in {(one.rule, one.subject) for one in raised}


async def test_a_recorded_count_of_clients_that_redis_cut_off_is_told_for_five_minutes():
    town = Town()
    await town.live(120)
    town.cut_off += 1  # the Redis of most systems does not count them yet

    raised = [(one.rule, one.evidence["connections closed"]) for one in await town.live(60)]

    assert raised == [("broker-cut-off", 1)]
    await town.live(300)
    assert town.engine.problems() == []
