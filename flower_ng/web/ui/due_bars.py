"""Bars of what is due ahead, and strips of runs, as shapes of an SVG; pure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from flower_ng.schedule.strip import MISSED, UNHEARD, Mark
from flower_ng.web.ui import format as fmt

WIDTH: Final = 600
HEIGHT: Final = 100
#: What stays free between two bars, as a share of a step; a bar is never lower.
FREE: Final = 0.2
LEAST: Final = 1.5
#: From one cell of a strip to the next, and how tall the tallest is.
STEP, TALL = 8, 20
#: What a strip calls each state, and how tall its cell is; others ran or wait.
WORDS: Final = {
    "SUCCESS": "succeeded",
    "FAILURE": "failed",
    MISSED: "not seen",
    UNHEARD: "unknown, events are missing",
}
TALLNESS: Final = {"FAILURE": TALL, "SUCCESS": 14, MISSED: 14, UNHEARD: 14}


@dataclass(frozen=True, slots=True)
class RunCell:
    """One run of a strip: where it stands, how tall, its state, and that in words with its time."""

    x: int
    y: int
    height: int
    state: str
    words: str
    at: float


@dataclass(frozen=True, slots=True)
class Strip:
    """Runs, the oldest first; `words` sum them up."""

    cells: tuple[RunCell, ...]
    width: int
    words: str


def strip(marks: Sequence[Mark]) -> Strip:
    """Return the shapes of runs."""
    counts = Counter(map(_word, marks))
    told = ", ".join(f"{number} {word}" for word, number in counts.items())
    return Strip(
        tuple(_cell(place, mark) for place, mark in enumerate(marks)),
        max(1, len(marks)) * STEP,
        f"The last {fmt.counted(len(marks), 'run')}: {told}" if marks else "",
    )


def _cell(place: int, mark: Mark) -> RunCell:
    height = TALLNESS.get(mark.state, 8)
    return RunCell(place * STEP, TALL - height, height, mark.state, _word(mark), mark.at)


def _word(mark: Mark) -> str:
    return WORDS.get(mark.state, mark.state.lower())


def bars(values: Sequence[float]) -> str:
    """Return the `d` of a path of bars, the tallest as high as the drawing."""
    top = max(values, default=0.0)
    return "".join(_bars(values, top)) if top else ""


def _bars(values: Sequence[float], top: float) -> Iterator[str]:
    step = WIDTH / len(values)
    width = round(step * (1 - FREE), 1)
    for place, value in enumerate(values):
        if value:
            height = round(max(LEAST, HEIGHT * value / top), 1)
            yield f"M{round(step * place, 1):g} {HEIGHT}v{-height:g}h{width:g}v{height:g}z"
