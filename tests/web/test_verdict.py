"""The sentence on health: how it begins, what it counts, and what it admits not to know."""

import pytest

from flower_ng.web.links import Links
from flower_ng.web.verdict import Vitals, verdict

WELL = Vitals(
    is_connected=True,
    online=3,
    workers=3,
    ended=240,
    failed=6,
    observed_s=3590.0,
    waiting=5,
    queues=2,
)


def told(problems=0, **vitals):
    fields = {name: getattr(WELL, name) for name in WELL.__slots__}
    said = verdict(Vitals(**{**fields, **vitals}), problems, Links("/flower"))
    return f"{said.words} {''.join(piece.text for piece in said.pieces)}"


def test_a_healthy_cluster_is_one_calm_sentence():
    assert told() == (
        "All is well: 3 of 3 workers online, 6 of 240 tasks failed (2 %) in the last hour,"
        " and 5 messages wait in 2 queues."
    )


def test_every_number_leads_to_its_list():
    pieces = verdict(WELL, 0, Links("/flower")).pieces
    assert {piece.text: piece.url for piece in pieces if piece.url} == {
        "3 of 3": "/flower/workers",
        "6": "/flower/tasks?search=is%3Afailed+finished%3A-1h..",
        "240": "/flower/tasks?search=%28is%3Asucceeded+OR+is%3Afailed%29+finished%3A-1h..",
        "5 messages": "/flower/queues",
    }


@pytest.mark.parametrize(
    ("problems", "vitals", "words"),
    [
        (1, {}, "One thing is wrong:"),
        (4, {}, "4 things are wrong:"),
        (4, {"is_connected": False}, "Cut off from the broker; the last that was known:"),
        (0, {"workers": 0, "online": 0}, "Nothing runs yet: no worker is known,"),
        (0, {"observed_s": 180.0}, "in the last hour (of which 3 min were seen),"),
        (0, {"ended": None, "observed_s": 0.0}, "how many tasks failed is not known in the last"),
        (0, {"ended": 0, "failed": 0}, "no task ended in the last hour, and"),
        (0, {"waiting": None}, "how much waits in 2 queues is not known."),
        (0, {"waiting": 1, "queues": 1}, "1 message waits in 1 queue."),
        (0, {"queues": 0}, "no queue is known."),
    ],
)
def test_the_sentence_says_what_is_so(problems, vitals, words):
    assert words in told(problems, **vitals)
