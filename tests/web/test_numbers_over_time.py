"""Every surface that shows numbers over time, compared with a recorder of the same events.

The events are made up and the clock is ours, so that hours with bursts, gaps, a stall and a restart
pass in seconds, as they could from real workers; everything behind and in front is real. Real
brokers and workers are compared in tests/live/test_figures.py.
"""

import json
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import pairwise
from math import inf
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import pytest_asyncio

from flower_ng.events import EventsState, PrometheusMetrics
from flower_ng.metrics import Registry, Scrapes
from flower_ng.monitor.state.presence import Presence
from flower_ng.store import Store
from flower_ng.store.rollups.recorder import IngestStatus
from flower_ng.web.ui import format as fmt
from tests.web.pages.html import Html
from tests.web.pages.shop import Shop
from tests.web.recorder import OUTCOMES, Recorder, quantile
from tests.web.site import OPEN_API, Client, Server

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.xdist_group("figures")]
#: A time within a minute, an hour and a day.
BEGAN = 1_800_000_000.0 + 7 * 3600 + 41 * 60 + 23.4
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
STEPS_S = (60, 120, 300, 600, 1800, 3600, 21_600, 86_400)
SPANS_S = {"1h": HOUR_S, "24h": DAY_S, "7d": 7 * DAY_S}
TYPES = {"shop.pay": "money", "shop.ship": "celery", "shop.flaky": "celery"}
WORKERS = ("w1@box", "w2@box")
#: How long the events of each host are on their way.
LAGS_S = {"w1@box": 0.005, "w2@box": 0.03, "gen1@web": 0.02}
#: What percentiles may be off by.
ERROR = 0.02
SVG = "{http://www.w3.org/2000/svg}"
POINT = re.compile(r"([\d.]+) ([\d.]+)")
EVENTS = re.compile(
    r'^flower_events_total\{task="([^"]*)",type="([^"]*)",worker="([^"]*)"\} (\S+)$', re.MULTILINE
)
RUNTIME = re.compile(r"^flower_task_runtime_seconds_sum\{[^}]*\} (\S+)$", re.MULTILINE)


