import shutil
import subprocess
from pathlib import Path

import pytest

from flower_ng.store import Store
from tests.forks import ran
from tests.store.shelves import FILES, copied


def imported(folder: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `flower-ng import` in a folder."""
    return ran(("import", *words), folder, {"PATH": "/usr/bin:/bin", **environ}, 60)


def test_import_says_what_came(tmp_path: Path) -> None:
    db = copied("2.1.0-dumb", tmp_path)

    done = imported(tmp_path, str(db), "--db=ours")

    assert done.stdout == (
        f"Imported from {db}.dat (dumb): 7 tasks, 1 worker, event counts of 3 hosts.\n"
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "ours.sqlite3").exists()


def test_the_environment_names_the_history_too(tmp_path: Path) -> None:
    imported(tmp_path, str(copied("2.1.0-dumb", tmp_path)), FLOWER_DB="named")

    assert (tmp_path / "named.sqlite3").exists()


def test_the_configuration_file_names_the_history_too(tmp_path: Path) -> None:
    (tmp_path / "flowerconfig.py").write_text("import flower.options\ndb = 'named'\n")

    imported(tmp_path, str(copied("2.1.0-dumb", tmp_path)))

    assert (tmp_path / "named.sqlite3").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Name what Flower's option db named: flower-ng import FLOWER_DB"),
        (("--db=ours",), "Name what Flower's option db named"),
        (("nothing",), "There is no file of Flower's at nothing"),
        (("flower", "--max_tasks=many"), "Invalid '--max_tasks' option"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    shutil.copy(FILES / "2.0.1-gdbm" / "flower", tmp_path)

    done = imported(tmp_path, *words)

    assert done.returncode == 1
    assert done.stderr.startswith("Error: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.glob("*.sqlite3")] == []


def test_a_history_that_is_in_use_is_named_and_takes_nothing(tmp_path: Path) -> None:
    shutil.copy(FILES / "2.0.1-gdbm" / "flower", tmp_path)
    dashboard = Store(tmp_path / "ours", max_tasks=10)
    dashboard.start()

    done = imported(tmp_path, "flower", "--db=ours")
    dashboard.stop()

    assert done.returncode == 1
    assert "ours.sqlite3 is in use by another flower_ng" in done.stderr
    assert done.stderr.startswith("Error: The history can't be kept: ")


def test_help_says_how_it_is_started(tmp_path: Path) -> None:
    assert "flower-ng import FLOWER_DB [OPTIONS]" in imported(tmp_path, "--help").stdout
