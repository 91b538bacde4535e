"""A provider on loopback, and `flower.views.auth` with Flower installed and without."""

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

from flower_ng import drop_in
from tests.web.provider import FakeProvider

ROOT = Path(__file__).parents[3]
OKTA = "https://okta.example"


@pytest.fixture
async def provider(monkeypatch):
    monkeypatch.setenv("FLOWER_OAUTH2_OKTA_BASE_URL", OKTA)
    fake = FakeProvider()
    yield fake
    await fake.stop()


@pytest.fixture(scope="session")
def real_flower(tmp_path_factory) -> dict[str, ModuleType]:
    """The modules of Flower 2.2.0, imported once: Tornado lets no one define options twice."""
    packages = next(ROOT.glob(".venv-flower/lib/python*/site-packages/flower"), None)
    assert packages is not None, "Flower is not there: run `make .venv-flower/.made`"
    folder = tmp_path_factory.mktemp("flower")
    (folder / "flower").symlink_to(packages)
    sys.path.insert(0, str(folder))
    try:
        importlib.import_module("flower.urls")
    finally:
        sys.path.remove(str(folder))
    return taken_out()


def taken_out() -> dict[str, ModuleType]:
    """Forget every module of Flower, real or ours, and return them."""
    names = [name for name in sys.modules if name.partition(".")[0] == "flower"]
    return {name: sys.modules.pop(name) for name in names}


@pytest.fixture(params=["without Flower", "with Flower"])
def flower_auth(request):
    """`flower.views.auth` as a login handler made for Flower gets it."""
    if request.param == "with Flower":
        sys.modules.update(request.getfixturevalue("real_flower"))
    drop_in.install()
    yield importlib.import_module("flower.views.auth")
    taken_out()
    sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, drop_in.StandIn)]
