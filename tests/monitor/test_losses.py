"""Losses with a clock that stands still until told."""

import pytest

from flower_ng.monitor.ingest.losses import KINDS_MAX, OTHER, Losses


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def losses(clock):
    return Losses("lost %d, the newest: %s", clock)


def test_losses_are_counted_by_kind(losses):
    losses.add(["a", "b", "a"])

    assert losses == {"a": 2, "b": 1}


def test_the_first_is_logged_at_once_the_next_ones_together_after_five_seconds(
    losses, clock, caplog
):
    losses.add(["a"])
    for _ in range(99):
        losses.add(["b"])
    clock.now += 4.9
    losses.report()
    assert caplog.messages == ["lost 1, the newest: 'a'"]

    clock.now += 0.2
    losses.report()
    assert caplog.messages[1:] == ["lost 99, the newest: 'b'"]


def test_nothing_new_is_no_line(losses, clock, caplog):
    losses.add(["a"])
    clock.now += 60
    losses.report()

    assert len(caplog.messages) == 1


def test_kinds_are_bounded_and_none_is_lost(losses):
    losses.add(str(number) for number in range(KINDS_MAX + 50))

    assert losses[OTHER] == 50
    assert sum(losses.values()) == KINDS_MAX + 50


def test_a_kind_cannot_write_lines_of_its_own(losses, caplog):
    losses.add(["x\n2026-01-01 CRITICAL " + "y" * 1000])

    assert len(caplog.messages[0].splitlines()) == 1
    assert len(caplog.messages[0]) < 150
