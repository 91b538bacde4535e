"""The scripts that write what is shipped, as modules."""

import importlib.util
from types import ModuleType

import pytest

from tests.services import ROOT


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, ROOT / f"tools/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def prometheus_rules() -> ModuleType:
    return loaded("prometheus_rules")


@pytest.fixture
def grafana() -> ModuleType:
    return loaded("grafana")
