"""A family offers what prometheus_client's metrics offer."""

import prometheus_client
import pytest

from flower_ng.metrics import PrometheusMetrics


@pytest.fixture
def metrics():
    return PrometheusMetrics()


def test_labels_are_given_by_position_or_by_name(metrics):
    metrics.events.labels("w1", "task-sent", "shop.pay").inc()
    metrics.events.labels(task="shop.pay", type="task-sent", worker="w1").inc(2)

    assert metrics.events.labels("w1", "task-sent", "shop.pay").value == 3


@pytest.mark.parametrize(
    ("values", "named"),
    [(("w1",), {}), ((), {}), (("w1",), {"task": "t"}), ((), {"worker": "w1", "tusk": "t"})],
)
def test_wrong_labels_are_refused(metrics, values, named):
    with pytest.raises(ValueError, match="label"):
        metrics.runtime.labels(*values, **named)


def test_gauges_go_up_down_and_to_a_value(metrics):
    gauge = metrics.worker_online.labels("w1")

    gauge.set(5)
    gauge.inc()
    gauge.dec(2)

    assert gauge.value == 4.0


def test_counters_refuse_to_shrink(metrics):
    with pytest.raises(ValueError, match="counter"):
        metrics.events.labels("w1", "task-sent", "t").inc(-1)


def test_a_series_can_be_removed_and_all_cleared(metrics):
    for task in ("a", "b", "c"):
        metrics.prefetch_time.labels("w1", task).set(1)

    metrics.prefetch_time.remove("w1", "a")
    assert [values for values, _ in metrics.prefetch_time.cells()] == [("w1", "b"), ("w1", "c")]

    metrics.prefetch_time.clear()
    assert not metrics.prefetch_time.table


def test_samples_are_those_of_prometheus_client(metrics):
    registry = prometheus_client.CollectorRegistry()
    histogram = prometheus_client.Histogram(
        "flower_task_runtime_seconds", "task run time", ["worker", "task"], registry=registry
    )
    for amount in (0.005, 0.3, 0.3, 70.0):
        metrics.runtime.labels("w1", "t").observe(amount)
        histogram.labels("w1", "t").observe(amount)

    (ours,), (theirs,) = metrics.runtime.collect(), histogram.collect()

    def plain(family):
        return [
            (sample.name, sample.labels, sample.value)
            for sample in family.samples
            if not sample.name.endswith("_created")
        ]

    assert plain(ours) == plain(theirs)
    assert (ours.name, ours.type, ours.documentation) == (
        theirs.name,
        theirs.type,
        theirs.documentation,
    )


def test_long_label_values_are_cut_and_those_that_are_then_equal_share_a_series(metrics):
    family, name = metrics.events, "x" * 300

    family.labels(name, "task-sent", f"{name}1").inc()
    family.labels(f"{name}y", "task-sent", f"{name}2").inc()

    cut = "x" * 200
    assert [(values, cell.value) for values, cell in family.cells()] == [
        ((cut, "task-sent", cut), 2.0)
    ]
    family.remove_worker(name)
    assert not list(family.cells())
