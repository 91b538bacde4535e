"""What people did about failures is there after a restart."""

from contextlib import contextmanager

import pytest

from flower_ng.store import HandledFailure, Store

NOON = 1_000_000.0


@pytest.fixture
def opened(tmp_path):
    @contextmanager
    def open_store():
        store = Store(tmp_path / "history", max_tasks=100, clock=lambda: NOON)
        store.start()
        yield store.failure_handling
        store.stop()

    return open_store


def test_it_is_kept_over_a_restart_and_goes_when_it_says_nothing(opened):
    resolved = HandledFailure("d1", NOON, "shop.pay", "E", resolved_at=NOON, reason="fixed")
    with opened() as handling:
        handling.put(resolved)
        handling.put(HandledFailure("d2", NOON, assignee="ann"))
    with opened() as handling:
        assert handling.by_key["d1"] == resolved
        assert handling.by_key["d2"].assignee == "ann"
        handling.put(HandledFailure("d2", NOON + 1))
    with opened() as handling:
        assert [*handling.by_key] == ["d1"]
