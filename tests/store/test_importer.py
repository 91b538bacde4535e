import hashlib
import json
import os
import pickle
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from flower_ng.errors import FlowerError
from flower_ng.store import Store, TaskQuery, found_at
from flower_ng.store.timeline import attempts, events
from tests.store.making import change, task

FILES = Path(__file__).parent / "flower_files"
#: Each made by a real Flower, see the README beside them.
REAL = ("2.0.1-gdbm", "2.1.0-dumb", "2.2.0-sqlite")
NDBM = "2.2.0-ndbm"


@pytest.fixture
def store(tmp_path):
    with started(tmp_path / "ours") as one:
        yield one


class started:  # noqa: N801 - reads as a word
    """A store that runs, and is stopped."""

    def __init__(self, path, **options):
        self.store = Store(path, **{"max_tasks": 200_000, **options})

    def __enter__(self):
        self.store.start()
        return self.store

    def __exit__(self, *_):
        self.store.stop()


@pytest.fixture(params=REAL)
def real(request, tmp_path):
    return copied(request.param, tmp_path)


def copied(name, tmp_path):
    """Return what `--db` named; the copy's folder holds nothing else."""
    shutil.copytree(FILES / name, tmp_path / "theirs")
    (tmp_path / "theirs" / "said.json").unlink()
    return tmp_path / "theirs" / "flower"


def said(name):
    return json.loads((FILES / name / "said.json").read_text())


async def rows(store):
    return {row.uuid: row for row in (await store.tasks(TaskQuery())).rows}


@pytest.mark.parametrize("name", REAL)
async def test_every_field_of_every_task_is_as_flowers_api_said_it(name, tmp_path, store):
    done = store.import_flower(found_at(copied(name, tmp_path)))

    records = {uuid: row.record() for uuid, row in (await rows(store)).items()}
    assert records == said(name)["tasks"]
    assert (done.tasks, done.workers, done.left_out) == (7, 1, {})


@pytest.mark.parametrize("name", [NDBM])
async def test_ndbm_is_read_with_pythons_module_or_the_package_is_named(name, tmp_path, store):
    shelf = found_at(copied(name, tmp_path))

    if has_ndbm():
        store.import_flower(shelf)
        records = {uuid: row.record() for uuid, row in (await rows(store)).items()}
        assert records == said(name)["tasks"]
    else:
        with pytest.raises(FlowerError, match="package libpython3-stdlib"):
            store.import_flower(shelf)


def has_ndbm():
    try:
        import dbm.ndbm  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


def test_workers_come_with_their_software_and_heartbeats(store, real):
    store.import_flower(found_at(real))

    (worker,) = store.restored().workers
    assert (worker.hostname, worker.sw_ident, worker.sw_sys) == ("w1@box", "py-celery", "Linux")
    assert len(worker.heartbeats) == 4
    assert worker.beat_at == worker.heard_at == worker.heartbeats[-1]
    list(store.restored().tasks)


def test_counters_come_with_publishers(store, tmp_path):
    store.import_flower(found_at(copied("2.2.0-sqlite", tmp_path)))

    counters = store.restored().counters
    assert counters["w1@box"]["task-received"] == 7
    assert sum(counts.get("task-sent", 0) for counts in counters.values()) == 8


async def test_the_times_that_flower_kept_are_the_timeline(store, real):
    store.import_flower(found_at(real))

    flaky = next(row for row in (await rows(store)).values() if row.name == "shop.flaky")
    row = await store.task(flaky.uuid)
    told = events(row.timeline)
    assert [event.type for event in told] == [
        "sent", "retried", "received", "started", "succeeded",
    ]  # fmt: skip
    assert [one.outcome for one in attempts(told)] == ["RETRY", "SUCCESS"]
    assert told[1].exception == "OSError('not yet')"


def test_flowers_file_is_as_it_was(store, real):
    before = state_of(real.parent)

    store.import_flower(found_at(real))

    assert state_of(real.parent) == before


def state_of(folder):
    return {
        path.name: (hashlib.sha256(path.read_bytes()).digest(), path.stat().st_mtime_ns)
        for path in folder.iterdir()
    }


def test_a_file_in_a_folder_that_may_not_be_written_is_read(store, real):
    for path in (*real.parent.iterdir(), real.parent):
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        assert store.import_flower(found_at(real)).tasks == 7
    finally:
        real.parent.chmod(0o755)
