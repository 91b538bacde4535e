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


def lines(name: str) -> list[str]:
    return Path(FOLDER, name).read_text().splitlines()


def test_templates_compile():
    loader = Loader(str(FOLDER))

    assert all(loader.load(name).code for name in TEMPLATES)


@pytest.mark.parametrize("what", FORBIDDEN)
def test_templates_hold_nothing_that_the_policy_forbids(what):
    found = {
        name: re.search(FORBIDDEN[what], Path(FOLDER, name).read_text(), re.IGNORECASE)
        for name in TEMPLATES
    }

    assert {name: match for name, match in found.items() if match} == {}


def test_no_line_of_a_template_needs_scrolling():
    long = [(name, line) for name in TEMPLATES for line in lines(name) if len(line) > LONGEST_LINE]

    assert long == []


def test_templates_escape_unless_they_say_raw():
    assert [name for name in TEMPLATES if "{% autoescape" in "".join(lines(name))] == []


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
