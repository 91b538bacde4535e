"""Polling asks a page again and again, as someone outside would, and notes how long it takes."""

import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

#: Between two questions.
POLL_S = 0.05


@dataclass(slots=True)
class Times:
    """How long answers took, in ms, from when they were due to be asked for."""

    ms: list[float] = field(default_factory=list)

    def share(self, part: float) -> float:
        """Return what this part of the answers took at most; not a number without any."""
        ordered = sorted(self.ms)
        return ordered[int(part * (len(ordered) - 1))] if ordered else float("nan")


def get(url: str, timeout_s: float = 120.0) -> str:
    """Return the text at this address."""
    with urllib.request.urlopen(url, timeout=timeout_s) as answer:
        text: str = answer.read().decode()
    return text


def taken_ms(url: str) -> float:
    """Return how long one answer takes."""
    began = time.perf_counter()
    get(url)
    return 1000 * (time.perf_counter() - began)


@contextmanager
def polled(url: str, every_s: float = POLL_S) -> Iterator[Times]:
    """Ask for a page until left; who answers late is late for those due meanwhile, too."""
    times, ended = Times(), threading.Event()

    def poll() -> None:
        due = time.perf_counter()
        while not ended.is_set():
            due += every_s
            ended.wait(due - time.perf_counter())
            began = min(time.perf_counter(), due + every_s)  # its own lateness is not theirs
            try:
                get(url)
            except OSError:
                if ended.is_set():
                    return
            times.ms.append(1000 * (time.perf_counter() - began))

    thread = threading.Thread(target=poll, daemon=True)
    thread.start()
    try:
        yield times
    finally:
        ended.set()
        thread.join(10)
