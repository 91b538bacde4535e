"""Rules, the dashboard's queries and Flower's own are asked of a real Prometheus.

It scrapes a real flower_ng of a real worker that has tasks which end well, fail, are retried, run
and wait, of a worker that was stopped, and of a queue that nobody consumes.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from celery import Celery

from tests.services import ROOT, Dashboard, Prometheus, Redis, Worker, wait_until

pytestmark = [pytest.mark.live, pytest.mark.xdist_group("prometheus")]

OPTIONS = (
    "--problems_interval=0.3",
    "--problems_hold=0.3",
    "--problems_quiet_start=0",
    "--problem_task_long=0.5",
)
RULES = [
    ROOT / "docs/prometheus" / name for name in ("recording.yml", "alerts.yml", "problems.yml")
]
DASHBOARD = ROOT / "docs/grafana/flower_ng.json"
#: What Grafana puts in for its variables when all is chosen.
CHOSEN = {
    "$job": "flower_ng",
    "$worker": ".*",
    "$task": ".*",
    "$queue": ".*",
    "$__rate_interval": "1m",
}
#: What people ask of Flower's six families.
FLOWERS = (
    "flower_worker_online == 0",
    "sum(flower_worker_online)",
    "flower_events_total",
    "sum by (worker, type) (flower_events_total)",
    'sum by (task) (rate(flower_events_total{type="task-failed"}[1m])) > 0',
    'avg_over_time(flower_events_total{type="task-failed"}[1m])',
    'sum by (task, type) (rate(flower_events_total{type=~"task-(failed|succeeded|retried)"}[1m]))',
    'sum(increase(flower_events_total{type="task-failed"}[1m])) / sum(flower_events_total) > 0',
    'sum by (worker) (irate(flower_events_total{type="task-received"}[1m]))',
    "rate(flower_task_runtime_seconds_sum[1m]) / rate(flower_task_runtime_seconds_count[1m])",
    "histogram_quantile(0.9, sum by (le, task) (rate(flower_task_runtime_seconds_bucket[1m]))) > 0",
    'sum by (le) (increase(flower_task_runtime_seconds_bucket{le="0.5"}[1m]))',
    'flower_task_runtime_seconds_bucket{le="+Inf"} > 0',
    "max by (worker, task) (flower_task_prefetch_time_seconds) >= 0",
    "avg_over_time(flower_task_prefetch_time_seconds[1m])",
    "flower_worker_prefetched_tasks > 0",
    "sum by (worker) (flower_worker_number_of_currently_executing_tasks) > 0",
)
#: Conditions that are made here: what has to be there.
MADE = (
    "FlowerNgWorkerOffline",
    "FlowerNgQueueDeserted",
    "FlowerNgTaskLong",
)
#: What has no series here, and why that is right.
EMPTY = {
    "flower_ng_events_malformed_total": "no event is malformed",
    "flower_ng_events_missing_total": "no event is missing",
    "flower_ng_queue_consumers": "Redis does not tell its consumers",
    "flower_ng_queue_unacked": "Redis tells how many messages are held, not of which queue",
    "instance_task:flower_tasks_failed:ratio_rate1d": "nothing is usual within the first hour",
}
SELECTOR = re.compile(
    r"\b(?:flower\w*|instance\w*:[\w:]+|process_\w+|scrape_\w+|up\b)(?:\{[^}]*\})?(?!\w*\()"
)
GROUPING = re.compile(r"\b(?:by|on|without|ignoring) \([^)]*\)")


@dataclass(frozen=True, slots=True)
class Scraped:
    """A Prometheus, and the flower_ng that it scrapes."""

    prometheus: Prometheus
    dashboard: Dashboard

    def lacks(self, expressions: Iterable[str]) -> list[str]:
        """Ask them until each had data; return those that never had any."""
        left = list(expressions)

        def asked() -> bool:
            self.dashboard.ask("/queues")  # has the broker looked at now
            left[:] = [one for one in left if not self.prometheus.values(one)]
            return not left

        try:
            wait_until(asked, 40)
        except AssertionError:
            return left
        return []

    def rules(self) -> list[dict[str, str]]:
        groups = self.prometheus.ask("rules")["groups"]
        return [rule for group in groups for rule in group["rules"]]


def tasks(app: Celery, ready: Callable[[], bool]) -> None:
    """Have tasks end in every way, before Prometheus first hears of them and after."""
    for names in (("add", "fail", "flaky", "refuse"), ("add", "fail", "flaky", "sleep")):
        for name in names:
            for _ in range(3):
                args = {"add": (1, 2), "sleep": (0.2,)}.get(name, ())
                app.send_task(f"tests.shop.{name}", args)
        wait_until(ready, 40, "Prometheus has heard of tasks that failed")
    for _ in range(5):
        app.send_task("tests.shop.sleep", (60,))
    app.send_task("tests.shop.add", (1, 2), queue="nobodys")


@pytest.fixture(scope="module")
def scraped(redis_server: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    url = redis_server.url.replace("/0", "/8")
    folder = tmp_path_factory.mktemp("prometheus")
    workers = [Worker(folder, url, url, name, ("-P", "threads", "-c", "2")) for name in ("a", "b")]
    dashboard = Dashboard(folder, url, url, OPTIONS)
    prometheus = Prometheus(folder, dashboard.port, RULES)
    app = Celery(broker=url, set_as_current=False)
    app.conf.task_send_sent_event = True
    with ExitStack() as ends, ThreadPoolExecutor() as pool:
        for service in (dashboard, prometheus):
            ends.callback(service.stop)
        for worker in workers:
            ends.callback(worker.kill)  # its tasks sleep for a minute
        ends.callback(app.close)
        list(pool.map(lambda one: one.start(), (dashboard, prometheus, *workers)))
        wait_until(lambda: len(prometheus.values("flower_worker_online == 1")) == 2, 40)
        workers[1].stop()
        failed = 'sum(flower_events_total{type="task-failed"})'
        before: list[float] = []

        def more() -> bool:
            now = prometheus.values(failed)
            has_more = now > before
            before[:] = now if has_more else before
            return has_more

        tasks(app, more)
        yield Scraped(prometheus, dashboard)


def with_data(expressions: Iterable[str]) -> list[str]:
    return [one for one in expressions if not any(name in one for name in EMPTY)]


def selectors(expression: str) -> set[str]:
    """What series an expression reads; a rule's problem need not be there."""
    bare = GROUPING.sub("", re.sub(r"\{rule[^}]*\}", "", expression))
    return {one.group() for one in SELECTOR.finditer(bare)}


