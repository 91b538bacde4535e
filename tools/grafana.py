"""Writes docs/grafana/flower_ng.json, a dashboard for Grafana, from grafana.toml beside this file.

A test holds the one to the other.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

PANELS = Path(__file__).resolve().with_suffix(".toml")
PAGE = PANELS.parent.parent / "docs" / "grafana" / "flower_ng.json"
WIDTH: Final = 24
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
OURS: Final = 'job="$job",instance="$instance"'
#: What the words in the expressions stand for, each before those that it is made of.
WORDS: Final[Mapping[str, str]] = {
    "PAIR": 'WORKER,task=~"$task"',
    "WORKER": 'OURS,worker=~"$worker"',
    "QUEUE": 'OURS,queue=~"$queue"',
    "OURS": OURS,
    "ENDED": 'type=~"task-(failed|succeeded)"',
    "FAILED": 'type="task-failed"',
    "RATE": "$__rate_interval",
}
#: Name, query, and what more there is to it.
MANY: Final = {
    "multi": True,
    "includeAll": True,
    "allValue": ".*",
    "current": {"text": "All", "value": "$__all"},
}
VARIABLES: Final[tuple[tuple[str, str, Mapping[str, Any]], ...]] = (
    ("job", "label_values(flower_ng_build_info, job)", {}),
    ("instance", 'label_values(flower_ng_build_info{job="$job"}, instance)', {}),
    ("worker", f"label_values(flower_worker_online{{{OURS}}}, worker)", MANY),
    ("task", f"label_values(flower_events_total{{{OURS}}}, task)", MANY),
    ("queue", f"label_values(flower_ng_queue_length{{{OURS}}}, queue)", MANY),
)
#: One panel, as grafana.toml tells of it.
Told: TypeAlias = Mapping[str, Any]


def page() -> str:
    """The whole file."""
    rows = tomllib.loads(PANELS.read_text(encoding="utf-8"))["row"]
    return json.dumps(dashboard(rows), indent=1, ensure_ascii=False) + "\n"


def dashboard(rows: list[Told]) -> dict[str, Any]:
    """What Grafana imports."""
    source = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Source"}
    return {
        "title": "flower_ng",
        "uid": "flower-ng",
        "id": None,
        "tags": ["celery"],
        "description": "A Celery cluster as flower_ng sees it",
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [source, *(variable(*one) for one in VARIABLES)]},
        "panels": [{"id": number, **one} for number, one in enumerate(placed(rows), 1)],
    }


def variable(name: str, query: str, more: Mapping[str, Any]) -> dict[str, Any]:
    """A variable whose values Prometheus knows."""
    return {
        "name": name,
        "type": "query",
        "datasource": SOURCE,
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        **more,
    }


def placed(rows: list[Told]) -> Iterator[dict[str, Any]]:
    """Yield the rows and their panels, from left to right and down."""
    y = 0
    for row in rows:
        yield {"type": "row", "title": row["title"], "gridPos": place(WIDTH, 1, 0, y)}
        x, y, height = 0, y + 1, 0
        for told in row["panel"]:
            width = told.get("width", 8)
            if x + width > WIDTH:
                x, y = 0, y + height
            height = told.get("height", 7)
            yield panel(told, place(width, height, x, y))
            x += width
        y += height


def place(w: int, h: int, x: int, y: int) -> dict[str, int]:
    """Where something is, and how large."""
    return {"w": w, "h": h, "x": x, "y": y}


def panel(told: Told, where: dict[str, int]) -> dict[str, Any]:
    """One panel at its place."""
    kind = told.get("type", "timeseries")
    return {
        "type": kind,
        "title": told["title"],
        "description": told.get("about", ""),
        "datasource": SOURCE,
        "gridPos": where,
        "fieldConfig": {
            "defaults": {"unit": told.get("unit", "short"), **scale(kind, told.get("red"))},
            "overrides": [],
        },
        "targets": list(targets(kind, told["queries"])),
        **({"transformations": [bare()]} if kind == "table" else {}),
    }


def scale(kind: str, red: float | None) -> dict[str, Any]:
    """Lines begin at 0; a stat is red from its bound on, if it has one."""
    if kind != "stat":
        return {"min": 0}
    steps = [{"color": "text", "value": None}, {"color": "red", "value": red}]
    return {"thresholds": {"mode": "absolute", "steps": steps[: 1 if red is None else 2]}}


def targets(kind: str, queries: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the queries of one panel; a table and a stat show what is now."""
    now = {} if kind == "timeseries" else {"instant": True, "range": False}
    for letter, (legend, query) in zip("ABCDEF", queries.items(), strict=False):
        yield {
            "refId": letter,
            "datasource": SOURCE,
            "expr": spelled_out(query),
            "legendFormat": legend or "__auto",
            "format": "table" if kind == "table" else "time_series",
            **now,
        }


def spelled_out(query: str) -> str:
    """Put what WORDS stand for in their place."""
    for word, text in WORDS.items():
        query = query.replace(word, text)
    return query


def bare() -> dict[str, Any]:
    """Show the rule and the subject of each problem, and no more."""
    hidden = ("Time", "Value", "__name__", "job", "instance")
    return {"id": "organize", "options": {"excludeByName": dict.fromkeys(hidden, True)}}


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
