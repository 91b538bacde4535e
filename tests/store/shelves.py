"""Shelves for the tests: those of the real Flower, and others written as Flower would."""

import dbm.dumb
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

from celery.events import state as celery

FILES = Path(__file__).parent / "flower_files"
#: Each made by a real Flower, see the README beside them.
REAL = ("2.0.1-gdbm", "2.1.0-dumb", "2.2.0-sqlite")
NDBM = "2.2.0-ndbm"
#: Tasks in each of them.
TASKS = 7


def copied(name: str, folder: Path) -> Path:
    """Return what `--db` named; the copy's folder holds nothing else."""
    shutil.copytree(FILES / name, folder / "theirs")
    (folder / "theirs" / "said.json").unlink()
    return folder / "theirs" / "flower"


def said(name: str) -> Any:
    """Return what the API of the Flower that made a shelf said."""
    return json.loads((FILES / name / "said.json").read_text())


def state(*tasks: dict[str, Any], workers: tuple[celery.Worker, ...] = ()) -> celery.State:
    """Return Celery's own State with these tasks."""
    made = celery.State()
    for fields in tasks:
        made.tasks[fields["uuid"]] = celery.Task(cluster_state=made, **fields)
    for worker in workers:
        made.workers[worker.hostname] = worker
    return made


def shelf(db: Path, events: Any, counter: Any = None) -> Path:
    """Write a shelf as Flower does, dumb; bytes are taken for pickles as they are."""
    pickles = {"events": events, "counter": {} if counter is None else counter}
    with dbm.dumb.open(str(db), "n") as content:
        for key, value in pickles.items():
            content[key] = value if isinstance(value, bytes) else pickle.dumps(value)
    return db
