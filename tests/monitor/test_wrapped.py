"""What was raised is read out of what wraps it; the texts are Celery 5.7's."""

import pytest

from flower_ng.life.wrapped_exception import RETRY, retried_for, unwrapped

HEAD = (
    'Traceback (most recent call last):\n  File "billiard/pool.py", line 745, in on_hard_timeout\n'
)
LOST = "Worker exited prematurely: signal 9 (SIGKILL) Job: 1."


@pytest.mark.parametrize(
    ("traceback", "raised"),
    [
        (
            f"{HEAD}    raise E\nbilliard.exceptions.TimeLimitExceeded: TimeLimitExceeded(1,)\n",
            "TimeLimitExceeded(1,)",
        ),
        (
            f"{HEAD}    raise WorkerLostError(\nbilliard.exceptions.WorkerLostError: {LOST}\n",
            f"WorkerLostError('{LOST}')",
        ),
        (f"{HEAD}    raise Odd\nOdd: two\nlines\n", "Odd('two\\nlines')"),
        (f"{HEAD}    raise KeyboardInterrupt\nKeyboardInterrupt\n", "KeyboardInterrupt()"),
        (f"{HEAD}    raise", None),
        ("", None),
        (None, None),
    ],
)
def test_what_was_raised_stands_at_the_end_of_the_traceback(traceback, raised):
    assert unwrapped(traceback) == raised


@pytest.mark.parametrize("raised", ["OSError('not yet')", "KeyError(('a', 1))", "None"])
@pytest.mark.parametrize(
    "when", ["0", "0.1", "1e-05", "None", "datetime.datetime(2026, 12, 1, tzinfo=utc())"]
)
def test_what_was_raised_stands_inside_of_a_retry(raised, when):
    assert retried_for(f"{RETRY}{raised}, {when})") == raised


def test_of_a_retry_that_was_cut_off_the_beginning_is_kept():
    assert retried_for(f"{RETRY}OSError('not…") == "OSError('not…"
