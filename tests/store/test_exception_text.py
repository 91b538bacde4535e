import pytest

from flower_ng.store.tables.texts import exception_class, first_line

TRACEBACK = "Traceback (most recent call last):\n  File ...\nshop.errors.OutOfStock: no more\n"
CLASSES = [
    ("ValueError('bad')", None, "ValueError"),
    ("ValueError()", None, "ValueError"),
    ("KeyError", None, "KeyError"),
    ("<OutOfStock: no more>", None, "OutOfStock"),
    ("shop.errors.OutOfStock('no more')", None, "OutOfStock"),
    ("no more of them", TRACEBACK, "OutOfStock"),
    ("'a text'", TRACEBACK, "OutOfStock"),
    (None, TRACEBACK, "OutOfStock"),
    ("odd", None, None),
    ("no more of them", None, None),
    ("", "", None),
    (None, None, None),
]


@pytest.mark.parametrize(("exception", "traceback", "name"), CLASSES)
def test_the_class_is_what_the_repr_begins_with_else_what_the_traceback_ends_with(
    exception, traceback, name
):
    assert exception_class(exception, traceback) == name


def test_the_first_line_is_the_first_that_says_something():
    assert first_line("\n  ValueError('a\nb')") == "ValueError('a"
    assert first_line("x" * 1000) == "x" * 300
    assert first_line(" \n ") is None
    assert first_line(None) is None
