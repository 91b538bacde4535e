"""The rules for Prometheus are in order, say what they should, and leave no rule of ours out."""

import re
import subprocess
from collections import Counter
from types import ModuleType

from flower_ng.health import RULES
from tests.services import ROOT, need

FOLDER = ROOT / "docs/prometheus"
FILES = ("recording.yml", "alerts.yml", "problems.yml")
CASES = ROOT / "tests/prometheus/alerts_test.yml"


def promtool(*words: object) -> str:
    """Return what it says; it must be content."""
    command = [need("promtool"), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def alerts(name: str) -> list[str]:
    return re.findall(r"- alert: (\w+)", (FOLDER / name).read_text())


def test_promtool_finds_the_rules_in_order() -> None:
    assert promtool("check", "rules", *(FOLDER / name for name in FILES)).count("SUCCESS") == 3


def test_alerts_fire_when_they_should_and_at_no_other_time() -> None:
    assert "SUCCESS" in promtool("test", "rules", CASES)


def test_every_alert_of_ours_is_seen_firing_in_a_test() -> None:
    fired = set(re.findall(r'alertname="(\w+)",alertstate', CASES.read_text()))
    fired |= set(
        re.findall(r"alertname: (\w+)\n *eval_time: \w+\n *exp_alerts:\n", CASES.read_text())
    )

    assert set(alerts("alerts.yml")) <= fired


def test_the_alerts_on_problems_are_current(prometheus_rules: ModuleType) -> None:
    page = (FOLDER / "problems.yml").read_text(encoding="utf-8")

    assert page == prometheus_rules.page(), "run `make docs`"


def test_every_rule_has_one_alert(prometheus_rules: ModuleType) -> None:
    by_metric = re.findall(r"\brule: ([a-z-]+)", (FOLDER / "alerts.yml").read_text())
    by_problem = re.findall(r'\{rule="([a-z-]+)"\}', prometheus_rules.page())

    assert Counter(by_metric + by_problem) == Counter(rule.name for rule in RULES)


def test_every_alert_says_how_bad_it_is_what_it_is_and_what_to_do() -> None:
    for name in ("alerts.yml", "problems.yml"):
        for alert in (FOLDER / name).read_text().split("- alert:")[1:]:
            assert re.search(r"severity: (critical|warning|info)", alert), alert
            assert re.search(r"^ +summary: \S", alert, re.MULTILINE), alert
            assert re.search(r"^ +description: \S", alert, re.MULTILINE), alert
