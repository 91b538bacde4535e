"""Runs a module whose event loop tells what held it: `python -m tests.stalls FILE MODULE ARGUMENT…`

FILE gets a line for each callback that took longer than LEAST_S; `read` gives them back. The time
in which the loop's thread waited for a processor is known apart: a busy machine isn't blamed.
"""

import asyncio
import faulthandler
import json
import os
import runpy
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

LEAST_S: Final = 0.02
#: A callback that lasts for longer has the stacks of all threads written to FILE.stacks.
TRACED_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Stall:
    """One callback that held the loop, in seconds: in all, on a processor, and waiting for one."""

    callback: str
    wall_s: float
    cpu_s: float
    queued_s: float

    @property
    def own_s(self) -> float:
        """How long it would have taken on a machine that does nothing else, at most."""
        return self.wall_s - self.queued_s


def read(file: Path) -> list[Stall]:
    """Return what was told so far."""
    return [Stall(**json.loads(line)) for line in file.read_text().splitlines()]


class Meter:
    """Measures the callbacks of the loop, which runs in the thread that makes the meter."""

    def __init__(self, file: str) -> None:
        self._out = Path(file).open("a", buffering=1)  # noqa: SIM115 - as long as the process lives
        self._stacks = Path(f"{file}.stacks").open("a", buffering=1)  # noqa: SIM115 - as long
        self._schedstat = os.open("/proc/thread-self/schedstat", os.O_RDONLY)
        self._thread = threading.get_ident()
        self._began = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def measured(self, callback: Callable[..., Any]) -> Callable[..., Any]:
        """Return the callback, measured."""

        def measure(*arguments: Any) -> Any:
            if threading.get_ident() != self._thread:
                return callback(*arguments)
            name = name_of(callback)
            queued, cpu, self._began = self._queued_s(), time.thread_time(), time.monotonic()
            began = self._began
            try:
                return callback(*arguments)
            finally:
                self._began = 0.0
                if (wall := time.monotonic() - began) > LEAST_S:
                    spent = time.thread_time() - cpu, self._queued_s() - queued
                    self._out.write(json.dumps(asdict(Stall(name, wall, *spent))) + "\n")

        return measure

    def _queued_s(self) -> float:
        return int(os.pread(self._schedstat, 100, 0).split()[1]) / 1e9

    def _watch(self) -> None:
        traced = 0.0
        while True:
            time.sleep(TRACED_S / 4)
            began = self._began
            if began not in (0.0, traced) and time.monotonic() - began > TRACED_S:
                traced = began
                self._stacks.write("\n")
                faulthandler.dump_traceback(self._stacks)


def name_of(callback: Any) -> str:
    """Name a callback: a task by its coroutine and what that awaits."""
    owner = getattr(callback, "__self__", callback)
    if not isinstance(owner, asyncio.Task):
        return getattr(callback, "__qualname__", repr(callback))
    names, coroutine = [], owner.get_coro()
    while coroutine is not None and hasattr(coroutine, "cr_await"):
        names.append(coroutine.__qualname__)
        coroutine = coroutine.cr_await
    return " > ".join(names)


def measure_loops(meter: Meter) -> None:
    """Have every callback that asyncio's loops are given measured."""
    loops: Any = asyncio.SelectorEventLoop
    for method, place in (
        ("call_soon", 0),
        ("call_soon_threadsafe", 0),
        ("call_at", 1),
        ("add_reader", 1),
        ("add_writer", 1),
    ):
        setattr(loops, method, measuring(meter, getattr(loops, method), place))


def measuring(meter: Meter, method: Callable[..., Any], place: int) -> Callable[..., Any]:
    """Return a method of a loop that measures the callback at `place`."""

    def schedule(loop: Any, *arguments: Any, **options: Any) -> Any:
        given = list(arguments)
        given[place] = meter.measured(given[place])
        return method(loop, *given, **options)

    return schedule


if __name__ == "__main__":
    measure_loops(Meter(sys.argv[1]))
    sys.argv[:] = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