class Town(Shop):
    """A cluster whose time passes when a test says so; what arrives is recorded too."""

    def __init__(self, folder: Any) -> None:
        super().__init__()
        self.now, self.folder = BEGAN, folder
        self.record, self.since_start = Recorder(), Recorder()
        self.rnd = random.Random(12)
        self.connected_since: float | None = BEGAN
        self.waiting: list[tuple[float, dict[str, Any]]] = []
        self.numbers = 0
        self.observed_s = 0.0
        self.open()

    def open(self) -> None:
        """Begin, or begin again with what is in the file."""
        self.store = Store(self.folder / "db", max_tasks=100_000, clock=lambda: self.now)
        self.state: Any = EventsState(
            metrics=PrometheusMetrics(clock=lambda: self.now),
            observers=(self.store, self.store.rollups.minutes),
            clock=lambda: self.now,
        )
        self.presence = Presence(self.state, lambda: self.events.connection, None, lambda: self.now)
        self.store.memory_is(self.state.forget_tasks)
        self.registry = Registry(self.state.metrics)
        self.scrapes = Scrapes(self.registry)
        self.since_start = Recorder()
        self.store.start()
        kept = self.store.restored()
        self.state.restore(kept.workers, kept.counters, kept.tasks)
        self.store.rollups.begin(lambda: IngestStatus(self.connected_since, 0))

    def restart(self, after_s: float) -> None:
        """Stop, and start again later; what happens meanwhile is lost."""
        self.store.stop()
        self.pass_by(after_s)
        self.open()

    # What happens

    def run(self, name: str, at: float, *, ends: str = "succeeded", attempts: int = 1) -> None:
        """Have a task run from a time on, with the events that Celery's components send."""
        self.numbers += 1
        uuid, worker = f"task-{self.numbers:05}", self.rnd.choice(WORKERS)
        for attempt in range(attempts):
            end = ends if attempt == attempts - 1 else "retried"
            at = self._attempt({"uuid": uuid, "attempt": attempt}, name, worker, at, end)

    def _attempt(self, ids: dict[str, Any], name: str, worker: str, at: float, end: str) -> float:
        """Have one attempt run; return when the next one is sent, while this one still runs."""
        rnd, told = self.rnd, {**ids, "retries": ids["attempt"]}
        publisher = "gen1@web" if not ids["attempt"] else worker
        received = at + rnd.choice((-0.004, 0.003, rnd.expovariate(1 / 2.0)))
        started = received + rnd.expovariate(1 / 0.5)
        ended = started + rnd.lognormvariate(0, 1)
        self._tell("sent", at, publisher, name=name, queue=TYPES[name], **told)
        self._tell("received", received, worker, name=name, **told)
        self._tell("started", started, worker, **ids)
        runtime = {"runtime": ended - started} if end == "succeeded" else {}
        failure = {"exception": "ValueError('empty')"} if end in {"failed", "retried"} else {}
        self._tell(end, ended, worker, **runtime, **failure, **ids)
        return ended - (ended - started) * 0.01

    def _tell(self, kind: str, at: float, host: str, **fields: Any) -> None:
        """Have an event sent; those of one host arrive in order, those of several do not."""
        arrives = at + LAGS_S[host]
        self.waiting.append(
            (arrives, {"type": f"task-{kind}", "timestamp": at, "hostname": host, **fields})
        )

    # How time passes

    def go_on(self, seconds: float, *, look_s: float = 15.0) -> None:
        """Have what is due arrive, look by look."""
        until = self.now + seconds
        while self.now < until:
            before, self.now = self.now, min(until, self.now + look_s)
            self.observed_s += self.now - before
            self._arrive()
            self.store.flush()

    def pass_by(self, seconds: float) -> None:
        """Have time pass in which nothing arrives: what is sent then is lost."""
        self.now += seconds
        self._take()

    def stall(self, seconds: float) -> None:
        """Stand still, and then read what the broker kept."""
        self.now += seconds
        self.store.flush()
        self._arrive()
        self.now += 1
        self._arrive()
        self.store.flush()

    def _take(self) -> Iterator[dict[str, Any]]:
        due = sorted((one for one in self.waiting if one[0] <= self.now), key=lambda one: one[0])
        self.waiting = [one for one in self.waiting if one[0] > self.now]
        return (event for _, event in due)

    def _arrive(self) -> None:
        for event in self._take():
            self.record.note(event)
            self.since_start.note(event)
            self.state.event({key: value for key, value in event.items() if key != "attempt"})
        for worker in WORKERS:
            self.state.event(
                {"type": "worker-heartbeat", "hostname": worker, "timestamp": self.now, "freq": 2.0}
            )


def live_through(town: Town) -> None:
    """Some hours of a shop: steady, a burst, nothing, no broker, a restart, a stall."""
    steady(town, 70 * MINUTE_S)
    for _ in range(400):
        town.run("shop.pay", town.now + town.rnd.uniform(0, 25))
    town.go_on(12 * MINUTE_S)
    town.connected_since = None
    steady(town, 0, sends_s=5 * MINUTE_S)
    town.pass_by(5 * MINUTE_S)
    town.connected_since = town.now
    steady(town, 20 * MINUTE_S)
    steady(town, 0, sends_s=4 * MINUTE_S)
    town.restart(after_s=4 * MINUTE_S)
    town.connected_since = town.now
    steady(town, 30 * MINUTE_S)
    steady(town, 0, sends_s=40)
    town.stall(40)
    steady(town, 8 * MINUTE_S + 7)
    town.go_on(60)


