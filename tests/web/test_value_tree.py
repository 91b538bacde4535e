"""Reprs become trees: safely, within bounds, and only where they are literals."""

import pytest
from celery.utils.saferepr import saferepr
from hypothesis import example, given
from hypothesis import strategies as st

from flower_ng.web.pages.task.value_tree import MOST_CHARACTERS, MOST_ITEMS, MOST_LINES, tree

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=50,
)


def leaves(text):
    return [(line.key, line.text) for line in tree(text) if line.step == "leaf"]


def is_balanced(lines):
    depth = 0
    for line in lines:
        depth += {"open": 1, "leaf": 0, "close": -1}[line.step]
        assert depth >= 0
    return depth == 0


def test_a_collection_is_a_tree_of_keys_and_values():
    assert leaves("{'a': 1, 'b': ['x', None]}") == [("'a'", "1"), ("0", "'x'"), ("1", "None")]
    assert [line.text for line in tree("{'b': (1,)}")][:2] == ["dict, 1 item", "tuple, 1 item"]


@pytest.mark.parametrize(
    "value", ["one\ntwo", "C:\\new\\users", "O'Brien", "tab\there", 'it\'s "x"', "\\'", "李雷\r\n"]
)
def test_what_celery_writes_of_any_text_is_a_tree(value):
    assert leaves(saferepr({"a": value})) == [("'a'", repr(value))]


@pytest.mark.parametrize("text", ["42", "'x'", "()", "{}", "", "<Order 3>", "(1, <Order 3>)"])
def test_what_is_no_collection_or_no_literal_is_no_tree(text):
    assert tree(text) == ()


@pytest.mark.parametrize(
    "text", ["[__import__('os').getpid()]", "[open('/x')]", "[i for i in 'a']"]
)
def test_nothing_is_run(text):
    assert tree(text) == ()


@pytest.mark.parametrize(
    "text", ["[" * 5000, "[" + "-" * 30_000 + "1]", "{[]: 1}", "{{}}", "[\0]", r"['\d', (", "[1j"]
)
def test_hostile_text_is_no_tree(text):
    assert tree(text) == ()


def test_a_number_too_long_to_write_is_said_to_be():
    assert leaves("[0x" + "f" * 20_000 + "]") == [("0", "a value too large to show")]


def test_what_a_worker_left_out_is_an_ellipsis():
    assert leaves("[1, ...]") == [("0", "1"), ("1", "…")]


def test_text_that_is_too_long_is_not_parsed():
    assert tree("[" + "1," * MOST_CHARACTERS + "]") == ()


def test_of_many_items_the_rest_are_counted():
    assert leaves(repr(list(range(MOST_ITEMS + 7))))[-1] == ("", "and 7 more")


def test_a_tree_of_many_lines_ends():
    lines = tree(repr([[1] * 90] * 90))

    assert len(lines) <= MOST_LINES + 4
    assert is_balanced(lines)


@given(values)
@example(({"\\": None}, {"\\8": None}))
def test_every_literal_is_told_and_every_tree_is_closed(value):
    lines = tree(repr(value))

    assert bool(lines) == (isinstance(value, list | dict | tuple) and bool(value))
    assert is_balanced(lines)


@given(st.text(alphabet="[]{}(),:'\"\\x0159.- \n#") | st.text())
def test_any_text_at_all_is_survived(text):
    assert is_balanced(tree(text))
