"""Writes docs/prometheus/problems.yml: an alert for each rule that no metric of its own carries.

`alerts.yml` and `recording.yml` beside it are written by hand; a rule that one of their alerts
stands for, which its label `rule` says, is left out here. Tests hold the page to this.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from flower_ng.health import RULES, Rule

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "prometheus"
PAGE = FOLDER / "problems.yml"
#: A start of flower_ng takes less, its quiet time and the time for which a problem is held
#: included: no alert ends because of one.
OVER: Final = "5m"
SEVERITIES: Final = {"error": "critical", "warning": "warning"}
HEAD = """\
# Alerts on the problems that flower_ng finds by itself and that no other metric tells of: its
# thresholds are options of flower_ng, its mutes hold here, too. This file is generated from
# flower_ng/health/ by `make docs`. A problem that is over, or muted, ends its alert within five
# minutes.
groups:
  - name: flower_ng problems
    rules:
"""
REST = """\
      # What a newer flower_ng than this file finds.
      - alert: FlowerNgProblem
        expr: {expression}
        labels: {{ severity: warning }}
        annotations:
          summary: "Problem: {{{{ $labels.rule }}}} {{{{ $labels.subject }}}}"
          description: The page /problems of flower_ng says more.
"""


def page() -> str:
    """The whole file."""
    told = carried((FOLDER / "alerts.yml").read_text(encoding="utf-8"))
    alerts = (alert(rule) for rule in RULES if rule.name not in told)
    return HEAD + "\n".join([*alerts, rest(RULES)])


def carried(alerts: str) -> set[str]:
    """The rules that alerts stand for."""
    return set(re.findall(r"\brule: ([a-z-]+)", alerts))


def alert(rule: Rule) -> str:
    """The alert of one rule."""
    return "\n".join(lines(rule)) + "\n"


def lines(rule: Rule) -> Iterator[str]:
    """Its lines; JSON's texts are YAML's."""
    subject = "" if rule.about in {"cluster", "broker"} else ": {{ $labels.subject }}"
    yield f"      - alert: FlowerNg{rule.name.title().replace('-', '')}"
    yield f"        expr: {lasting(f'rule={json.dumps(rule.name)}')}"
    yield f"        labels: {{ severity: {SEVERITIES[rule.severity]} }}"
    yield "        annotations:"
    yield f"          summary: {json.dumps(rule.title + subject)}"
    yield f"          description: {json.dumps(rule.advice)}"


def rest(rules: Iterable[Rule]) -> str:
    """The alert of all that is none of these."""
    names = "|".join(rule.name for rule in rules)
    return REST.format(expression=lasting(f'rule!~"{names}"'))


def lasting(matcher: str) -> str:
    """The problems, those of which a restart took the series among them."""
    return f"max_over_time(flower_ng_problem{{{matcher}}}[{OVER}]) == 1"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
