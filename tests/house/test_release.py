"""tools/release.py: what it refuses before anything is built."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services import ROOT, need


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A committed tree of version 1.2.3, dated in the changelog."""
    for folder in ("tools", "flower_ng"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "tools/release.py", tmp_path / "tools")
    (tmp_path / "flower_ng/__init__.py").write_text('__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [1.2.3] - 2026-11-30\n")
    (tmp_path / "Makefile").write_text(
        "check:\n\t@echo checked; exit 1\n"
    )  # a stand-in: it ends here
    git = (need("git"), "-c", "user.name=a", "-c", "user.email=a@example.com", "-C", str(tmp_path))
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "All"]):
        subprocess.run([*git, *command], check=True)
    return tmp_path


def released(checkout: Path) -> tuple[str, str]:
    command = [sys.executable, str(checkout / "tools/release.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stdout, done.stderr


def test_what_is_whole_and_dated_goes_on_to_the_checks(checkout: Path) -> None:
    shown, refused = released(checkout)

    assert shown == "checked\n"
    assert refused.endswith("make --no-print-directory check ended with 2\n")


def test_a_version_that_is_worked_on_is_no_release(checkout: Path) -> None:
    (checkout / "flower_ng/__init__.py").write_text('__version__ = "1.3.0.dev0"\n')

    assert "1.3.0.dev0 is no release" in released(checkout)[1]


@pytest.mark.parametrize("first", ["## [Unreleased]", "## [1.2.3]", "## [1.2.2] - 2026-11-01"])
def test_a_version_that_the_changelog_does_not_date_is_refused(checkout: Path, first: str) -> None:
    (checkout / "CHANGELOG.md").write_text(f"# Changelog\n\n{first}\n")

    assert "date it, ## [1.2.3] - YYYY-MM-DD" in released(checkout)[1]


def test_a_tree_with_changes_is_refused_and_they_are_named(checkout: Path) -> None:
    (checkout / "note").write_text("to do")

    assert released(checkout)[1] == "Commit or take away first:\n?? note\n"
