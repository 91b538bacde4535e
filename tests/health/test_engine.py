"""Problems are raised when they last, cleared when they stay away, and never flap."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flower_ng.health.engine import MOST_SUBJECTS, Engine
from tests.health.making import BY_NAME, Switch, facts, worker

HOLD_S = 20.0


def engine(switch: Switch, threshold: float = 1.0, **about) -> Engine:
    return Engine([switch.rule], {switch.rule.name: threshold}, hold_s=HOLD_S, **about)


def run(it: Engine, switch: Switch, *looks: tuple[float, tuple[str, ...] | None]) -> list[str]:
    """Look at these times with these subjects; return what changed, as `+a@20`."""
    changes = []
    for at, switch.subjects in looks:
        verdict = it.judge(switch.rule, facts(at))
        changes += [f"+{one.subject}@{at:g}" for one in verdict.raised]
        changes += [f"-{one.subject}@{at:g}" for one in verdict.cleared]
    return changes


def test_what_lasts_is_raised_once():
    switch = Switch()

    assert run(engine(switch), switch, *((at, ("a",)) for at in range(0, 60, 5))) == ["+a@20"]


def test_what_ends_before_is_never_said():
    switch = Switch()

    assert run(engine(switch), switch, (0, ("a",)), (15, ()), (20, ("a",)), (35, ("a",))) == []


def test_what_is_gone_for_long_enough_is_cleared():
    switch = Switch()

    changes = run(engine(switch), switch, (0, ("a",)), (20, ("a",)), (30, ()), (40, ()))

    assert changes == ["+a@20", "-a@40"]


def test_a_short_absence_clears_nothing():
    switch = Switch()
    looks = [(0, ("a",)), (20, ("a",)), (30, ()), (35, ("a",)), (50, ())]

    assert run(engine(switch), switch, *looks) == ["+a@20"]


def test_where_nobody_knows_what_was_raised_stays():
    switch = Switch()
    it = engine(switch)

    changes = run(it, switch, (0, ("a",)), (20, ("a",)), *((at, None) for at in range(25, 300, 5)))

    assert changes == ["+a@20"]
    assert [one.subject for one in it.problems()] == ["a"]


def test_where_nobody_knows_nothing_comes_nearer_to_being_raised():
    switch = Switch()

    assert run(engine(switch), switch, (0, ("a",)), (15, None), (25, ("a",)), (40, ("a",))) == []


def test_a_lasting_rule_waits_for_its_threshold():
    switch = Switch(lasting=True)

    changes = run(engine(switch, 60.0), switch, *((at, ("a",)) for at in range(0, 90, 10)))

    assert changes == ["+a@60"]


def test_nothing_is_raised_or_cleared_in_a_quiet_start():
    switch = Switch()
    it = engine(switch, quiet_until=100.0)
    it.adopt(engine_with_problem().problems())

    changes = run(it, switch, *((at, ("new",)) for at in range(30, 120, 10)))

    assert changes == ["+new@100", "-a@100"]


def engine_with_problem() -> Engine:
    switch = Switch()
    it = engine(switch)
    run(it, switch, (0, ("a",)), (20, ("a",)))
    return it


def test_a_rule_with_threshold_zero_is_off():
    switch = Switch()

    assert engine(switch, 0.0).rules == ()


def test_subjects_past_the_bound_are_counted():
    switch = Switch()
    it = engine(switch)
    names = tuple(f"w{number}" for number in range(MOST_SUBJECTS + 5))

    run(it, switch, (0, names), (20, names))

    assert len(it.problems()) == MOST_SUBJECTS
    assert it.left_out == {switch.rule.name: 5}


@given(st.lists(st.tuples(st.floats(0.1, 30), st.sampled_from([("a",), (), None])), max_size=60))
def test_two_changes_are_never_closer_than_the_hold_time(steps):
    switch, now = Switch(), 0.0
    looks = [(now := now + step_s, subjects) for step_s, subjects in steps]

    changes = [float(change.partition("@")[2]) for change in run_exact(switch, looks)]

    assert all(after - before >= HOLD_S for before, after in pairwise(changes))


def run_exact(switch: Switch, looks) -> list[str]:
    it, changes = engine(switch), []
    for at, switch.subjects in looks:
        verdict = it.judge(switch.rule, facts(at))
        changes += [f"@{at!r}" for _ in (*verdict.raised, *verdict.cleared)]
    return changes


def test_what_is_found_is_pending_from_the_first_look_until_it_is_raised():
    switch = Switch()
    it = engine(switch)

    run(it, switch, (0, ("a",)))
    assert ([one.subject for one in it.pending()], it.problems()) == (["a"], [])
    run(it, switch, (20, ("a",)))
    assert (it.pending(), [one.subject for one in it.problems()]) == ([], ["a"])


def test_what_ended_before_it_was_raised_is_not_pending_any_more():
    switch = Switch(needs_s=lambda _: 1e9)
    it = engine(switch)

    run(it, switch, (0, ("a",)), (5, ()))

    assert it.pending() == []


def test_a_subject_of_which_nobody_knows_keeps_its_problem_and_no_other_does():
    switch = Switch()
    it = engine(switch)
    run(it, switch, (0, ("a", "b")), (20, ("a", "b")))
    switch.undecided = ("a", "c")

    changes = run(it, switch, *((at, ()) for at in range(25, 300, 5)))

    assert changes == ["-b@40"]
    assert [one.subject for one in it.problems()] == ["a"]
    assert it.pending() == []


def test_after_a_start_nothing_is_cleared_before_the_rule_has_looked_for_long_enough():
    switch = Switch(needs_s=lambda threshold_s: 100 * threshold_s)
    it = engine(switch, 1.0)
    it.adopt(engine_with_problem().problems())

    assert run(it, switch, *((at, ()) for at in range(30, 120, 10))) == ["-a@100"]


def test_what_nobody_can_find_out_any_more_ends_with_the_reason():
    it = Engine([BY_NAME["worker-silent"]], {"worker-silent": 60.0}, hold_s=HOLD_S)
    silent = [worker("w1@box", status="silent", silent_s=90.0)]
    for at in (0, 20):
        it.judge(BY_NAME["worker-silent"], facts(at, workers=silent))

    (cleared,) = it.judge(BY_NAME["worker-silent"], facts(40)).cleared

    assert cleared.ended == "its worker was offline for so long that it was removed"


def test_what_was_found_since_the_start_is_cleared_as_ever():
    switch = Switch(needs_s=lambda _: 1e9)
    it = engine(switch)
    it.adopt(engine_with_problem().problems())

    changes = run(it, switch, (30, ("a",)), *((at, ()) for at in range(40, 120, 10)))

    assert changes == ["-a@50"]
