import shutil
import sqlite3
from contextlib import closing

import pytest

from flower_ng.store import Gap, Store
from flower_ng.store.backends.postgresql import opened_database
from flower_ng.store.gaps import Gaps
from flower_ng.store.rollups.recorder import IngestStatus
from tests.store.making import change, task

NOON = 1_790_000_000.0


class Watched:
    """A store on a file, whose clock and ingest a test sets."""

    def __init__(self, path, now=NOON) -> None:
        self.path = path
        self.now = now
        self.ingest = IngestStatus(None, 0)
        self.start()

    def start(self) -> None:
        self.store = Store(self.path, max_tasks=100, clock=lambda: self.now)
        self.store.start()
        self.store.begin(lambda: self.ingest)

    def restart(self) -> None:
        self.store.stop()
        self.start()

    def look(self, at: float, connected_since: float | None, dropped: int = 0) -> None:
        self.now = NOON + at
        since = None if connected_since is None else NOON + connected_since
        self.ingest = IngestStatus(since, dropped)
        self.store.status()

    def told(self) -> list[tuple[float, float | None, int | None, str]]:
        return [
            (gap.start - NOON, None if gap.end is None else gap.end - NOON, gap.lost, gap.why)
            for gap in self.store.status().gaps
        ]


@pytest.fixture
async def watched(tmp_path):
    made = Watched(tmp_path / "db")
    yield made
    made.store.stop()


async def test_without_an_outage_there_is_no_gap(watched):
    for at in range(5):
        watched.look(at, 0.5)

    assert watched.told() == []


async def test_an_outage_is_a_gap_that_goes_on_until_there_is_a_connection(watched):
    watched.look(1, 0.5)
    watched.look(2, None)
    assert watched.told() == [(1, None, None, "broker")]

    watched.look(3, None)
    watched.look(5, 4.5)
    watched.look(6, 4.5)

    assert watched.told() == [(1, 4.5, None, "broker")]


async def test_a_connection_that_went_and_came_between_two_looks_is_a_gap_too(watched):
    watched.look(1, 0.5)
    watched.look(2, 1.75)

    assert watched.told() == [(1, 1.75, None, "broker")]


async def test_dropped_events_are_counted_and_those_of_one_minute_are_one_gap(watched):
    for at, dropped in ((1, 0), (2, 7), (3, 7), (40, 10), (41, 10), (200, 10), (201, 11)):
        watched.look(at, 0.5, dropped)

    assert watched.told() == [(1, 40, 10, "inbox"), (200, 201, 1, "inbox")]


def test_changes_that_were_given_up_are_a_gap():
    gaps = Gaps()
    gaps.look(IngestStatus(0.5, 0), lost=0, lost_since=1, now=1)
    gaps.look(IngestStatus(0.5, 0), lost=3, lost_since=1.5, now=2)

    assert gaps.all() == (Gap(1, 2, 3, "store"),)


async def test_gaps_outlast_a_restart_and_the_pause_is_one(watched):
    watched.look(1, 0.5)
    watched.look(2, 1.5)
    watched.restart()
    watched.look(60, None)
    assert watched.told() == [(1, 1.5, None, "broker"), (2, None, None, "stopped")]

    watched.look(62, 61)
    watched.restart()

    assert watched.told()[:2] == [(1, 1.5, None, "broker"), (2, 61, None, "stopped")]


async def test_after_a_kill_the_pause_begins_with_the_newest_event_that_was_kept(watched, tmp_path):
    watched.store.observe(change(task("u", timestamp=NOON + 5)))
    watched.store.flush()
    for file in tmp_path.glob("db.sqlite3*"):  # as a kill would leave them
        shutil.copy(file, tmp_path / file.name.replace("db", "killed"))

    again = Watched(tmp_path / "killed", now=NOON + 60)

    assert again.told() == [(5, None, None, "stopped")]
    again.store.stop()


async def test_an_outage_in_which_it_was_stopped_is_one_gap(watched):
    watched.look(1, 0.5)
    watched.look(2, None)
    watched.restart()
    watched.look(10, 9)

    assert watched.told() == [(1, 9, None, "broker")]


async def test_gaps_are_found_by_time(watched):
    for at, dropped in ((1, 0), (2, 1), (200, 1), (201, 2)):
        watched.look(at, 0.5, dropped)

    found = await watched.store.gaps(NOON + 100, NOON + 300)

    assert found == (Gap(NOON + 200, NOON + 201, 1, "inbox"),)


async def test_a_gap_that_cannot_be_written_is_written_when_it_can(connections, watched):
    watched.look(1, 0.5)
    connections.execute("PRAGMA query_only = ON")
    watched.look(2, 0.5, dropped=5)
    watched.store.flush()
    connections.execute("PRAGMA query_only = OFF")
    watched.look(3, 0.5, dropped=5)
    watched.store.flush()

    reader = sqlite3.connect(f"{watched.path}.sqlite3")
    assert reader.execute("SELECT began, ended, lost, why FROM gap").fetchall() == [
        (NOON + 1, NOON + 2, 5, "inbox")
    ]
    reader.close()


def test_a_temporary_store_has_no_pauses():
    store = Store(None, max_tasks=100, clock=lambda: NOON)
    store.start()
    store.observe(change(task("u")))
    assert store.status().gaps == ()
    store.stop()


def test_at_most_a_thousand_gaps_are_remembered():
    gaps = Gaps()
    for at in range(1200):
        gaps.look(IngestStatus(float(at), 0), 0, 0.0, at + 0.5)

    assert len(gaps.all()) == 1000
    assert gaps.all()[-1].end == 1199.0


async def test_a_dashboard_that_shares_its_history_knows_its_own_gaps(postgres):
    url = postgres.new_database()
    one, other = (Store(None, max_tasks=100, history=url, clock=lambda: NOON) for _ in "12")
    for store in (one, other):
        store.start()
    dropped = [0]
    one.begin(lambda: IngestStatus(NOON - 5, dropped[0]))
    other.begin(lambda: IngestStatus(NOON - 5, 0))
    one.status()
    dropped[0] = 3
    assert await one.gaps(0, NOON) == ()
    assert await one.gaps(0, NOON + 1) == (Gap(NOON, NOON, 3, "inbox"),)
    one.flush()

    with closing(opened_database(url, print)) as database, closing(database.connect()) as reader:
        assert reader.execute("SELECT began, ended, lost, why FROM gap").fetchall() == [
            (NOON, NOON, 3, "inbox")
        ]
    assert await other.gaps(0, NOON + 1) == ()
    one.stop()
    other.stop()
