"""Every surface says the same, and nothing false, while a fleet of twenty workers comes and goes.

The workers are simulated (fleet.py); the broker, the dashboards and the webhook's receiver are
real. `make soak` runs them: with a clock of all that goes faster, for which a busy machine is too
slow, and by the time of day.
"""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from redis import Redis as Client

from tests.live.fleet import FREQ_S, Clock, Fleet, Hook
from tests.services import Dashboard, Redis, wait_until

pytestmark = [
    pytest.mark.live,
    pytest.mark.soak,
    pytest.mark.xdist_group("verdict"),
    pytest.mark.timeout(600),
]

#: How much faster the clock goes, and the options for it: the defaults, but for how often problems
#: are looked for, because what waits goes by our own time.
FAST = pytest.param((8.0, ("--problems_interval=0.6", "--webhook_wait=1")), id="faster")
REAL = pytest.param((1.0, ()), id="real-time", marks=pytest.mark.timeout(1800))
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
    clock: Clock
    hook: Hook
    lasting: Witness
    purging: Witness

    @property
    def witnesses(self) -> tuple[Witness, Witness]:
        return self.lasting, self.purging

    def pass_s(self, seconds: float) -> None:
        time.sleep(self.clock.real_s(seconds))

    def settles(self, online: int) -> None:
        """Wait until both dashboards say that all is well."""

        assert self.fleet.is_alive(), self.fleet.fault
        told: list[dict[str, Any]] = []

        def are_well() -> bool:
            with suppress(OSError):  # one that starts may not answer yet
                told[:] = [one.look().overview for one in self.witnesses]
            return bool(told) and all(
                one["verdict"] == "ok" and one["workers"]["online"] == online for one in told
            )

        try:
            wait_until(are_well, self.clock.real_s(QUIET_S) + 45)
        except AssertionError:
            problems = [one.look().problems for one in self.witnesses]
            raise AssertionError(f"not all is well with {online}: {told} {problems}") from None


@pytest.fixture(params=[FAST, REAL])
def town(request: pytest.FixtureRequest, redis_server: Redis, tmp_path: Path) -> Iterator[Town]:
    """Begin anew for each test: a fleet, and two dashboards that have found it to be well."""
    speed, options = request.param
    folder, url = tmp_path, redis_server.url.replace("/0", "/5")
    with Client.from_url(url) as client:
        client.flushdb()
    clock, hook = Clock(folder / "clock", speed), Hook()
    fleet = Fleet(url, clock)
    told = (*options, f"--webhook_url={hook.url}")
    lasting = Dashboard(
        folder, url, url, (*told, "--persistent", f"--db={folder / 'kept'}"), clock=clock.path
    )
    purging = Dashboard(folder, url, url, (*told, "--purge_offline_workers=30"), clock=clock.path)
    fleet.start()
    it = Town(fleet, clock, hook, Witness(lasting), Witness(purging))
    try:
        for dashboard in (lasting, purging):
            dashboard.start()
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
    before = len(town.lasting.heard)
    town.lasting.dashboard.stop()
    town.pass_s(30)
    town.lasting.dashboard.start()
    town.settles(20)

    expect_no_false_word(town.lasting.since(before), town.fleet.running)
    assert town.hook.got == []


def test_a_rolling_restart_of_the_fleet_says_nothing_false(town):
    before = marks(town)
    for name in town.fleet.names:
        town.fleet.stop_one(name)
        town.pass_s(6)
        town.fleet.start_one(name)
    town.pass_s(QUIET_S)
    town.settles(20)

    for witness, number in zip(town.witnesses, before, strict=True):
        expect_no_false_word(witness.since(number), set())
        assert {one.overview["workers"]["online"] for one in witness.since(number)} <= {18, 19, 20}
    assert town.hook.got == []


def test_a_scale_down_and_a_purge_say_nothing_false(town):
    before = marks(town)
    for name in town.fleet.names[15:]:
        town.fleet.stop_one(name)
    town.pass_s(2 * TOLD_S)
    town.settles(15)

    for witness, number in zip(town.witnesses, before, strict=True):
        expect_no_false_word(witness.since(number), town.fleet.running)
    kept, purged = (witness.look() for witness in town.witnesses)
    assert kept.overview["workers"] == {"online": 15, "left": 5, "silent": 0, "gone": 0}
    assert "15 of 15 workers online (5 stopped)" in kept.page
    assert purged.overview["workers"] == {"online": 15, "left": 0, "silent": 0, "gone": 0}
    assert "w19@box" not in purged.workers_page
    running = town.fleet.running
    wait_until(lambda: set(town.purging.look().alive) == running, 45, "they are freed")
    assert 'flower_worker_online{worker="w19@box"}' not in town.purging.look().metrics
    assert town.hook.got == []


def test_messages_that_nobody_takes_are_told_before_and_after_they_are_a_problem(town):
    town.fleet.do(town.fleet.misroute)
    try:
        pending = wait_until(lambda: town.lasting.look().problems["pending"], 30, "it is pending")
        early = town.lasting.look()
        raised = wait_until(lambda: town.lasting.look().problems["problems"], 60, "it is raised")
        late = town.lasting.look()
    finally:
        town.fleet.do(town.fleet.purge_misrouted)

    for one in (*pending, *raised):
        assert (one["rule"], one["subject"]) == ("queue-deserted", "nobodys")
    assert (early.overview["verdict"], late.overview["verdict"]) == ("warning", "error")
    assert "One thing may be wrong" in early.page
    assert "One thing is wrong" in late.page
    assert "nobodys Queue without consumers" in late.page
    town.settles(20)


def test_a_worker_that_was_killed_is_told_everywhere_and_a_restart_does_not_clear_it(town):
    town.fleet.kill_one("w0@box")
    raised = wait_until(lambda: town.lasting.look().problems["problems"], 60, "it is raised")
    wait_until(lambda: town.hook.got, 30, "it is told")
    seen = town.lasting.look()

    assert [(one["rule"], one["subject"]) for one in raised] == [("worker-silent", "w0@box")]
    assert (seen.overview["verdict"], seen.overview["problems"]) == ("error", 1)
    assert seen.overview["workers"] == {"online": 19, "left": 0, "silent": 1, "gone": 0}
    assert "One thing is wrong" in seen.page
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
        assert one.problems["past"] == []
    assert len(town.hook.got) == told

    town.fleet.start_one("w0@box")
    wait_until(lambda: len(town.hook.got) > told, 60, "its end is told")
    assert town.hook.got[-1]["text"] == "Over: Worker silent w0@box"
