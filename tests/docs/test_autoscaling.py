"""The examples of autoscaling, read as KEDA and Kubernetes document that they read them."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from flower_ng.metrics.queues import FAMILIES
from flower_ng.web.api.queue_scale import QueueScale, scale_told
from flower_ng.web.ui.queue_needs import QueueLoad, needs
from tests.docs.pages import block

PAGE = "autoscaling.md"


def read_as_keda(body: Any, location: str) -> float:
    """Follow a path of GJSON's dots; what it leads to must be a number, which no boolean is."""
    for name in location.split("."):
        body = body[name]
    if isinstance(body, bool) or not isinstance(body, int | float):
        raise TypeError(f"valueLocation must point to a number, not {body!r}")
    return body


@pytest.fixture
def load() -> QueueLoad:
    """The load of the documented answer."""
    parts = json.loads(block(PAGE, "json"))["parts"]
    told = {"age_s": parts["waiting_age_s"], "workers": 2, **parts}
    fields = {name: told[name] for name in QueueLoad.__dataclass_fields__ if name in told}
    return QueueLoad(**fields)


def test_the_documented_answer_is_what_is_answered(load: QueueLoad) -> None:
    answer = scale_told("celery", load, needs(load))

    assert json.loads(block(PAGE, "json")) == answer


def test_keda_finds_the_number_of_processes(load: QueueLoad) -> None:
    scaled, authentication = yaml.safe_load_all(block(PAGE, "yaml", 0))
    trigger = scaled["spec"]["triggers"][0]
    given, url = trigger["metadata"], urlsplit(trigger["metadata"]["url"])
    answer = scale_told("celery", load, needs(load))

    assert trigger["type"] == "metrics-api"
    assert url.path == QueueScale.path.replace("(.+)", "celery")
    assert parse_qs(url.query) == {"drain": ["5m"]}
    assert read_as_keda(answer, given["valueLocation"]) == 7
    assert all(isinstance(one, str) for one in given.values())
    assert float(given["targetValue"]) > 0
    assert trigger["authenticationRef"]["name"] == authentication["metadata"]["name"]
    secrets = {one["parameter"] for one in authentication["spec"]["secretTargetRef"]}
    assert (given["authMode"], secrets) == ("basic", {"username", "password"})


@pytest.mark.parametrize("unknown", [None, "7", True])
def test_what_is_no_number_is_an_error_to_keda(unknown: Any) -> None:
    with pytest.raises(TypeError):
        read_as_keda({"processes": unknown}, "processes")


def test_the_hpa_asks_for_a_metric_that_there_is() -> None:
    values, hpa = yaml.safe_load_all(block(PAGE, "yaml", 1))
    (metric,) = hpa["spec"]["metrics"]
    (rule,) = values["rules"]["external"]

    assert (hpa["apiVersion"], metric["type"]) == ("autoscaling/v2", "External")
    assert metric["external"]["metric"]["name"] == rule["seriesQuery"].partition("{")[0]
    assert metric["external"]["metric"]["selector"]["matchLabels"].keys() == {"queue"}
    assert metric["external"]["target"]["type"] == "AverageValue"
    assert metric["external"]["metric"]["name"] in {name for name, *_ in FAMILIES}
