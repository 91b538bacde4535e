"""Every surface says the same, and nothing false, while a fleet of twenty workers comes and goes.

The workers are simulated (fleet.py); the broker, the dashboards and the webhook's receiver are
real. The clock of all leaps by steps, each no longer than a worker may be unheard, and waits until
every dashboard has heard of it: a busy machine makes it slower, and nothing else. `make soak` runs
them by the time of day as well. Each test leaves the fleet as it found it: twenty workers, well.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from redis import Redis as Client

from tests.live.fleet import FREQ_S, Clock, Fleet, Hook
from tests.services import Dashboard, Redis, wait_until

pytestmark = [
    pytest.mark.live,
    pytest.mark.xdist_group("verdict"),
    pytest.mark.timeout(300),
]

#: How fast the fleet's one thread answers for twenty says how busy the machine is, and no more.
UNTIMED = ("--problem_inspect_slow=0", "--problem_worker_unanswering=0")
#: What waits by our own time must not wait for long while the clock leaps.
HASTY = (*UNTIMED, "--problems_interval=0.1", "--webhook_wait=0.1")
#: By how many seconds the clock leaps at once, None for not at all; and what is not as by default.
STEPS = pytest.param((15.0, HASTY), id="in-steps")
REAL = pytest.param(
    (None, UNTIMED), id="real-time", marks=[pytest.mark.soak, pytest.mark.timeout(1800)]
)
#: By the default options nothing is raised for a minute; what is silent is told after 80 s.
QUIET_S, TOLD_S = 60.0, 80.0
ALARM = re.compile(r"\bSilent\b|\bGone\b|wrong|may be|No longer|not connected", re.IGNORECASE)


@dataclass(slots=True)
class Heard:
    """What one look at all surfaces told."""

    overview: dict[str, Any]
    page: str
    workers_page: str
    problems: dict[str, Any]
    alive: dict[str, bool]
    metrics: str


@dataclass(slots=True)
class Witness:
    """Reads every surface of one dashboard again and again, while it answers."""

    dashboard: Dashboard
    heard: list[Heard] = field(default_factory=list)
    _ended: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def look(self) -> Heard:
        ask = self.dashboard.ask
        return Heard(
            overview=self.dashboard.get("/api/overview"),
            page=main_of(ask("/overview").text),
            workers_page=main_of(ask("/workers").text),
            problems=self.dashboard.get("/api/problems"),
            alive=self.dashboard.get("/api/workers", status=1),
            metrics=ask("/metrics").text,
        )

    def begin(self) -> None:
        self._thread = threading.Thread(target=self._go_on, daemon=True)
        self._thread.start()

    def _go_on(self) -> None:
        while not self._ended.is_set():
            with suppress(OSError):  # it is being restarted
                self.heard.append(self.look())
            self._ended.wait(0.5)

    def end(self) -> None:
        self._ended.set()
        assert self._thread is not None
        self._thread.join(60)

    def since(self, number: int) -> list[Heard]:
        return self.heard[number:]


def main_of(html: str) -> str:
    """Return the words of a page's main part."""
    main = html.partition("<main")[2].partition("</main>")[0]
    return " ".join(re.sub(r"<h2>Silent workers</h2>|<[^>]*>", " ", main).split())


