"""The threats of docs/security.md, and the faults of docs/reliability.md: each has its tests."""

import re

import pytest

from tests.services import ROOT


def rows(page: str, letter: str) -> list[tuple[str, str]]:
    """Return the names of each row of a table, and what it says of its tests."""
    row = rf"^\| ({letter}\d+(?:, {letter}\d+)*): .+ \| (.+) \|$"
    return re.findall(row, (ROOT / "docs" / page).read_text("utf-8"), re.MULTILINE)


ROWS = {"S": (rows("security.md", "S"), 31), "F": (rows("reliability.md", "F"), 36)}


@pytest.mark.parametrize("letter", ROWS)
def test_none_is_left_out(letter: str) -> None:
    found, last = ROWS[letter]
    named = [name for row in found for name in row[0].split(", ")]

    assert sorted(named) == sorted(f"{letter}{number}" for number in range(1, last + 1))


@pytest.mark.parametrize("letter", ROWS)
def test_each_names_tests_that_there_are(letter: str) -> None:
    for threat, tested in ROWS[letter][0]:
        files = re.findall(r"`(tests/[\w/]+\.py)`", tested)
        assert files, threat
        assert all((ROOT / file).is_file() for file in files), threat
