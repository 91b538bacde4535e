"""Our own metrics say what their sources say."""

import pytest

from flower_ng.metrics.own import VALUES_MAX, OwnMetric, bounded


def value(own, sample, **labels):
    for family in own.collect():
        for found in family.samples:
            if found.name == sample and found.labels == labels:
                return found.value
    return None


def test_plain_numbers_are_read_at_the_scrape(own):
    assert value(own, "flower_ng_events_received_total") == 7
    assert value(own, "flower_ng_inbox_bytes") == 4096
    assert value(own, "flower_ng_connected") == 1
    assert value(own, "flower_ng_tasks_in_memory") == 11


def test_counts_are_told_apart_by_label(own):
    assert value(own, "flower_ng_events_dropped_total", type="task-sent") == 3
    assert value(own, "flower_ng_events_dropped_total", type="task-failed") == 0
    assert value(own, "flower_ng_events_malformed_total", reason="no uuid") == 2
    assert value(own, "flower_ng_build_info", version="1.2.3") == 1


def test_inspections_are_a_histogram_and_failures_by_method(own):
    assert value(own, "flower_ng_inspect_duration_seconds_count", method="stats") == 2
    assert value(own, "flower_ng_inspect_duration_seconds_bucket", method="stats", le="0.5") == 1
    assert value(own, "flower_ng_inspect_failures_total", method="stats") == 1


def test_pairs_and_their_bound_are_shown(own, feed):
    feed.run()

    assert value(own, "flower_ng_label_pairs") == 1
    assert value(own, "flower_ng_label_pairs_max") == 20_000


def test_the_store_says_what_it_holds_how_it_writes_and_what_went(own):
    shown = {
        name: value(own, f"flower_ng_store_{name}")
        for name in ("tasks", "bytes", "queue", "lag_seconds", "failing", "failures_total")
    }

    assert shown == {
        "tasks": 31,
        "bytes": 8192,
        "queue": 5,
        "lag_seconds": 0.75,
        "failing": 1,
        "failures_total": 6,
    }
    assert value(own, "flower_ng_store_lost_total") == 7
    assert value(own, "flower_ng_store_deleted_total", reason="max_age") == 8
    assert value(own, "flower_ng_store_deleted_total", reason="forgotten") == 0


def test_label_values_that_senders_choose_are_bounded():
    values = {f"type{number}": 2.0 for number in range(VALUES_MAX + 10)}

    kept = bounded(values)

    assert len(kept) == VALUES_MAX + 1
    assert kept["__other__"] == 20


@pytest.mark.parametrize(("reading", "values"), [(None, []), (0, [0.0]), ({}, [])])
def test_what_is_not_known_has_no_sample(reading, values):
    declared = OwnMetric("flower_ng_x", "gauge", "Of tests.", lambda _: reading, "kind")

    assert [sample.value for sample in declared.collect(None).samples] == values
