"""Templates compile, and leave style and script to files, as the content policy demands."""

import re
from pathlib import Path

import pytest
from tornado.template import Loader

from flower_ng import assets

FOLDER = assets.templates()
TEMPLATES = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*.html"))
LONGEST_LINE = 140
FORBIDDEN = {
    "a style attribute": r"<[^>]*\sstyle\s*=",
    "a style element": r"<style\b",
    "a script without a file": r"<script\b(?![^>]*\bsrc=)",
    "a script with a body": r"<script\b[^>]*>\s*[^<\s]",
    "an event attribute": r"<[^>]*\son[a-z]+\s*=",
    "a script address": r"javascript:",
    "something from elsewhere": r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=\"(?:https?:)?//",
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_compiles(name):
    assert Loader(str(FOLDER)).load(name).code


@pytest.mark.parametrize("what", FORBIDDEN)
@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_holds_nothing_that_the_policy_forbids(name, what):
    found = re.search(FORBIDDEN[what], Path(FOLDER, name).read_text(), re.IGNORECASE)

    assert found is None, found


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_has_no_line_that_needs_scrolling(name):
    lines = Path(FOLDER, name).read_text().splitlines()

    assert [line for line in lines if len(line) > LONGEST_LINE] == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_escapes_unless_it_says_raw(name):
    assert "{% autoescape" not in Path(FOLDER, name).read_text()


@pytest.mark.parametrize(
    ("what", "bad"),
    [
        ("a style attribute", '<p class="x" style="color: red">'),
        ("a style element", "<style>p {}</style>"),
        ("a script without a file", "<script>alert(1)</script>"),
        ("a script with a body", '<script src="x">alert(1)</script>'),
        ("an event attribute", '<a href="#" onclick="x()">'),
        ("a script address", '<a href="javascript:x()">'),
        ("something from elsewhere", '<script src="//cdn.example/x.js">'),
    ],
)
def test_these_tests_would_notice(what, bad):
    assert re.search(FORBIDDEN[what], bad, re.IGNORECASE)