def steady(town: Town, seconds: float, *, sends_s: float | None = None) -> None:
    """Have a task begin every few seconds, with every outcome among them."""
    ends = (("succeeded", 1),) * 12 + (
        ("failed", 1),
        ("succeeded", 2),
        ("failed", 3),
        ("revoked", 1),
        ("rejected", 1),
    )
    at, until = town.now, town.now + (seconds if sends_s is None else sends_s)
    while at < until:
        end, attempts = town.rnd.choice(ends)
        town.run(
            "shop.flaky" if attempts > 1 else town.rnd.choice(("shop.pay", "shop.ship")),
            at,
            ends=end,
            attempts=attempts,
        )
        at += town.rnd.expovariate(1 / 4.0)
    town.go_on(seconds)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(tmp_path_factory):
    made = Town(tmp_path_factory.mktemp("town"))
    live_through(made)
    yield made
    made.store.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def client(town):
    server = Server()
    yield server.start(cluster=town, environ=OPEN_API, clock=lambda: town.now)
    await server.stop()


def minute(at: float) -> int:
    return int(at // MINUTE_S) * MINUTE_S


def ranges(town: Town) -> Iterator[tuple[str, str, float, float]]:
    """Ranges as they can be asked for, and the times that they mean."""
    now = town.now
    after = minute(now) + MINUTE_S
    yield "-1h", "now", minute(now - HOUR_S), after
    yield "-30m", "-7m", minute(now - 1800), minute(now - 420)
    yield f"{BEGAN}", f"{now}", minute(BEGAN), after
    yield f"{BEGAN + 1234.5}", f"{BEGAN + 5432.1}", minute(BEGAN + 1234.5), minute(BEGAN + 5432.1)
    for start_s, end_s in pairwise((0, 1000, 3601, 7777, 9000)):
        start, end = minute(BEGAN + start_s), minute(BEGAN + end_s)
        yield iso(start, ""), iso(end, "Z"), start, end
    yield "today", "now", now // DAY_S * DAY_S, after


def iso(at: float, zone: str) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M}{zone}"


@pytest.mark.parametrize("name", ["", *TYPES])
async def test_the_series_say_the_same_at_each_step_and_in_each_form(town, client, name):
    by_minute = town.record.by_minute(name or None)
    for start_text, end_text, start, end in ranges(town):
        asked = {"kind": "task", "name": name, "start": start_text, "end": end_text}
        pages = [await series(client, **asked, step=step_s) for step_s in STEPS_S]

        assert {(page["start"], page["end"]) for page in pages} == {(start, end)}
        whole = pages[0]["series"][0]["whole"]
        assert all(page["series"][0]["whole"] == about(whole) for page in pages)
        whole_is(town.record, whole, start, end, name or None)
        for page in pages:
            points_are(by_minute, page)


async def series(client: Client, **asked: Any) -> Any:
    answer = await client.get(f"/api/series?{urlencode(asked)}")
    assert answer.status == 200, answer.text
    return answer.json


def about(value: Any) -> Any:
    """The same, but for what adding up in another order changes."""
    if isinstance(value, dict):
        return {key: about(inner) for key, inner in value.items()}
    return pytest.approx(value) if isinstance(value, float) else value


def whole_is(
    record: Recorder, whole: dict[str, Any] | None, start: float, end: float, name: str | None
) -> None:
    expected = {outcome: record.count(outcome, start, end, name) for outcome in OUTCOMES}
    if whole is None:
        assert not any(expected.values())
        return
    assert {outcome: whole[outcome] for outcome in OUTCOMES} == expected
    spread_is(whole["run"], record.runs(start, end, name))
    spread_is(whole["wait"], record.waits(start, end, name))
    spread_is(whole["queued"], record.queued(start, end, name))
    assert whole["total_run_s"] == pytest.approx(record.total_run_s(start, end, name))
    assert whole["tasks"] == record.tasks(start, end, name)


