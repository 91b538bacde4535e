import pytest

from flower_ng.store import Store
from flower_ng.store.notes import KEPT_S

NOON = 1_790_000_000.0


@pytest.fixture
def opened(tmp_path, history):
    """Open the same store anew: `store = opened()`; with SQLite and with PostgreSQL."""
    stores = []

    def open_store(now=NOON):
        for store in stores:
            store.stop()
        path = None if history else tmp_path / "kept"
        stores.append(Store(path, max_tasks=10, history=history or None, clock=lambda: now))
        stores[-1].start()
        return stores[-1]

    yield open_store
    for store in stores:
        store.stop()


def test_notes_outlast_a_restart(opened):
    notebook = opened().notebook
    notebook.put("problem", "a", '{"x": 1}', NOON)
    notebook.put("mute", "a", "{}", NOON)

    assert opened().notebook.read("problem") == {"a": '{"x": 1}'}


def test_the_newest_note_of_a_key_counts_and_one_can_be_deleted(opened):
    notebook = opened().notebook
    for text in ("1", "2"):
        notebook.put("problem", "a", text, NOON)
    notebook.put("problem", "b", "3", NOON)
    notebook.put("problem", "b", None, NOON)

    assert opened().notebook.read("problem") == {"a": "2"}


def test_old_notes_go(opened):
    opened().notebook.put("problem", "a", "1", NOON)

    assert opened(NOON + KEPT_S + 1).notebook.read("problem") == {}
