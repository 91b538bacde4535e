"""Batches over a real store of each kind: what is written, when they pause, what is sent once."""

import asyncio
from types import SimpleNamespace

import pytest

from flower_ng.batch_record import BatchRecord, BatchState, ItemState
from flower_ng.batches import Batches, Step, Unsure
from flower_ng.batches.failures import NEWEST
from flower_ng.errors import Conflict, NoAnswer, NotFound, Unavailable
from flower_ng.store import AuditQuery, Store

NOON = 1_790_000_000.0
IDS = [f"task-{number:03d}" for number in range(40)]
FAST = BatchRecord("0a1b", "rerun", len(IDS), NOON, "ann", rate=100, search="state:FAILURE")


class Place:
    """A store, its batches, and what was sent; `action` says what happens to each task."""

    def __init__(self, store):
        self.store, self.sent, self.tasks, self.lengths = store, [], {}, {}
        self.further = asyncio.Event()
        self.batches = self.opened()
        self.does = lambda _uuid, _new_id: ""

    def opened(self):
        batches = Batches(self.store, self.tasks, self.lengths.get, lambda: NOON)
        batches.add_listener(self.further.set)
        return batches

    async def action(self, uuid):
        async def carry_out(new_id):
            self.sent.append((uuid, new_id))
            return self.does(uuid, new_id)

        return Step(carry_out, "celery", sends_task=True)

    async def run(self, batch=FAST, ids=IDS):
        await self.batches.create(batch, ids, self.action)
        return await self.over(batch.id)

    async def over(self, batch_id="0a1b", timeout_s=20):
        """Wait until it does not run any more."""
        async with asyncio.timeout(timeout_s):
            while True:
                self.further.clear()
                found = await self.batches.status(batch_id)
                if found.batch.state != BatchState.RUNNING:
                    return found
                await self.further.wait()

    async def items(self, *states):
        return await self.store.batches.items("0a1b", states, limit=1000)


@pytest.fixture
async def place(tmp_path, history):
    path = None if history else tmp_path / "kept"
    store = Store(path, max_tasks=10, history=history or None, clock=lambda: NOON)
    store.start()
    place = Place(store)
    yield place
    await place.batches.stop()
    store.stop()


async def test_each_task_is_sent_once_and_the_end_is_in_the_audit(place):
    status = await place.run()

    assert status.batch.state == BatchState.ENDED
    assert dict(status.counts) == dict.fromkeys(ItemState, 0) | {"done": len(IDS)}
    assert [uuid for uuid, _ in place.sent] == IDS
    assert [(one.uuid, one.new_id) for one in await place.items()] == place.sent
    (entry,) = (await place.store.audit(AuditQuery())).entries
    assert (entry.who, entry.action, entry.target) == ("ann", "batches/rerun", "0a1b")
    assert entry.parameters == {"search": "state:FAILURE", "count": "40"}
    assert entry.result == "ended: 40 done"


async def test_a_task_is_written_down_before_it_is_sent(place):
    seen = []

    async def action(_uuid):
        async def carry_out(new_id):
            seen.append([one.new_id == new_id for one in await place.items(ItemState.SENDING)])
            return ""

        return Step(carry_out, sends_task=True)

    await place.batches.create(FAST, IDS[:3], action)
    await place.over()

    assert seen == [[True]] * 3


async def test_what_is_refused_is_listed_with_why_and_the_rest_goes_on(place):
    async def action(uuid):
        if uuid == IDS[1]:
            raise NotFound("It is gone")
        return await place.action(uuid)

    await place.batches.create(FAST, IDS[:3], action)
    status = await place.over()

    assert (status.counts["done"], status.counts["refused"]) == (2, 1)
    (refused,) = await place.items(ItemState.REFUSED)
    assert (refused.uuid, refused.why) == (IDS[1], "It is gone")


async def test_it_pauses_where_nothing_can_be_sent_and_loses_none(place):
    def does(uuid, _new_id):
        if uuid == IDS[5]:
            raise Unavailable("No broker. Nothing was sent")
        return ""

    place.does = does
    status = await place.run()
    assert (status.batch.state, status.batch.why) == ("paused", "No broker. Nothing was sent")
    assert (status.counts["done"], status.counts["waiting"]) == (5, len(IDS) - 5)

    place.does = lambda _uuid, _new_id: ""
    await place.batches.resume("0a1b", place.action)
    status = await place.over()

    assert status.counts["done"] == len(IDS)
    assert [uuid for uuid, _ in place.sent] == [*IDS[:6], *IDS[5:]]


