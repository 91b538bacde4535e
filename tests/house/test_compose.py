"""docs/compose.yml: its parts exist, and its words are those of the Dockerfile."""

import re
from typing import Any

import pytest
import yaml

from flower_ng.settings import OPTIONS
from tests.services import ROOT

FILE = ROOT / "docs/compose.yml"


@pytest.fixture
def compose() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(FILE.read_text())
    return content


def test_what_its_services_name_is_in_it(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        assert service.keys() & {"build", "image"}
        assert service.get("depends_on", {}).keys() <= services.keys()
        volumes = {volume.split(":")[0] for volume in service.get("volumes", [])}
        assert volumes <= compose["volumes"].keys()
        sources = {config["source"] for config in service.get("configs", [])}
        assert sources <= compose["configs"].keys()


def test_its_dashboard_is_built_here_and_reached_from_this_machine_alone(
    compose: dict[str, Any],
) -> None:
    dashboard = compose["services"]["dashboard"]
    assert (FILE.parent / dashboard["build"] / "Dockerfile").is_file()
    assert dashboard["ports"] == ["127.0.0.1:5555:5555"]


def test_its_options_are_the_dashboards(compose: dict[str, Any]) -> None:
    names = compose["services"]["dashboard"]["environment"]
    ours = {name for name in names if name.startswith("FLOWER_")}
    assert {name.removeprefix("FLOWER_").lower() for name in ours} <= {
        option.name for option in OPTIONS
    }


def test_its_history_lies_where_the_image_keeps_it(compose: dict[str, Any]) -> None:
    [volume] = compose["services"]["dashboard"]["volumes"]
    place = volume.split(":")[1]
    assert re.search(rf"FLOWER_DB={place}/", (ROOT / "Dockerfile").read_text())


def test_its_sample_is_python(compose: dict[str, Any]) -> None:
    compile(compose["configs"]["shop"]["content"], "shop.py", "exec")
