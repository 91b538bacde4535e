"""Charts turn series into the shapes of an SVG, where a gap stays a gap; pure.

Shapes are made for a drawing area of WIDTH by HEIGHT, which the page stretches to its own size.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from flower_ng.monitor.deploys import Deploy
from flower_ng.store import SeriesPage

WIDTH: Final = 600
HEIGHT: Final = 100
#: The largest value is drawn this far below the upper edge, so that its line is seen whole.
MARGIN: Final = 2

#: The values of a series, one a bucket; None where nothing is known.
Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart; `kind` gives its colour, `last` is its newest known value."""

    label: str
    kind: str
    path: str
    last: float | None


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch of time that was not observed; `is_whole` says that nothing of it was."""

    x: float
    width: float
    is_whole: bool


@dataclass(frozen=True, slots=True)
class DeployMark:
    """Something that happened at one moment, in words."""

    x: float
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over the same time, from `start` to `end` (UTC seconds), with marks in it.

    `top` is the value at the upper edge, None where nothing is known; `show` writes a value.
    """

    title: str
    top: float | None
    curves: tuple[Curve, ...]
    holes: tuple[Hole, ...]
    marks: tuple[DeployMark, ...]
    start: float
    end: float
    show: Callable[[float | None], str]


def chart(
    title: str,
    page: SeriesPage,
    lines: Sequence[tuple[str, str, Values]],
    show: Callable[[float | None], str],
    deploys: Sequence[Deploy] = (),
) -> Chart:
    """Return a chart of lines, each a label, a kind and its values."""
    top = highest([value for *_, values in lines for value in values])
    return Chart(
        title=title,
        top=top,
        curves=tuple(
            Curve(label, kind, path(values, top or 1.0), newest(values))
            for label, kind, values in lines
        ),
        holes=tuple(holes(page)),
        marks=tuple(marks(page, deploys)),
        start=page.buckets[0].start if page.buckets else 0.0,
        end=page.buckets[-1].start + page.step_s if page.buckets else 0.0,
        show=show,
    )


def path(values: Values, top: float) -> str:
    """Return the `d` of a path through the values, interrupted where none is known.

    `top` is the value at the upper edge. A value with gaps at both sides is a dot.
    """
    step = WIDTH / max(1, len(values))
    spots = (
        None if value is None else (step * (index + 0.5), _height(value, top))
        for index, value in enumerate(values)
    )
    return "".join(_stretch(list(stretch)) for known, stretch in groupby(spots, key=bool) if known)


def highest(values: Values) -> float | None:
    """Return the largest known value."""
    return max((value for value in values if value is not None), default=None)


def newest(values: Values) -> float | None:
    """Return the last known value."""
    return next((value for value in reversed(values) if value is not None), None)


def holes(page: SeriesPage) -> Iterator[Hole]:
    """Yield where time was not observed, neighbours together."""
    step, at = WIDTH / max(1, len(page.buckets)), 0
    for gap, buckets in groupby(page.buckets, key=lambda bucket: bucket.gap):
        count = len(list(buckets))
        if gap != "none":
            yield Hole(round(at * step, 1), round(count * step, 1), gap == "whole")
        at += count


def marks(page: SeriesPage, deploys: Sequence[Deploy]) -> Iterator[DeployMark]:
    """Yield the deploys that fall into the time of the page."""
    step = WIDTH / max(1, len(page.buckets)) / page.step_s
    for deploy in deploys:
        x = (deploy.at - page.buckets[0].start) * step if page.buckets else WIDTH
        if 0 <= x < WIDTH:
            yield DeployMark(round(x, 1), deploy.words)


def _height(value: float, top: float) -> float:
    return HEIGHT - value / top * (HEIGHT - MARGIN) if top else HEIGHT


def _stretch(spots: Sequence[tuple[float, float] | None]) -> str:
    known = [spot for spot in spots if spot is not None]
    if len(known) == 1:
        known *= 2  # a line of no length, whose round ends are a dot
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in known)