def test_every_rule_is_judged_without_an_error_on_series_that_exist(scraped: Scraped) -> None:
    wait_until(lambda: all(rule["health"] != "unknown" for rule in scraped.rules()), 30)
    rules = scraped.rules()
    read = {one for rule in rules for one in selectors(rule["query"])}

    assert [rule for rule in rules if rule["health"] != "ok"] == []
    assert len(read) > 30
    assert scraped.lacks(with_data(read)) == []


def test_rules_have_data_where_their_condition_is(scraped: Scraped) -> None:
    records = [rule["name"] for rule in scraped.rules() if rule["type"] == "recording"]
    made = [rule["query"] for rule in scraped.rules() if rule["name"] in MADE]

    assert len(made) == len(MADE)
    assert scraped.lacks([*with_data(records), *made]) == []


def test_every_panel_of_the_dashboard_has_data(scraped: Scraped) -> None:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    queries = [one["expr"] for panel in panels for one in panel.get("targets", ())]
    values = CHOSEN | {"$instance": f"127.0.0.1:{scraped.dashboard.port}"}

    assert len(queries) > 40
    assert scraped.lacks(with_data(filled(query, values) for query in queries)) == []


def filled(query: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        query = query.replace(name, value)
    return query


def test_what_people_ask_of_flowers_metrics_has_data(scraped: Scraped) -> None:
    assert scraped.lacks(FLOWERS) == []
