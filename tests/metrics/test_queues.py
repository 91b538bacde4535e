"""The metrics of queues."""

from flower_ng.brokers import QueueNumbers
from flower_ng.metrics import QueueMetrics, QueueSources
from flower_ng.monitor.remote.capacity import Capacity


def samples(numbers, crews, oldest_s=lambda _: None):
    sources = QueueSources(lambda: {one.name: one for one in numbers}, lambda: crews, oldest_s)
    return {
        (family.name.removeprefix("flower_ng_queue_"), sample.labels["queue"]): sample.value
        for family in QueueMetrics(sources).collect()
        for sample in family.samples
    }


def test_all_that_is_known_of_a_queue_is_shown():
    queue = QueueNumbers("mail", 3, unacked=2, consumers=1)

    assert samples([queue], {"mail": Capacity(1, 4)}, lambda _: 7.5) == {
        ("length", "mail"): 3,
        ("oldest_age_seconds", "mail"): 7.5,
        ("consumers", "mail"): 1,
        ("workers", "mail"): 1,
        ("slots", "mail"): 4,
        ("unacked", "mail"): 2,
    }


def test_what_is_not_known_has_no_series():
    assert samples([QueueNumbers("mail")], None) == {}


def test_a_queue_without_workers_has_none_once_workers_told():
    found = samples([QueueNumbers("mail", 0)], {"web": Capacity(1, None)})

    assert found == {
        ("length", "mail"): 0,
        ("workers", "mail"): 0,
        ("slots", "mail"): 0,
        ("workers", "web"): 1,
    }