def spread_is(told: dict[str, Any] | None, values: list[float]) -> None:
    """Compare counts and sums exactly, percentiles within their error."""
    if told is None:
        assert not values
        return
    assert told["count"] == len(values)
    assert told["total_s"] == pytest.approx(sum(values))
    for key, share in (("p50_s", 0.5), ("p95_s", 0.95), ("p99_s", 0.99)):
        assert told[key] == pytest.approx(quantile(values, share), rel=ERROR * 1.01, abs=1e-4)


def points_are(by_minute: Mapping[tuple[str, int], int], page: Any) -> None:
    """Compare each bucket; where nothing is known, nothing was recorded."""
    for bucket, point in zip(page["buckets"], page["series"][0]["points"], strict=True):
        minutes = range(
            max(bucket["start"], page["start"]),
            min(bucket["start"] + page["step_s"], page["end"]),
            MINUTE_S,
        )
        for outcome in OUTCOMES:
            expected = sum(by_minute.get((outcome, start), 0) for start in minutes)
            assert (0 if point is None else point[outcome]) == expected
        assert bucket["observed_s"] <= bucket["past_s"] + 0.01


@pytest.mark.parametrize("queue", ["money", "celery"])
async def test_the_series_of_queues_count_each_sending_and_each_receipt(town, client, queue):
    for start_text, end_text, start, end in ranges(town):
        for step_s in (60, 3600):
            asked = {"kind": "queue", "name": queue, "start": start_text, "end": end_text}
            (found,) = (await series(client, **asked, step=step_s))["series"]
            whole = found["whole"] or {"sent": 0, "received": 0}
            assert (whole["sent"], whole["received"]) == town.record.queue(queue, start, end)


@pytest.mark.parametrize("span", SPANS_S)
async def test_the_types_and_their_pages_and_links_tell_the_same(town, client, span):
    start, end = floor(town.now - SPANS_S[span], 600 if span == "7d" else 60), town.now
    table = await looked(client, f"/types?span={span}")
    heads = [head.text for head in table.one("thead").all("th")]
    rows = {cells[0]: dict(zip(heads, cells, strict=True)) for cells in table.rows}

    assert rows.keys() == set(TYPES)
    for name, row in rows.items():
        failed = town.record.count("failed", start, end, name)
        tasks = town.record.tasks(start, end, name)
        succeeded = town.record.count("succeeded", start, end, name)
        assert row["Tasks"] == fmt.number(tasks)
        assert row["Failed"] == fmt.share(failed / (failed + succeeded))
        assert row["Total time"] == fmt.duration(town.record.total_run_s(start, end, name))
        runs = town.record.runs(start, end, name)
        assert row["Run mean"] == fmt.duration(sum(runs) / len(runs))

        page = await looked(client, f"/types/{name}?span={span}")
        cards = {card.one("span")["data-state"]: card for card in page.all("a", class_="card")}
        for state, count in (("RECEIVED", tasks), ("FAILURE", failed)):
            assert cards[state].one("strong").text == fmt.number(count)
            assert await listed(client, cards[state]["href"]) == pytest.approx(count, abs=1)
        if failed:
            (link,) = [one for one in table.all("a", class_="bad") if name in (one["href"] or "")]
            assert await listed(client, link["href"]) == failed


async def looked(client: Client, path: str) -> Html:
    answer = await client.get(path)
    assert answer.status == 200, answer.text
    return Html.parsed(answer.text)


async def listed(client: Client, url: str | None) -> int:
    """How many tasks the list has that a link leads to."""
    search = parse_qs(urlsplit(url or "").query)["search"][0]
    page = (await client.get(f"/api/tasks/page?{urlencode({'search': search, 'limit': 1})}")).json
    assert page["exact"]
    return int(page["total"])