@dataclass(slots=True)
class Town:
    """A fleet, two dashboards that watch it, and who is told."""

    fleet: Fleet
    step_s: float | None
    hook: Hook
    lasting: Witness
    purging: Witness

    @property
    def witnesses(self) -> tuple[Witness, Witness]:
        return self.lasting, self.purging

    def pass_s(self, seconds: float) -> None:
        """Let time pass for all."""
        end = self.fleet.clock.now() + seconds
        while (left_s := end - self.fleet.clock.now()) > 0:
            if self.step_s is None:
                time.sleep(left_s)
            else:
                self._leap(min(left_s, self.step_s))

    def _leap(self, seconds: float) -> None:
        heard = [self._heard_by(one) for one in self.witnesses]
        said = self.fleet.leap(seconds)
        for witness, before in zip(self.witnesses, heard, strict=True):
            if before is not None:  # one that is stopped hears nothing
                wait_until(lambda it=witness, n=before + said: self._heard_by(it) >= n, 30)

    def _heard_by(self, witness: Witness) -> int | None:
        """How many events a dashboard has received, None while it does not run."""
        with suppress(OSError):
            told = witness.dashboard.get("/api/connection")
            return told["events"]["received"] if told["connected"] else None
        return None

    def waits(self, condition: Callable[[], Any], seconds: float, what: str) -> Any:
        """Let time pass until something is so, no longer than that; what we wait for waits too."""
        assert self.fleet.is_alive(), self.fleet.fault
        if self.step_s is None:
            return wait_until(condition, seconds, what)
        end = self.fleet.clock.now() + seconds
        while not (found := condition()) and self.fleet.clock.now() < end:
            self.pass_s(10)
        return found or wait_until(condition, 20, what)

    def settles(self, online: int) -> None:
        """Wait until both dashboards say that all is well."""
        told: list[dict[str, Any]] = []

        def are_well() -> bool:
            with suppress(OSError):  # one that starts may not answer yet
                told[:] = [one.look().overview for one in self.witnesses]
            return bool(told) and all(
                one["verdict"] == "ok" and one["workers"]["online"] == online for one in told
            )

        try:
            self.waits(are_well, QUIET_S + 45, "all is well")
        except AssertionError:
            problems = [one.look().problems for one in self.witnesses]
            raise AssertionError(f"not all is well with {online}: {told} {problems}") from None


@pytest.fixture(scope="module", params=[STEPS, REAL])
def town(
    request: pytest.FixtureRequest, redis_server: Redis, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Town]:
    """A fleet, and two dashboards that have found it to be well."""
    step_s, options = request.param
    folder, url = tmp_path_factory.mktemp("town"), redis_server.url.replace("/0", "/5")
    with Client.from_url(url) as client:
        client.flushdb()
    clock, hook = Clock(folder / "clock"), Hook()
    fleet = Fleet(url, clock)
    told = (*options, f"--webhook_url={hook.url}")
    lasting = Dashboard(
        folder, url, url, (*told, "--persistent", f"--db={folder / 'kept'}"), clock=clock.path
    )
    purging = Dashboard(folder, url, url, (*told, "--purge_offline_workers=30"), clock=clock.path)
    fleet.start()
    it = Town(fleet, step_s, hook, Witness(lasting), Witness(purging))
    try:
        with ThreadPoolExecutor() as pool:
            list(pool.map(Dashboard.start, (lasting, purging)))
        it.settles(20)
        for witness in it.witnesses:
            witness.begin()
        yield it
    finally:
        for witness in it.witnesses:
            with suppress(AssertionError):
                witness.end()
        for dashboard in (lasting, purging):
            dashboard.kill()
        fleet.end()
        hook.shutdown()
        hook.server_close()


def expect_no_false_word(heard: list[Heard], running: set[str]) -> None:
    """Assert that nobody alarmed, and that whoever runs was never called anything but online."""
    assert heard
    for one in heard:
        assert one.problems["problems"] == []
        assert one.problems["pending"] == []
        assert one.overview["verdict"] in {"ok", "unknown"}, one.overview
        assert one.overview["problems"] == one.overview["pending"] == 0
        assert not one.overview["workers"]["silent"]
        assert not one.overview["workers"]["gone"]
        assert not ALARM.search(one.page), one.page
        assert not ALARM.search(one.workers_page), one.workers_page
        assert [name for name in running if one.alive.get(name) is False] == []
        assert "flower_ng_problem{" not in one.metrics
        for name in running:
            assert f'flower_worker_online{{worker="{name}"}} 0' not in one.metrics


def marks(town: Town) -> list[int]:
    return [len(witness.heard) for witness in town.witnesses]


def test_a_restart_of_the_dashboard_says_nothing_false(town):
    before, told = len(town.lasting.heard), len(town.hook.got)
    town.lasting.dashboard.stop()
    town.pass_s(30)
    town.lasting.dashboard.start()
    town.settles(20)

    expect_no_false_word(town.lasting.since(before), town.fleet.running)
    assert len(town.hook.got) == told


def test_a_rolling_restart_of_the_fleet_says_nothing_false(town):
    before, told = marks(town), len(town.hook.got)
    for name in town.fleet.names:
        town.fleet.stop_one(name)
        town.pass_s(6)
        town.fleet.start_one(name)
    town.pass_s(QUIET_S)
    town.settles(20)

    for witness, number in zip(town.witnesses, before, strict=True):
        expect_no_false_word(witness.since(number), set())
        assert {one.overview["workers"]["online"] for one in witness.since(number)} <= {18, 19, 20}
    assert len(town.hook.got) == told


