import pytest
from celery.utils.saferepr import saferepr
from hypothesis import given
from hypothesis import strategies as st

from flower_ng.monitor.state.event_repair import clean
from flower_ng.store.tables.texts import Truncation, truncation_of
from flower_ng.truncation import cut, cut_traceback


@given(st.text(max_size=300), st.integers(40, 200))
def test_a_cut_text_has_the_length_and_tells_what_it_had(text, length):
    kept = cut(text, length)

    assert len(kept) == min(len(text), length)
    if len(text) > length:
        assert truncation_of(kept) == Truncation("flower_ng", len(text))
    else:
        assert kept == text


def test_the_end_of_a_cut_text_is_kept_too():
    kept = cut("Traceback\n" + "  line\n" * 1000 + "ValueError: the reason", 200)

    assert kept.startswith("Traceback\n")
    assert kept.endswith("ValueError: the reason")


def test_a_text_that_was_cut_twice_tells_its_first_length():
    assert truncation_of(cut(cut("x" * 9000, 4096), 1000)) == Truncation("flower_ng", 9000)


def test_what_is_cut_as_it_comes_in_tells_its_length():
    event = {"type": "task-failed", "hostname": "w@box", "uuid": "u", "timestamp": 1.0}
    taken = clean(event | {"exception": "x" * 9000, "traceback": "y" * 70_000}, 1.0)

    assert truncation_of(taken.exception) == Truncation("flower_ng", 9000)
    assert truncation_of(taken.traceback) == Truncation("flower_ng", 70_000)


def traceback(frames, message="the reason"):
    """A traceback as Python writes it."""
    calls = "".join(
        f'  File "/srv/shop/{n}.py", line {n}, in step\n    step({n})\n' for n in range(frames)
    )
    return f"Traceback (most recent call last):\n{calls}ValueError: {message}"


@given(st.integers(0, 60), st.integers(200, 2000))
def test_of_a_traceback_the_first_line_and_the_whole_end_are_kept(frames, length):
    text = traceback(frames)
    kept = cut_traceback(text, length)

    if len(text) <= length:
        assert kept == text
        return
    assert len(kept) <= length
    head, mark, tail = kept.partition(f"… ({len(text)} characters)\n")
    assert mark
    assert text.startswith(head)
    assert text.endswith(tail)
    assert tail.startswith(("  File", "    step", "ValueError"))
    assert len(tail) > (length - len(mark)) * 7 / 8 - 50
    assert truncation_of(kept) == Truncation("flower_ng", len(text))


def test_the_end_of_a_traceback_is_kept_through_the_border_and_the_store():
    text = traceback(4000)
    event = {"type": "task-failed", "hostname": "w@box", "uuid": "u", "timestamp": 1.0}
    kept = cut_traceback(clean(event | {"traceback": text}, 1.0).traceback, 16_384)

    assert kept.startswith("Traceback (most recent call last):\n")
    assert kept.endswith("in step\n    step(3999)\nValueError: the reason")
    assert kept.count(" characters)") == 1
    assert truncation_of(kept) == Truncation("flower_ng", len(text))


def test_of_a_last_line_that_is_longer_than_all_that_is_kept_the_end_is_kept():
    kept = cut_traceback(traceback(5, "x" * 5000 + "!"), 300)

    assert kept.startswith("Traceback (most recent call last):\n…")
    assert kept.endswith("xxx!")
    assert len(kept) > 290


def test_the_end_of_an_exception_and_of_arguments_that_come_in_too_long_is_kept():
    event = {"type": "task-failed", "hostname": "w@box", "uuid": "u", "timestamp": 1.0}
    taken = clean(event | {"exception": "x" * 9000 + "!", "args": "(" + "1, " * 3000 + "2)"}, 1.0)

    assert taken.exception.endswith("x!")
    assert taken.args.endswith("1, 2)")


LONG = {
    "a long text": ("x" * 3000,),
    "many items": list(range(1000)),
    "long values": {"a": "y" * 900, "b": "z" * 900},
    "many pairs": {f"k{n}": "v" * 30 for n in range(60)},
    "a text alone": "q" * 5000,
    "bytes": [b"x" * 2000],
    "nested too deep": [{"a": [{"b": [1, 2]}]}],
    "nested too deep in a tuple": ({"a": [("b",)]},),
}


@pytest.mark.parametrize("value", LONG.values(), ids=LONG)
def test_what_the_worker_cut_is_known_by_its_form(value):
    assert truncation_of(saferepr(value, 1024)) == Truncation("worker", None)


WHOLE = {
    "short": (1, 2),
    "dots within a text": ("loading... done",),
    "brackets in a text": "see f(...) and [...]",
    "a long text within the limit": "x" * 1000,
    "a mark of a shorter text": "… (5 characters)",
}


@pytest.mark.parametrize("value", WHOLE.values(), ids=WHOLE)
def test_what_is_whole_is_not_called_cut(value):
    assert truncation_of(saferepr(value, 1024)) is None
    assert truncation_of(None) is None


#: Celery cuts a text at its last blank within the limit, however early that is.
DOTS = {
    "cut at an early blank": ("data: " + "x" * 2000, 5),
    "cut as a value": {"body": "a " + "x" * 2000, "n": 1},
    "cut with a line break": ("one two\n" + "x" * 1500,),
    "its own": ("loading...",),
}


@pytest.mark.parametrize("value", DOTS.values(), ids=DOTS)
def test_of_dots_at_the_end_of_a_text_it_is_not_sure_who_wrote_them(value):
    assert truncation_of(saferepr(value, 1024)) == Truncation("worker", None, is_sure=False)
