"""docs/health.md tells of every rule, with its option and its default, as they are declared."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from flower_ng.health import RULES
from flower_ng.settings import OPTIONS

ROOT = Path(__file__).resolve().parents[2]
OPTION_NAMES = {option.name for option in OPTIONS}


@pytest.fixture
def health_table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("health_table", ROOT / "tools/health_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_rules_is_current(health_table: ModuleType) -> None:
    page = (ROOT / "docs/health.md").read_text(encoding="utf-8")

    assert page == health_table.page(), "run `make docs`"


def test_every_rule_has_an_option_and_every_threshold_a_rule() -> None:
    thresholds = {name for name in OPTION_NAMES if name.startswith("problem_")}

    assert {rule.option for rule in RULES} == thresholds


def test_no_two_rules_have_one_name() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
