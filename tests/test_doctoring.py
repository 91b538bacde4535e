"""What the doctor is told of our own options, and of the place of the history."""

from pathlib import Path

import pytest

from flower_ng.doctoring import database_fault, file_fault, own
from flower_ng.settings import Settings
from tests.services import Postgres

READ_ONLY = "?options=-c%20default_transaction_read_only%3Don"


def test_a_database_that_can_be_written_has_no_fault(postgres: Postgres) -> None:
    assert database_fault(postgres.url()) == ""


def test_a_database_that_refuses_writes_is_a_fault(postgres: Postgres) -> None:
    assert database_fault(postgres.url() + READ_ONLY) == "it is read-only"


def test_a_file_that_is_not_there_yet_has_no_fault(tmp_path: Path) -> None:
    assert file_fault(tmp_path / "flower.sqlite3") == ""
    assert not list(tmp_path.iterdir())


def test_a_place_on_a_file_system_that_takes_nothing_is_a_fault() -> None:
    assert file_fault(Path("/proc/self/flower.sqlite3")) != ""


def test_options_that_hide_something_are_named_where_somebody_chose_them() -> None:
    chosen = Settings(purge_offline_workers=60, tasks_columns="name", read_only=True)

    assert own(Settings(), fault="").hidden == {}
    assert set(own(chosen, fault="").hidden) == {
        "purge_offline_workers",
        "tasks_columns",
        "read_only",
    }


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({}, "in a temporary file"),
        ({"persistent": True, "db": "/srv/flower"}, "/srv/flower.sqlite3"),
        ({"history": "postgresql://me:secret@box/db"}, "postgresql://me:**@box/db"),
    ],
)
def test_the_place_is_told_without_its_password(options: dict, place: str) -> None:
    assert own(Settings(**options), fault="").history == place


def test_a_history_that_is_no_url_is_a_fault() -> None:
    assert "not a URL such as" in database_fault("postgresql://host")
