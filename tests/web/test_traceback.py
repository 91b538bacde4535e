"""Tracebacks: own frames stand out, libraries' fold, and nothing of the text is lost."""

from hypothesis import given
from hypothesis import strategies as st

from flower_ng.web.ui.traceback import TracebackPart, parts

LIBRARY = '  File "/venv/lib/python3.12/site-packages/celery/app/trace.py", line 453, in trace_task'
CODE = "    R = retval = fun(*args, **kwargs)\n                 ^^^^"
OWN = '  File "/srv/shop/tasks.py", line 12, in pay\n    raise ValueError(amount)'
HEAD, END = "Traceback (most recent call last):", "ValueError: 3"
lines = st.sampled_from([HEAD, LIBRARY, CODE, OWN, END, "", "  | " + LIBRARY]) | st.text()


def test_library_frames_are_folded_and_counted():
    text = f"{HEAD}\n{LIBRARY}\n{CODE}\n{LIBRARY}\n{CODE}\n{OWN}\n{END}"

    assert parts(text) == (
        TracebackPart(HEAD),
        TracebackPart(f"{LIBRARY}\n{CODE}\n{LIBRARY}\n{CODE}", frames=2),
        TracebackPart(f"{OWN}\n{END}"),
    )


def test_the_standard_library_is_one_too():
    text = f'{OWN}\n  File "/usr/lib/python3.13/json/decoder.py", line 5, in x'

    assert [part.frames for part in parts(text)] == [0, 1]


def test_with_libraries_alone_nothing_is_hidden():
    text = f"{HEAD}\n{LIBRARY}\n{CODE}\n{END}"

    assert parts(text) == (TracebackPart(text),)


def test_words_without_frames_stay_as_they_are():
    assert parts("it broke") == (TracebackPart("it broke"),)


@given(st.lists(lines))
def test_the_parts_are_the_whole_text(some):
    text = "\n".join(some)

    assert "\n".join(part.text for part in parts(text)) == text
