"""What a queue needs follows from what comes, what waits and how long a run takes, if known."""

import pytest

from flower_ng.web.ui.queue_needs import NO_RUN, QueueLoad, QueueNeeds, needs

IDLE = {"waiting": 0, "arrivals_per_s": 0.0}


def needed(**load):
    return needs(QueueLoad(**load), 300.0)


def test_what_comes_and_what_waits_each_need_their_part():
    load = {"waiting": 540, "reserved": 60, "arrivals_per_s": 1.5, "run_s": 2.0, "runs": 9}

    found = needed(**load, slots=8, workers=2)

    assert (found.keep_up, found.drain) == (3.0, 4.0)
    assert (found.processes, found.workers) == (7, 2)


@pytest.mark.parametrize(
    ("load", "processes"),
    [
        ({**IDLE, "run_s": 2.0}, 0),
        ({**IDLE, "run_s": 2.0, "running": 3}, 3),
        ({**IDLE, "run_s": 2.0, "reserved": 1}, 1),
        ({**IDLE}, 0),
        ({"waiting": 1, "arrivals_per_s": 0.0, "run_s": 0.0}, 1),
        ({"waiting": 0, "arrivals_per_s": 0.5, "run_s": 1.0}, 1),
    ],
)
def test_the_number_is_never_less_than_there_is_to_do(load, processes):
    assert needed(**load).processes == processes


@pytest.mark.parametrize("load", [{"waiting": 5}, {"arrivals_per_s": 1.0}])
def test_what_is_unknown_makes_the_number_unknown_with_why(load):
    assert needed(**load, run_s=1.0, why="nobody told") == QueueNeeds(300.0, why="nobody told")


@pytest.mark.parametrize("load", [{"waiting": 5, "arrivals_per_s": 0.0}, {**IDLE, "reserved": 2}])
def test_where_no_run_ended_it_takes_one_at_least(load):
    found = needed(**load)

    assert (found.processes, found.is_least, found.why) == (1, True, NO_RUN)


def test_where_events_were_dropped_it_takes_so_many_at_least():
    assert needed(waiting=0, arrivals_per_s=1.0, run_s=1.0, is_least=True).is_least
