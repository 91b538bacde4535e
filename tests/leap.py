"""Runs a module by a clock that is off: `python -m tests.leap CLOCK MODULE ARGUMENT…`.

CLOCK is a file whose time of modification is how many seconds the module's clock is ahead of ours;
`set_ahead` has it leap while the module runs. Only `time.time` is off: what waits, waits as long.

For the dashboard a leap is time that passed. With CLOCK_STEPS=1 in the environment it is a step:
somebody moved the system's clock, and no time has passed.
"""

import importlib
import os
import runpy
import sys
import time
from pathlib import Path


def set_ahead(clock: Path, seconds: float) -> None:
    """Set it in one step: a new file is of now, and who read that would leap by decades."""
    if clock.exists():
        os.utime(clock, (seconds, seconds))
        return
    made = clock.with_name(f"{clock.name}.made")
    made.touch()
    os.utime(made, (seconds, seconds))
    made.rename(clock)


def be_ahead(clock: str) -> None:
    right = time.time
    time.time = lambda: right() + ahead_s(clock)
    if os.environ.get("CLOCK_STEPS") != "1":
        let_time_pass(clock)


def let_time_pass(clock: str) -> None:
    """Have the dashboard see no step: its Clock keeps the time.monotonic of when it is imported."""
    right = time.monotonic
    time.monotonic = lambda: right() + ahead_s(clock)
    importlib.import_module("flower_ng.clock")
    time.monotonic = right


def ahead_s(clock: str) -> float:
    return os.stat(clock).st_mtime  # noqa: PTH116 - thousands of times


if __name__ == "__main__":
    be_ahead(sys.argv[1])
    sys.argv[:] = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
