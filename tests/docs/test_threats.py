"""The threats of docs/security.md: each has its tests, which are there."""

import re

from tests.services import ROOT

ROWS = re.findall(
    r"^\| (S\d+(?:, S\d+)*): .+ \| (.+) \|$",
    (ROOT / "docs/security.md").read_text("utf-8"),
    re.MULTILINE,
)


def test_no_threat_is_left_out() -> None:
    named = [threat for row in ROWS for threat in row[0].split(", ")]

    assert named == [f"S{number}" for number in range(1, 32)]


def test_each_names_tests_that_there_are() -> None:
    for threat, tested in ROWS:
        files = re.findall(r"`(tests/[\w/]+\.py)`", tested)
        assert files, threat
        assert all((ROOT / file).is_file() for file in files), threat
