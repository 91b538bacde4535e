from itertools import islice
from pathlib import Path

import pytest

from bench.dashboard import Measured
from bench.growth import exponent, judged
from bench.highest import Search, is_held
from bench.load import events, moving, steady
from bench.report import Report, replaced
from bench.store import has_room


def measured(lost: int) -> Measured:
    return Measured(100, lost, 0.0, 10.0, 1.0, 2.0, 3.0, 0.0, 0.1, 90.0, 5.0, 1.0)


@pytest.mark.parametrize("most", [9_000, 25_000, 70_000])
def test_the_highest_rate_is_found_between_what_holds_and_what_does_not(most: int) -> None:
    search = Search(lambda rate, _s: measured(0 if rate <= most else 1), 6, 60, 4)

    rate, one = search.found(5_000) or (0, measured(1))

    assert is_held(one)
    assert 0.9 * most <= rate <= most < search.high


def test_a_rate_that_is_held_only_for_a_moment_is_not_reported() -> None:
    search = Search(lambda rate, s: measured(s > 6 and rate > 120_000), 6, 60, 3)

    rate, _ = search.found(5_000) or (0, None)

    assert rate == 112_000


def test_a_section_is_written_in_place_and_leaves_the_others() -> None:
    page = "# B\n\n## One\n\nold\n\n## Two\n\nkept\n"

    assert replaced(page, "One", "new\n") == "# B\n\n## One\n\nnew\n\n## Two\n\nkept\n"
    assert replaced(page, "Three", "new\n").endswith("## Two\n\nkept\n\n## Three\n\nnew\n")


def test_each_row_is_kept_at_once(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# B\n")
    report = Report("One", "What it is.", ("what", "ms"), page)

    report.add("a", 1.25)
    report.add("b", None)

    assert "| a | 1.2 |\n| b | – |" in page.read_text()


def test_what_grows_faster_than_its_driver_is_flagged() -> None:
    assert exponent({1: 2.0, 10: 20.0, 100: 200.0}) == pytest.approx(1)
    assert "more than linear" in judged("workers", "scrape ms", {1: 1, 10: 100, 100: 10_000})[-1]
    assert judged("workers", "scrape ms", {1: 1, 10: 10, 100: 100})[-1] == "ok"
    assert "look-up" in str(judged("tasks", "search ms", {1: 1, 10: 10, 100: 100})[-1])


def test_a_task_of_the_load_is_received_started_and_ended_once() -> None:
    seen: dict[str, list[str]] = {}
    for event in islice(events(steady(3, 5), float), 3 * 64):
        seen.setdefault(event["uuid"], []).append(event["type"])

    assert len(seen) == 64
    assert {tuple(types[:2]) for types in seen.values()} == {("task-received", "task-started")}
    assert {len(types) for types in seen.values()} == {3}


def test_loads_of_other_seeds_have_other_tasks() -> None:
    one, other = (
        {event["uuid"] for event in islice(events(steady(3, 5), float, seed), 64)}
        for seed in (1, 2)
    )

    assert not one & other


def test_names_that_move_come_to_all_of_them() -> None:
    told = list(islice(events(moving(400, 200), float), 3 * 64 * 150))

    assert len({event["hostname"] for event in told}) == 400
    assert len({event["name"] for event in told if "name" in event}) == 200


def test_a_disk_without_room_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="GB of free disk"):
        has_room(tmp_path, 10**12)

    assert not list(tmp_path.iterdir())