async def test_what_nobody_acknowledged_is_unknown_and_the_rest_goes_on(place):
    def does(uuid, _new_id):
        if uuid == IDS[1]:
            raise Unsure("No worker has acknowledged it")
        return ""

    place.does = does
    status = await place.run(ids=IDS[:3])

    assert (status.batch.state, status.counts["done"], status.counts["unknown"]) == ("ended", 2, 1)
    (unknown,) = await place.items(ItemState.UNKNOWN)
    assert (unknown.uuid, unknown.why) == (IDS[1], "No worker has acknowledged it")
    (entry,) = (await place.store.audit(AuditQuery())).entries
    assert entry.outcome == "uncertain"


async def test_what_may_have_been_sent_is_unknown_and_never_sent_again(place):
    def does(uuid, _new_id):
        if uuid == IDS[5]:
            raise NoAnswer("The broker failed meanwhile")
        return ""

    place.does = does
    status = await place.run()
    assert status.batch.state == BatchState.PAUSED
    await place.batches.resume("0a1b", place.action)
    status = await place.over()

    assert status.counts["unknown"] == 1
    assert [uuid for uuid, _ in place.sent] == IDS
    (entry,) = (await place.store.audit(AuditQuery())).entries
    assert entry.outcome == "uncertain"


async def test_it_pauses_when_what_it_started_fails(place):
    def does(_uuid, new_id):
        failed = len(place.sent) % 4 < 3
        place.tasks[new_id] = SimpleNamespace(state="FAILURE" if failed else "SUCCESS", ready=True)
        return ""

    place.does = does
    ids = [f"task-{number}" for number in range(400)]
    status = await place.run(FAST, ids)

    assert status.batch.state == BatchState.PAUSED
    assert f"Of the last {NEWEST} tasks" in status.batch.why
    assert NEWEST <= status.counts["done"] < 250


async def test_it_pauses_when_a_queue_is_long(place):
    def does(_uuid, _new_id):
        place.lengths["celery"] = 100 * len(place.sent)
        return ""

    place.does = does
    status = await place.run()

    assert status.batch.state == BatchState.PAUSED
    assert status.batch.why == "1,100 messages wait in celery: more than 1,000"
    assert status.counts["done"] == 11


async def test_it_is_paused_slowed_down_resumed_and_stopped(place):
    await place.batches.create(FAST, IDS, place.action)
    await place.batches.pause("0a1b", "ann paused it")
    sent = len(place.sent)
    status = await place.batches.status("0a1b")
    assert (status.batch.state, status.batch.why) == ("paused", "ann paused it")
    with pytest.raises(Conflict, match="The batch is paused"):
        await place.batches.pause("0a1b", "")

    await place.batches.set_rate("0a1b", 1)
    await place.batches.resume("0a1b", place.action)
    await asyncio.sleep(0.1)
    assert len(place.sent) <= sent + 1
    await place.batches.set_rate("0a1b", 100)
    async with asyncio.timeout(10):  # one a second would take longer
        while len(place.sent) < sent + 15:
            place.further.clear()
            await place.further.wait()
    await place.batches.stop_one("0a1b")

    status = await place.batches.status("0a1b")
    assert (status.batch.state, status.batch.rate) == ("stopped", 100)
    assert status.counts["waiting"] > 0
    with pytest.raises(Conflict, match="stopped, not paused"):
        await place.batches.resume("0a1b", place.action)


@pytest.mark.parametrize("history", ["PostgreSQL"], indirect=True)
async def test_two_that_share_a_history_send_no_task_twice(place, history):
    other = Store(None, max_tasks=10, history=history, clock=lambda: NOON)
    other.start()
    try:
        await place.batches.create(FAST, IDS, place.action)
        elsewhere = Batches(other, {}, {}.get, lambda: NOON)
        status = await elsewhere.status("0a1b")
        assert (status.batch.state, status.is_elsewhere) == ("running", True)
        with pytest.raises(Conflict, match="at another dashboard"):
            await elsewhere.pause("0a1b", "")
        item = (await place.items())[-1]
        assert await other.batches.claim("0a1b", item)
        await place.over()
    finally:
        other.stop()

    assert [uuid for uuid, _ in place.sent] == IDS[:-1]


async def test_a_batch_that_nobody_runs_any_more_is_paused_and_goes_on(place):
    def does(_uuid, _new_id):
        if len(place.sent) == 7:
            raise asyncio.CancelledError  # as if the process ended here
        return ""

    place.does = does
    await place.batches.create(FAST, IDS, place.action)
    status = await place.over()
    assert (status.batch.state, status.batch.why) == ("paused", "The dashboard ended while it ran")
    assert status.counts["unknown"] == 1
    assert (await place.items(ItemState.UNKNOWN))[0].new_id == place.sent[-1][1]

    place.batches = place.opened()
    await place.batches.resume("0a1b", place.action)
    status = await place.over()

    assert (status.counts["done"], status.counts["unknown"]) == (len(IDS) - 1, 1)
    assert [uuid for uuid, _ in place.sent] == IDS
