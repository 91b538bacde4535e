"""Turns a histogram into the stacked bars of an SVG, one path for each state; pure.

Shapes are made for a drawing area of WIDTH by HEIGHT, which the page stretches to its own size.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from flower_ng.store import Gap, TaskHistogram
from flower_ng.web.ui.time_window import Window

WIDTH: Final = 1000
HEIGHT: Final = 100
#: What stays free between two bars, as a share of a step.
FREE: Final = 0.12
#: From the bottom up: what went wrong stands on the ground, where it is compared with ease.
STACKED: Final = (
    "FAILURE", "REJECTED", "REVOKED", "RETRY", "STARTED", "RECEIVED", "PENDING", "SUCCESS",
)  # fmt: skip
#: A bar that stands for something is never lower than this.
LEAST: Final = 1.5


@dataclass(frozen=True, slots=True)
class Stack:
    """The bars of one state, and how many tasks they stand for."""

    state: str
    path: str
    count: int


@dataclass(frozen=True, slots=True)
class HistogramHole:
    """A time of which something is missing."""

    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Bars:
    """Stacked bars over a window; `top` is the number at the upper edge, `counts` all as JSON."""

    window: Window
    top: int
    stacks: tuple[Stack, ...]
    holes: tuple[HistogramHole, ...]
    counts: str
    is_exact: bool


def bars(found: TaskHistogram, window: Window, gaps: Iterable[Gap]) -> Bars:
    """Return the bars of a histogram that was counted in the steps of the window."""
    counts = {state: found.counts[state] for state in _ordered(found.counts)}
    sums = [sum(column) for column in zip(*counts.values(), strict=True)]
    top = max(sums, default=0)
    return Bars(
        window=window,
        top=top,
        stacks=tuple(_stacks(counts, top)),
        holes=tuple(_holes(gaps, window)),
        counts=json.dumps(counts, separators=(",", ":")),
        is_exact=found.exact,
    )


def _ordered(counts: Mapping[str, Sequence[int]]) -> Iterator[str]:
    yield from (state for state in STACKED if state in counts)
    yield from sorted(counts.keys() - set(STACKED))


def _stacks(counts: Mapping[str, Sequence[int]], top: int) -> Iterator[Stack]:
    ground = [0.0] * max(map(len, counts.values()), default=0)
    for state, numbers in counts.items():
        heights = [max(LEAST, HEIGHT * number / top) if number else 0.0 for number in numbers]
        yield Stack(state, _path(heights, ground), sum(numbers))
        ground = [low + height for low, height in zip(ground, heights, strict=True)]


def _path(heights: Sequence[float], ground: Sequence[float]) -> str:
    step = WIDTH / max(1, len(heights))
    width = round(step * (1 - FREE), 1)
    return "".join(
        f"M{round(step * place, 1):g} {round(HEIGHT - low, 1):g}"
        f"h{width:g}v{-round(height, 1):g}h{-width:g}z"
        for place, (height, low) in enumerate(zip(heights, ground, strict=True))
        if height
    )


def _holes(gaps: Iterable[Gap], window: Window) -> Iterator[HistogramHole]:
    scale = WIDTH / (window.end - window.start)
    for gap in gaps:
        start = max(gap.start, window.start)
        end = min(window.end if gap.end is None else gap.end, window.end)
        if end > start:
            x = round((start - window.start) * scale, 1)
            yield HistogramHole(x, max(1.0, round((end - start) * scale, 1)))