def test_a_scale_down_and_a_purge_say_nothing_false(town):
    before, told = marks(town), len(town.hook.got)
    for name in town.fleet.names[15:]:
        town.fleet.stop_one(name)
    town.pass_s(2 * TOLD_S)
    town.settles(15)

    for witness, number in zip(town.witnesses, before, strict=True):
        expect_no_false_word(witness.since(number), town.fleet.running)
    kept, purged = (witness.look() for witness in town.witnesses)
    assert kept.overview["workers"] == {"online": 15, "left": 5, "silent": 0, "gone": 0, "busy": 0}
    assert "15 of 15 workers online (5 stopped)" in kept.page
    assert purged.overview["workers"] == {
        "online": 15,
        "left": 0,
        "silent": 0,
        "gone": 0,
        "busy": 0,
    }
    assert "w19@box" not in purged.workers_page
    running = town.fleet.running
    town.waits(lambda: set(town.purging.look().alive) == running, 45, "they are freed")
    assert 'flower_worker_online{worker="w19@box"}' not in town.purging.look().metrics
    assert len(town.hook.got) == told
    for name in town.fleet.names[15:]:
        town.fleet.start_one(name)
    town.settles(20)


def test_messages_that_nobody_takes_are_told_before_and_after_they_are_a_problem(town):
    town.fleet.do(town.fleet.misroute)
    try:
        pending = town.waits(lambda: town.lasting.look().problems["pending"], 30, "it is pending")
        early = town.lasting.look()
        raised = town.waits(lambda: town.lasting.look().problems["problems"], 180, "it is raised")
        late = town.lasting.look()
    finally:
        town.fleet.do(town.fleet.purge_misrouted)

    for one in (*pending, *raised):
        assert (one["rule"], one["subject"]) == ("queue-deserted", "nobodys")
    assert (early.overview["verdict"], late.overview["verdict"]) == ("warning", "error")
    assert "1 possible problem" in early.page
    assert "1 problem" in late.page
    assert "nobodys Queue without consumers" in late.page
    town.settles(20)


def test_a_worker_that_was_killed_is_told_everywhere_and_a_restart_does_not_clear_it(town):
    town.fleet.kill_one("w0@box")
    before = len(town.hook.got)
    raised = town.waits(lambda: town.lasting.look().problems["problems"], 180, "it is raised")
    wait_until(lambda: len(town.hook.got) > before, 30, "it is told")
    seen = town.lasting.look()

    assert [(one["rule"], one["subject"]) for one in raised] == [("worker-silent", "w0@box")]
    assert (seen.overview["verdict"], seen.overview["problems"]) == ("error", 1)
    assert seen.overview["workers"] == {"online": 19, "left": 0, "silent": 1, "gone": 0, "busy": 0}
    assert "1 problem" in seen.page
    assert "19 of 20 workers online" in seen.page
    assert "Silent" in seen.workers_page
    assert seen.alive["w0@box"] is False
    assert 'flower_worker_online{worker="w0@box"} 0' in seen.metrics
    assert 'flower_ng_problem{rule="worker-silent",subject="w0@box"} 1' in seen.metrics

    told, before = len(town.hook.got), len(town.lasting.heard)
    town.lasting.dashboard.stop()
    town.pass_s(FREQ_S)
    town.lasting.dashboard.start()
    town.pass_s(3 * TOLD_S)
    wait_until(lambda: len(town.lasting.since(before)) > 3, 30, "it was read")

    for one in town.lasting.since(before):
        raised_again = [(it["rule"], it["raised"]) for it in one.problems["problems"]]
        assert raised_again == [("worker-silent", raised[0]["raised"])]
        assert one.overview["verdict"] == "error"
        assert "worker-silent" not in {it["rule"] for it in one.problems["past"]}
    assert len(town.hook.got) == told

    town.fleet.start_one("w0@box")
    town.waits(lambda: len(town.hook.got) > told, 60, "its end is told")
    assert town.hook.got[-1]["text"] == "Resolved: Worker silent w0@box"
