"""Of dashboards that share a history only one writes the notes that it owns."""

import pytest

from flower_ng.errors import Unavailable
from flower_ng.store import Store

NOON = 1_790_000_000.0
FAR = NOON + 1e9


@pytest.fixture
def opened(history):
    stores = [Store(None, max_tasks=10, history=history, clock=lambda: NOON) for _ in "ab"]
    for store in stores:
        store.start()
    yield [store.owned_notes for store in stores]
    for store in stores:
        store.stop()


async def put(notes, record):
    notes.put("pause", "mail", record, FAR)
    await notes.settled()


async def read(notes):
    return (await notes.look(["pause"]))[1]["pause"]


@pytest.mark.parametrize("history", ["PostgreSQL"], indirect=True)
async def test_only_the_owner_writes_and_whoever_takes_them_is_the_owner(opened):
    here, there = opened
    assert await here.take(NOON) == ("", 0.0)
    await put(here, "a")
    await put(there, "b")
    assert await read(there) == {"mail": "a"}

    assert await there.take(NOON + 1) == (here.owner, NOON)
    await put(here, "c")
    await put(there, "d")

    assert await read(here) == {"mail": "d"}


@pytest.mark.parametrize("history", ["PostgreSQL"], indirect=True)
async def test_it_is_taken_from_one_that_gave_no_sign_by_one_alone(opened):
    here, there = opened
    sign = await here.take(NOON)
    await here.take(NOON + 5)  # a sign of life since the other one has looked

    assert await there.take(NOON + 6, sign) == (here.owner, NOON + 5)

    assert (await there.look([]))[0] == (here.owner, NOON + 5)
    here.release()
    await here.look([])  # on the same thread, behind it
    assert await there.take(NOON + 7, (await there.look([]))[0]) == ("", 0.0)


async def test_without_others_there_is_no_owner(tmp_path):
    store = Store(tmp_path / "kept", max_tasks=10, clock=lambda: NOON)
    store.start()
    notes = store.owned_notes
    await put(notes, "a")
    assert (notes.is_shared, await read(notes)) == (False, {"mail": "a"})
    store.stop()

    with pytest.raises(Unavailable, match="closed"):
        await notes.look(["pause"])
