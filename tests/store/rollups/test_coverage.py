import pytest

from flower_ng.store.rollups.recorder import CoverageWatch, IngestStatus
from flower_ng.store.rollups.tallies import Coverage
from tests.store.rollups.making import HOUR

UP = IngestStatus(1.0, 0)
DOWN = IngestStatus(None, 0)


def looked(*looks):
    """Look at the ingest at these times, and add up what was covered."""
    seen = iter([ingest for _, ingest in looks])
    watch, total = CoverageWatch(lambda: next(seen)), {}
    for at, _ in looks:
        for start, coverage in watch.look(at):
            total.setdefault(start, Coverage()).merge(coverage)
    return total


def test_time_between_two_looks_at_one_connection_was_observed():
    assert looked((HOUR + 1.0, UP), (HOUR + 2.5, UP)) == {HOUR: Coverage(1500)}


def test_a_minute_of_looks_is_a_minute():
    looks = [(HOUR + n * 1.0007, UP) for n in range(120)]

    assert looked(*looks)[HOUR + 60] == Coverage(min(60_000, round(119 * 1000.7) - 60_000))
    assert looked(*looks)[HOUR] == Coverage(60_000)


@pytest.mark.parametrize(
    ("before", "after"), [(DOWN, UP), (UP, DOWN), (DOWN, DOWN), (UP, IngestStatus(2.0, 0))]
)
def test_time_in_which_the_connection_was_away_was_not_observed(before, after):
    assert looked((HOUR, before), (HOUR + 1, after)) == {}


def test_a_silence_after_which_the_connection_was_lost_was_not_observed():
    lost = IngestStatus(None, 0, missing_since=HOUR + 58.0)

    covered = looked((HOUR + 50, UP), (HOUR + 59.5, UP), (HOUR + 63, UP), (HOUR + 64, lost))

    assert covered == {HOUR: Coverage(8_000), HOUR + 60: Coverage(0)}


def test_only_what_was_taken_for_observed_is_taken_back():
    lost = IngestStatus(None, 0, missing_since=HOUR + 2.0)
    again = IngestStatus(HOUR + 4.0, 0, missing_since=HOUR + 2.0)
    slept = looked(*((HOUR + at, UP) for at in (0, 1, 40, 41)), (HOUR + 42, lost))
    later = looked((HOUR, lost), (HOUR + 5, again), (HOUR + 6, again), (HOUR + 7, lost))

    assert slept == {HOUR: Coverage(1_000)}
    assert later == {HOUR: Coverage(1_000)}


def paused(*looks):
    """Look at the ingest when this was heard of workers; add up the milliseconds covered."""
    seen, heard = iter([one[1] for one in looks]), [one[2] for one in looks]
    watch, total_ms = CoverageWatch(lambda: next(seen), lambda: heard[0]), 0
    for at, *_ in looks:
        total_ms += sum(coverage.observed_ms for _, coverage in watch.look(at))
        heard.pop(0)
    return total_ms


def test_time_that_the_machine_slept_was_not_observed():
    assert looked((HOUR, UP), (HOUR + 31, UP)) == {}


def test_a_pause_was_observed_once_what_happened_in_it_was_told():
    before, woken = (HOUR, UP, HOUR - 1), (HOUR + 40, UP, HOUR - 1)

    assert paused(before, woken, (HOUR + 41, UP, HOUR + 15)) == 16_000
    assert paused(before, woken, (HOUR + 41, UP, HOUR + 41)) == 41_000
    assert paused(before, woken, *((HOUR + 41 + n, UP, HOUR + 41 + n) for n in range(5))) == 45_000


def test_of_a_pause_after_which_the_connection_was_lost_what_was_told_before_was_observed():
    again = IngestStatus(HOUR + 44.0, 0)
    looks = [(HOUR + 41, DOWN, HOUR + 25), (HOUR + 45, again, HOUR + 45), (HOUR + 46, again, 0)]

    assert paused((HOUR, UP, HOUR - 1), (HOUR + 40, UP, 0), *looks) == 26_000


def test_what_a_later_connection_tells_proves_nothing_of_the_time_before_it():
    again = IngestStatus(HOUR + 38.0, 0)

    assert paused((HOUR, UP, 0), (HOUR + 40, again, HOUR + 39), (HOUR + 41, again, 0)) == 1000


def test_a_pause_without_a_connection_was_not_observed():
    assert paused((HOUR, DOWN, 0), (HOUR + 40, UP, 0), (HOUR + 41, UP, HOUR + 40.5)) == 1000


def test_a_clock_that_is_set_back_adds_nothing():
    assert looked((HOUR + 5, UP), (HOUR, UP), (HOUR + 1, UP)) == {HOUR: Coverage(1000)}


def test_dropped_events_count_where_they_were_seen():
    dropped = looked((HOUR, UP), (HOUR + 1, IngestStatus(1.0, 7)), (HOUR + 2, IngestStatus(1.0, 7)))

    assert dropped == {HOUR: Coverage(2000, 7)}
