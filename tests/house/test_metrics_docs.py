"""docs/metrics.md tells of every metric, with its type and labels, and of no other."""

import re
from pathlib import Path

from flower_ng.metrics import METRICS, PrometheusMetrics
from flower_ng.metrics.problems import HELP, NAME
from flower_ng.metrics.queues import FAMILIES

DOCS = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"^\| `(flower_\w+)` \| (\w+) \| ([^|]*)\| (.+?) \|$", re.MULTILINE)


def shown(name: str, kind: str) -> str:
    return f"{name}_total" if kind == "counter" else name


def documented() -> dict[str, tuple[str, tuple[str, ...]]]:
    return {
        name: (kind, tuple(re.findall(r"`(\w+)`", labels)))
        for name, kind, labels, _ in ROW.findall(DOCS.read_text())
    }


def test_every_metric_is_documented_as_it_is():
    flowers = {
        shown(family.name, family.kind): (family.kind, family.labelnames)
        for family in PrometheusMetrics().families
    }
    ours = {
        shown(one.name, one.kind): (one.kind, (one.label,) if one.label else ()) for one in METRICS
    }
    problem = {NAME: ("gauge", ("rule", "subject"))}

    queues = {name: ("gauge", ("queue",)) for name, _, _ in FAMILIES}

    assert documented() == flowers | ours | problem | queues


def test_our_metrics_are_documented_in_their_own_words():
    texts = {name: text for name, _, _, text in ROW.findall(DOCS.read_text())}

    queues = {text for _, text, _ in FAMILIES}

    assert {HELP, *queues, *(one.help for one in METRICS)} <= set(texts.values())
