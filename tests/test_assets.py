from pathlib import Path

from flower_ng import assets


def test_a_checkout_has_the_folders_beside_the_package() -> None:
    assert (assets.templates() / "base.html").is_file()
    assert (assets.static() / "css").is_dir()


def test_a_folder_inside_the_package_goes_first(tmp_path: Path) -> None:
    inside = tmp_path / "package" / "static"
    inside.mkdir(parents=True)
    (tmp_path / "static").mkdir()

    assert assets.folder("static", tmp_path / "package") == inside


def test_the_digest_changes_with_a_files_content(tmp_path: Path) -> None:
    (tmp_path / "app.js").write_text("1")
    before = assets.digest(tmp_path)
    (tmp_path / "app.js").write_text("2")

    assert len(before) == 16
    assert assets.digest(tmp_path) != before


def test_the_digest_changes_with_a_files_name(tmp_path: Path) -> None:
    (tmp_path / "app.js").write_text("1")
    before = assets.digest(tmp_path)
    (tmp_path / "app.js").rename(tmp_path / "main.js")

    assert assets.digest(tmp_path) != before
