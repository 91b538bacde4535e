"""The sentence on health: how it begins, what it counts, and what it admits not to know."""

import pytest

from flower_ng.health.problem import Problem
from flower_ng.health.verdict import ClusterVerdict
from flower_ng.monitor.state.presence import Census
from flower_ng.web.ui.links import Links
from flower_ng.web.ui.overview_sentence import Vitals, verdict

NOW = 10_000.0
WELL = Vitals(ended=240, failed=6, observed_s=3590.0, waiting=5, queues=2)
STANDING = ClusterVerdict(
    raised=(),
    pending=(),
    muted=(),
    census=Census(online=3),
    is_current=True,
    has_heard=True,
    at=NOW,
    quiet_s=0.0,
    unseen=(),
)


def problem(severity="error"):
    return Problem("rule", "worker", severity, "Off", "w1@box", {}, "Mend it.", NOW, NOW, NOW)


def said(vitals=None, **standing):
    changed = {name: getattr(STANDING, name) for name in ClusterVerdict.__slots__} | standing
    numbers = {name: getattr(WELL, name) for name in Vitals.__slots__} | (vitals or {})
    return verdict(ClusterVerdict(**changed), Vitals(**numbers), NOW, Links("/flower"))


def test_a_healthy_cluster_is_one_calm_sentence():
    assert said().sentence == (
        "All good: 3 of 3 workers online, 6 of 240 tasks failed (2 %) in the last hour,"
        " and 5 messages wait in 2 queues."
    )


def test_what_waits_in_queues_that_only_the_broker_names_is_told():
    one = said(vitals={"elsewhere": 1, "other_queues": 1})
    some = said(vitals={"waiting": 0, "elsewhere": 1200, "other_queues": 2})

    assert one.sentence.endswith(
        "5 messages wait in 2 queues; 1 more waits in 1 other queue of the broker, not checked."
    )
    assert some.sentence.endswith(
        "0 messages wait in 2 queues; 1,200 more wait in 2 other queues of the broker, not checked."
    )


def test_every_number_leads_to_its_list():
    hour = "-is%3Afrom-backend+finished%3A1970-01-01T01%3A46%3A00Z.."
    assert {piece.text: piece.url for piece in said().pieces if piece.url} == {
        "3 of 3": "/flower/workers",
        "6": f"/flower/tasks?search=is%3Afailed+{hour}",
        "240": f"/flower/tasks?search=%28is%3Asucceeded+OR+is%3Afailed%29+{hour}",
        "5 messages": "/flower/queues",
    }


@pytest.mark.parametrize(
    ("standing", "vitals", "words"),
    [
        ({"raised": (problem(),)}, {}, "1 problem:"),
        ({"raised": (problem(),) * 4}, {}, "4 problems:"),
        (
            {"raised": (problem(),), "pending": (problem(),) * 2},
            {},
            "1 problem, 2 more possible:",
        ),
        ({"pending": (problem(),)}, {}, "1 possible problem:"),
        ({"muted": (problem(),)}, {}, "No problems except 1 muted:"),
        (
            {"is_current": False, "at": NOW - 45, "raised": (problem(),) * 4},
            {},
            "Disconnected from the broker for 45 s; last known data: 3 of 3 workers online",
        ),
        (
            {"is_current": False, "has_heard": False, "census": Census(unknown=3)},
            {},
            "Connecting to the broker: 3 workers not reporting yet,",
        ),
        (
            {"is_current": False, "at": NOW - 45, "held_back": "short of memory"},
            {},
            "The broker has held back workers' messages for 45 s; last known data: 3 of 3 workers",
        ),
        ({"has_settled": False}, {}, " 3 workers heard so far, "),
        (
            {"has_settled": False, "census": Census(online=1, unknown=2)},
            {},
            " 1 worker heard so far (2 not reporting yet), ",
        ),
        (
            {"census": Census(), "unseen": ("Workers: none known",)},
            {"answering": 1},
            "Some data is missing: 1 worker answers, but no event of any arrives, ",
        ),
        ({"census": Census()}, {"answering": 2}, " 2 workers answer, but no event of any arrives,"),
        ({"census": Census()}, {}, "No workers yet: no worker has reported yet,"),
        ({"quiet_s": 33.0, "unseen": ("x",)}, {}, "Starting up:"),
        ({"unseen": ("Broker: refused",)}, {}, "Some data is missing:"),
        ({"census": Census(online=3, left=2)}, {}, "3 of 3 workers online (2 stopped),"),
        ({"census": Census(online=2, silent=1)}, {}, "2 of 3 workers online,"),
        (
            {"census": Census(online=2, unknown=1)},
            {},
            "2 of 3 workers online (1 not reporting",
        ),
        ({"census": Census(left=20)}, {}, "no worker is online (20 stopped),"),
        ({"census": Census(online=1, gone=1)}, {}, "1 of 1 worker online (1 gone),"),
        ({}, {"observed_s": 180.0}, "in the last hour (observed for 3 min of it),"),
        (
            {},
            {"ended": None, "observed_s": 0.0},
            "the number of failed tasks is unknown in",
        ),
        ({}, {"ended": 0, "failed": 0}, "no task finished in the last hour, and"),
        ({}, {"waiting": None}, "the number of messages waiting in 2 queues is unknown."),
        ({}, {"waiting": 1, "queues": 1}, "1 message waits in 1 queue."),
        ({}, {"waiting_age_s": 70.0}, "5 messages waited in 2 queues 1 min ago."),
        ({}, {"queues": 0}, "no queue has been reported yet."),
    ],
)
def test_the_sentence_says_what_is_so(standing, vitals, words):
    assert words in said(vitals, **standing).sentence


@pytest.mark.parametrize(
    ("standing", "kind", "mark"),
    [
        ({}, "ok", "online"),
        ({"raised": (problem(),)}, "error", "bad"),
        ({"raised": (problem("warning"),)}, "warning", "attention"),
        ({"pending": (problem(),)}, "warning", "attention"),
        ({"muted": (problem(),)}, "warning", "attention"),
        ({"unseen": ("Broker: refused",)}, "unknown", "unknown"),
    ],
)
def test_green_is_only_what_was_wholly_seen_and_where_nothing_is_found(standing, kind, mark):
    changed = {name: getattr(STANDING, name) for name in ClusterVerdict.__slots__} | standing

    assert ClusterVerdict(**changed).kind == kind
    assert said(**standing).state == mark