def floor(at: float, step_s: int) -> int:
    return int(at // step_s) * step_s


async def test_the_overview_tells_of_the_last_hour(town, client):
    start, end = floor(town.now - HOUR_S, 60), town.now
    failed = town.record.count("failed", start, end)
    ended = failed + town.record.count("succeeded", start, end)

    told = (await client.get("/api/overview")).json
    assert (told["failed"], told["finished"]) == (failed, ended)

    html = await looked(client, "/overview")
    verdict = html.one("p", class_="verdict")
    assert f"{fmt.number(failed)} of {fmt.number(ended)} tasks failed" in verdict.text
    assert await listed(client, verdict.links[fmt.number(failed)]) == failed
    assert await listed(client, verdict.links[fmt.number(ended)]) == ended
    counts = [int(cells[2].replace(",", "")) for cells in html.rows]
    assert sum(counts) == failed


@pytest.mark.parametrize("span", ["1h", "24h"])
async def test_charts_draw_what_was_recorded_by_the_time_that_was_observed(town, client, span):
    step_s = {"1h": 60, "24h": 600}[span]
    page = await series(client, kind="task", name="", start=f"-{span}", step=step_s)
    rates = [
        sum(town.record.tasks(at, at + MINUTE_S) for at in minutes_of(bucket, page))
        / bucket["observed_s"]
        for bucket in page["buckets"]
        if bucket["observed_s"] >= 5
    ]
    chart = (await looked(client, f"/overview?span={span}")).all("figure")[0]
    drawn = [
        float(height)
        for path in chart.all(f"{SVG}path", class_="received")
        for _, height in POINT.findall(path["d"] or "")
    ]

    top = float(chart.one("p", class_="ticks").text.split("/s")[0])
    assert max(rates) <= top <= 2.5 * max(rates)
    assert drawn == [pytest.approx(100 - rate / top * 98, abs=0.06) for rate in rates]
    told = json.loads(chart["data-told"])["received"]
    assert [words for words in told if words != fmt.DASH] == list(map(fmt.rate, rates))


def minutes_of(bucket: Any, page: Any) -> range:
    first = max(bucket["start"], page["start"])
    return range(first, min(bucket["start"] + page["step_s"], page["end"]), MINUTE_S)


async def test_the_queues_tell_what_came_and_went_in_the_last_minutes(town, client):
    town.queues = ["money", "celery"]
    town.broker.told = [{"name": name, "messages": 0, "consumers": 2} for name in town.queues]
    start = floor(town.now - 600, 60)
    page = await series(client, kind="task", name="", start=start)
    observed_s = sum(bucket["observed_s"] for bucket in page["buckets"])

    html = await looked(client, "/queues")

    heads = [head.text for head in html.one("thead").all("th")]
    for cells in html.rows:
        row = dict(zip(heads, cells, strict=True))
        sent, received = town.record.queue(row["Queue"], start, town.now)
        assert sent > 20
        assert (row["In"], row["Out"]) == (
            fmt.rate(sent / observed_s),
            fmt.rate(received / observed_s),
        )


async def test_metrics_count_what_came_since_the_start(town, client):
    text = (await client.get("/metrics")).text
    told = {tuple(labels): float(value) for *labels, value in EVENTS.findall(text)}
    names = {event["uuid"]: event["name"] for event in town.record.events if "name" in event}
    expected = Counter(
        (names.get(event["uuid"], ""), event["type"], event["hostname"])
        for event in town.since_start.events
    )

    assert told == expected
    runs = town.since_start.runs(0, inf)
    sums = [float(value) for value in RUNTIME.findall(text)]
    assert sum(sums) == pytest.approx(sum(runs))


async def test_gaps_are_where_nothing_could_arrive(client):
    page = await series(client, kind="task", name="", start=BEGAN, step=60)

    missing_s = sum(one["past_s"] - one["observed_s"] for one in page["buckets"])
    before_s = BEGAN - minute(BEGAN)
    assert missing_s - before_s == pytest.approx((5 + 4) * MINUTE_S, abs=32)
