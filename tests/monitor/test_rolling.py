"""How many workers a rolling drain lets be away at once."""

import pytest

from flower_ng.monitor.holds.records import RollingDrain

WORKERS = ("a@one", "b@one", "a@two", "b@two")
QUEUES = {"a@one": ("web", "mail"), "b@one": ("mail",), "a@two": ("web",), "b@two": ("mail",)}


def roll(by: str, most_away: int, *away: str) -> RollingDrain:
    turns = dict.fromkeys(away, "away")
    return RollingDrain("ann", "", 0.0, WORKERS, by, most_away, queues=QUEUES, turns=turns)


@pytest.mark.parametrize(
    ("by", "most", "away", "may"),
    [
        ("worker", 1, (), {"a@one", "b@one", "a@two", "b@two"}),
        ("worker", 1, ("a@one",), set()),
        ("worker", 2, ("a@one",), {"b@one", "a@two", "b@two"}),
        ("host", 1, ("a@one",), {"b@one"}),
        ("host", 2, ("a@one",), {"b@one", "a@two", "b@two"}),
        ("queue", 1, ("b@one",), {"a@two"}),
        ("queue", 1, ("a@two",), {"b@one", "b@two"}),
        ("queue", 2, ("a@one", "b@one"), {"a@two"}),
    ],
)
def test_there_is_room_for_so_many(by, most, away, may):
    one = roll(by, most, *away)

    assert {name for name in one.waiting if one.may_go(name)} == may
