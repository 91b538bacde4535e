"""docs/search.md tells of every field of the search, as the parser has it."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from flower_ng.store import parse_search

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "search.md"


@pytest.fixture
def search_table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("search_table", ROOT / "tools/search_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tables_of_the_search_are_current(search_table: ModuleType) -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert page == search_table.page(page), "run `make docs`"


def test_a_page_without_its_marks_is_refused(search_table: ModuleType) -> None:
    with pytest.raises(ValueError, match="must hold"):
        search_table.page("# Searching")


def test_the_examples_of_the_search_can_be_searched() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("## Examples")[2]
    examples = re.findall(r"^\| `(.+?)` \|", text, re.MULTILINE)

    assert len(examples) == 5
    assert all(parse_search(example) for example in examples)
