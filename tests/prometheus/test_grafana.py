"""The dashboard for Grafana is current, and is one that Grafana can import."""

import json
from itertools import combinations
from types import ModuleType
from typing import Any

import pytest

from tests.services import ROOT

PAGE = ROOT / "docs/grafana/flower_ng.json"


@pytest.fixture
def dashboard() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(PAGE.read_text(encoding="utf-8"))
    return read


def test_the_dashboard_is_current(grafana: ModuleType) -> None:
    assert PAGE.read_text(encoding="utf-8") == grafana.page(), "run `make docs`"


def test_every_panel_asks_the_prometheus_that_was_chosen(dashboard: dict[str, Any]) -> None:
    panels = [one for one in dashboard["panels"] if one["type"] != "row"]
    asked = [*panels, *(target for one in panels for target in one["targets"])]

    assert {one["datasource"]["uid"] for one in asked} == {"${datasource}"}


def test_worker_task_and_queue_can_be_chosen_and_what_is_chosen_counts(
    dashboard: dict[str, Any],
) -> None:
    names = [one["name"] for one in dashboard["templating"]["list"]]

    assert names == ["datasource", "job", "instance", "worker", "task", "queue"]
    assert all(f"${name}" in PAGE.read_text() for name in names[1:])


def test_no_two_panels_have_one_number_or_lie_on_each_other(dashboard: dict[str, Any]) -> None:
    panels = dashboard["panels"]

    assert len({one["id"] for one in panels}) == len(panels)
    assert not [two for two in combinations(panels, 2) if overlap(*(one["gridPos"] for one in two))]
    assert max(one["gridPos"]["x"] + one["gridPos"]["w"] for one in panels) == 24


def overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return all(
        one[at] < other[at] + other[size] and other[at] < one[at] + one[size]
        for at, size in (("x", "w"), ("y", "h"))
    )
