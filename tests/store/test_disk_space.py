from pathlib import Path

from flower_ng.store.writing.retention import MOST_BYTES, usual_max_bytes


class Disk:
    def __init__(self, free):
        self.free = free


def test_a_large_disk_gives_no_more_than_ten_gigabytes(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: Disk(10**15))  # no such disk here

    assert usual_max_bytes(tmp_path / "db") == MOST_BYTES


def test_a_small_disk_gives_half_of_what_is_free_without_the_store(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: Disk(1000))  # no such disk here
    (tmp_path / "db.sqlite3").write_bytes(b"x" * 500)
    (tmp_path / "db.index").mkdir()
    (tmp_path / "db.index" / "segment").write_bytes(b"x" * 100)
    (tmp_path / "other.sqlite3").write_bytes(b"x" * 900)

    assert usual_max_bytes(tmp_path / "db") == 800
    assert usual_max_bytes(None) == 500


def test_a_folder_that_is_not_there_is_somebody_elses_trouble():
    assert usual_max_bytes(Path("/no/such/folder/db")) == MOST_BYTES
