"""What was raised is read from the traceback of a killed child; the texts are Celery 5.7's."""

import pytest

from flower_ng.life.wrapped_exception import unwrapped

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
