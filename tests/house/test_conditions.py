"""Each rule is proven on the real thing: its condition is made in a live test, and cleared."""

from pathlib import Path

from flower_ng.health import RULES

LIVE = Path(__file__).parents[1] / "live"


def test_every_rule_is_seen_and_cleared_in_a_live_test():
    tests = "".join(one.read_text() for one in LIVE.glob("test_*.py"))
    names = {rule.name for rule in RULES}

    assert not {name for name in names if f'"{name}"' not in tests}
    assert names
