import pytest
from celery.utils.saferepr import saferepr
from hypothesis import given
from hypothesis import strategies as st

from flower_ng.monitor.clean import clean
from flower_ng.store.cuts import Cut, cut, cut_of


@given(st.text(max_size=300), st.integers(40, 200))
def test_a_cut_text_has_the_length_and_tells_what_it_had(text, length):
    kept = cut(text, length)

    assert len(kept) == min(len(text), length)
    if len(text) > length:
        assert cut_of(kept) == Cut("flower_ng", len(text))
    else:
        assert kept == text


def test_the_end_of_a_cut_text_is_kept_too():
    kept = cut("Traceback\n" + "  line\n" * 1000 + "ValueError: the reason", 200)

    assert kept.startswith("Traceback\n")
    assert kept.endswith("ValueError: the reason")


def test_a_text_that_was_cut_twice_tells_its_first_length():
    assert cut_of(cut(cut("x" * 9000, 4096), 1000)) == Cut("flower_ng", 9000)


def test_what_is_cut_as_it_comes_in_tells_its_length():
    event = {"type": "task-failed", "hostname": "w@box", "uuid": "u", "timestamp": 1.0}
    taken = clean(event | {"exception": "x" * 9000, "traceback": "y" * 70_000}, 1.0)

    assert cut_of(taken.exception) == Cut("flower_ng", 9000)
    assert cut_of(taken.traceback) == Cut("flower_ng", 70_000)


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
    assert cut_of(saferepr(value, 1024)) == Cut("worker", None)


WHOLE = {
    "short": (1, 2),
    "dots in a text": ("loading...",),
    "brackets in a text": "see f(...) and [...]",
    "a long text within the limit": "x" * 1000,
    "a mark of a shorter text": "… (5 characters)",
}


@pytest.mark.parametrize("value", WHOLE.values(), ids=WHOLE)
def test_what_is_whole_is_not_called_cut(value):
    assert cut_of(saferepr(value, 1024)) is None
    assert cut_of(None) is None
