"""Backoff with a chance that is none."""

from flower_ng.monitor.ingest.backoff import Backoff


def waits(backoff, count):
    return [backoff.next_s() for _ in range(count)]


def test_waits_double_up_to_two_seconds():
    assert waits(Backoff(jitter=lambda: 1.0), 6) == [0.5, 1.0, 2.0, 2.0, 2.0, 2.0]


def test_chance_shortens_a_wait_by_up_to_half():
    assert waits(Backoff(jitter=lambda: 0.0), 3) == [0.25, 0.5, 1.0]


def test_a_success_begins_again():
    backoff = Backoff(jitter=lambda: 1.0)
    waits(backoff, 10)

    backoff.reset()

    assert backoff.next_s() == 0.5
