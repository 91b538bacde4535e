import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from flower_ng.settings import OPTIONS

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def options_table() -> ModuleType:
    """The script that writes the page; scripts of tools/ are not importable by name."""
    spec = importlib.util.spec_from_file_location("options_table", ROOT / "tools/options_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_options_is_current(options_table: ModuleType) -> None:
    page = (ROOT / "docs/options.md").read_text(encoding="utf-8")

    assert page == options_table.page(), "run `make docs`"


def test_the_table_of_the_readme_is_current(options_table: ModuleType) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")

    assert readme == options_table.readme(readme), "run `make docs`"


def test_a_readme_without_its_marks_is_refused(options_table: ModuleType) -> None:
    with pytest.raises(ValueError, match="must hold"):
        options_table.readme("# A README")


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_is_documented(option: object) -> None:
    assert f"| `{option.name}` |" in (ROOT / "docs/options.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_says_in_a_sentence_what_it_does(option: object) -> None:
    assert option.help.endswith(".")
    assert len(option.help) > 10
