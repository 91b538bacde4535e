"""Charts turn series into the shapes of an SVG, where a gap stays a gap; pure.

Shapes are made for a drawing area of WIDTH by HEIGHT, which the page stretches to its own size.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Final

from flower_ng.monitor.deploys import Deploy
from flower_ng.store import SeriesPage

WIDTH: Final = 600
HEIGHT: Final = 100
#: The largest value is drawn this far below the upper edge, so that its line is seen whole.
MARGIN: Final = 2
#: What the tick in the middle may be, times a power of ten: the upper one is twice that.
NICE: Final = (1, 2, 3, 5, 10)
#: How often a scale grows until its ticks are told apart.
MOST_STEPS: Final = 20
#: A chart that starts with the first data still has room for this many buckets.
LEAST_BUCKETS: Final = 12

#: The values of a series, one a bucket; None where nothing is known.
Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a chart; `kind` gives its colour, `values` has one for each bucket."""

    label: str
    kind: str
    path: str
    values: Values

    @property
    def last(self) -> float | None:
        """The newest known value."""
        return newest(self.values)


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across a chart with what it stands for; `y` is its height in the drawing area."""

    y: float
    label: str


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch of time that was not observed; `is_whole` says that nothing of it was."""

    x: float
    width: float
    is_whole: bool


@dataclass(frozen=True, slots=True)
class DeployMark:
    """Something that happened at one moment, in words; `is_told` unless it is a guess."""

    x: float
    words: str
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over the same time, from `start` to `end` (UTC seconds), with marks in it.

    `ticks` are the values 0, middle and top, none where nothing is known; `show` writes a value.
    `step_s` is the length of a bucket. `tasks_url` leads to the tasks of a bucket, whose period
    stands for `{period}` in it; empty where no list of tasks shows what was counted.
    """

    title: str
    ticks: tuple[Tick, ...]
    curves: tuple[Curve, ...]
    holes: tuple[Hole, ...]
    marks: tuple[DeployMark, ...]
    start: float
    end: float
    step_s: float
    show: Callable[[float | None], str]
    tasks_url: str = ""

    @property
    def has_data(self) -> bool:
        """Whether any value is known."""
        return bool(self.ticks)

    @property
    def told(self) -> str:
        """The value of each line in each bucket as words, as JSON: `{label: [words]}`."""
        words = {one.label: [self.show(value) for value in one.values] for one in self.curves}
        return json.dumps(words, ensure_ascii=False, separators=(",", ":"))


def chart(
    title: str,
    page: SeriesPage,
    lines: Sequence[tuple[str, str, Values]],
    show: Callable[[float | None], str],
    deploys: Sequence[Deploy] = (),
    tasks_url: str = "",
) -> Chart:
    """Return a chart of lines, each a label, a kind and its values."""
    most = highest([value for *_, values in lines for value in values])
    return Chart(
        title=title,
        ticks=ticks(most, show),
        curves=curves(lines, most, show),
        holes=tuple(holes(page)),
        marks=tuple(marks(page, deploys)),
        start=page.buckets[0].start if page.buckets else 0.0,
        end=page.buckets[-1].start + page.step_s if page.buckets else 0.0,
        step_s=page.step_s,
        show=show,
        tasks_url=tasks_url,
    )


def curves(
    lines: Sequence[tuple[str, str, Values]],
    most: float | None,
    show: Callable[[float | None], str],
) -> tuple[Curve, ...]:
    """Return lines below the upper tick; `most` is the largest of their values."""
    top = 2 * middle(most or 0, show)
    return tuple(Curve(label, kind, path(values, top), values) for label, kind, values in lines)


def ticks(most: float | None, show: Callable[[float | None], str]) -> tuple[Tick, ...]:
    """Return where values stand at 0, in the middle and at the top; none without values."""
    if most is None:
        return ()
    half = middle(most, show)
    return (
        Tick(HEIGHT, "0"),
        Tick(_height(half, 2 * half), _plain(show(half))),
        Tick(_height(2 * half, 2 * half), _plain(show(2 * half))),
    )


def middle(most: float, show: Callable[[float | None], str]) -> float:
    """Return the smallest round number whose double holds a value, and that is told from both.

    Of what is counted there is no half: `show` writes 0.5 as 0, and so 1 is in the middle.
    """
    half = _round_up(most / 2)
    for _ in range(MOST_STEPS):
        if show(half) not in (show(0.0), show(2 * half)):
            break
        half = _round_up(1.5 * half)
    return half


def _round_up(half: float) -> float:
    if half <= 0 or not math.isfinite(half):
        return 0.5  # so that the top is 1: no share is more
    power = 10.0 ** math.floor(math.log10(half))
    return next((nice * power for nice in NICE if nice * power >= half), half)


def from_first_data(page: SeriesPage) -> SeriesPage:
    """Return a page without the time before anything was observed.

    One bucket of that time stays, and as many as LEAST_BUCKETS takes.
    """
    seen = (number for number, bucket in enumerate(page.buckets) if bucket.gap != "whole")
    start = max(0, min(next(seen, 0) - 1, len(page.buckets) - LEAST_BUCKETS))
    return replace(
        page,
        buckets=page.buckets[start:],
        series=tuple(replace(one, points=one.points[start:]) for one in page.series),
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
            yield DeployMark(round(x, 1), deploy.words, deploy.is_told)


def _height(value: float, top: float) -> float:
    return HEIGHT - value / top * (HEIGHT - MARGIN) if top else HEIGHT


def _plain(words: str) -> str:
    """Return words without the zeros that end a fraction: `2.00 s` is `2 s`."""
    return re.sub(r"\.(?!\d)", "", re.sub(r"(\.\d*?)0+(?!\d)", r"\1", words))


def _stretch(spots: Sequence[tuple[float, float] | None]) -> str:
    known = [spot for spot in spots if spot is not None]
    if len(known) == 1:
        known *= 2  # a line of no length, whose round ends are a dot
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in known)
