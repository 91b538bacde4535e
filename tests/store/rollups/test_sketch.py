import math

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from flower_ng.store.rollups.tallies import LEAST_S, RELATIVE_ERROR, Sketch

DURATIONS = st.floats(0, 2**33, exclude_max=True)
SHARES = (0.0, 0.5, 0.95, 0.99, 1.0)


def sketch(durations):
    made = Sketch()
    for duration in durations:
        made.add(duration)
    return made


def both(one, other):
    made = sketch(())
    made.merge(one)
    made.merge(other)
    return made


@given(st.lists(DURATIONS, min_size=1))
def test_quantiles_are_within_the_stated_error_of_a_value_of_that_rank(durations):
    ordered = sorted(durations)

    for share, found in zip(SHARES, sketch(durations).quantiles(SHARES), strict=True):
        exact = ordered[max(1, math.ceil(share * len(ordered))) - 1]
        assert abs(found - exact) <= max(LEAST_S, exact * RELATIVE_ERROR * (1 + 1e-9))


@given(DURATIONS)
def test_quantiles_of_a_single_duration_are_exact(duration):
    assert sketch([duration]).quantiles(SHARES) == [duration] * len(SHARES)


@given(st.lists(DURATIONS), st.lists(DURATIONS), st.lists(DURATIONS))
def test_the_order_of_merges_does_not_matter(one, other, third):
    a, b, c = sketch(one), sketch(other), sketch(third)

    left, right, whole = both(both(a, b), c), both(a, both(c, b)), sketch(one + other + third)

    assert left.buckets == right.buckets == whole.buckets
    assert math.isclose(left.total_s, right.total_s)
    assert math.isclose(left.total_s, whole.total_s)


@given(st.lists(DURATIONS, min_size=1))
def test_a_sketch_comes_back_from_json_as_it_was(durations):
    made = sketch(durations)

    assert msgspec.json.decode(msgspec.json.encode(made), type=Sketch) == made


def test_all_durations_that_events_can_have_fall_in_few_buckets():
    durations = [LEAST_S * 1.01**n for n in range(4000)]

    made = sketch([0.0, *(duration for duration in durations if duration < 2**33)])

    assert len(made.buckets) <= 803


def test_merging_leaves_the_other_one_as_it_was():
    one, other = sketch([1.0]), sketch([1.0, 2.0])

    one.merge(other)

    assert (one.count, other.count) == (3, 2)
