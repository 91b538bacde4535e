"""Bars drawn of counts."""

import json

from flower_ng.store import Gap, TaskHistogram
from flower_ng.web.pages.tasks.histogram import bars
from flower_ng.web.ui.time_window import Window

WINDOW = Window(start=100, step_s=10, count=2)


def drawn(gaps=(), **counts):
    return bars(TaskHistogram([100.0, 110.0], 10.0, counts), WINDOW, gaps)


def test_what_went_wrong_stands_on_the_ground_and_the_rest_on_top_of_it():
    failed, succeeded = drawn(SUCCESS=[3, 0], FAILURE=[1, 2]).stacks

    assert (failed.state, failed.count) == ("FAILURE", 3)
    assert failed.path == "M0 100h440v-25h-440zM500 100h440v-50h-440z"
    assert succeeded.path == "M0 75h440v-75h-440z"


def test_the_top_is_the_largest_sum():
    assert drawn(SUCCESS=[3, 1], FAILURE=[1, 2]).top == 4


def test_one_of_very_many_is_still_seen():
    (failed, _) = drawn(SUCCESS=[100_000, 0], FAILURE=[1, 0]).stacks

    assert failed.path == "M0 100h440v-1.5h-440z"


def test_no_task_is_no_bar():
    empty = drawn()

    assert (empty.top, empty.stacks, empty.counts) == (0, (), "{}")


def test_a_state_that_nobody_knows_is_drawn_too():
    assert [stack.state for stack in drawn(PROGRESS=[1, 1], SUCCESS=[1, 1]).stacks] == [
        "SUCCESS",
        "PROGRESS",
    ]


def test_gaps_are_holes_as_far_as_they_are_in_the_window():
    gaps = [
        Gap(50, 105, None, "broker"),
        Gap(115, None, 3, "inbox"),
        Gap(0, 100, None, "stopped"),
    ]

    assert [(hole.x, hole.width) for hole in drawn(gaps).holes] == [(0.0, 250.0), (750.0, 250.0)]


def test_scripts_are_told_all_counts():
    assert json.loads(drawn(SUCCESS=[3, 0]).counts) == {"SUCCESS": [3, 0]}
