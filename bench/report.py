"""A report is one section of docs/benchmarks.md; each command writes its own, and no other."""

import signal
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from bench.machine import described
from tests.services import ROOT

PAGE = ROOT / "docs/benchmarks.md"
Cell = str | float | None


@dataclass(slots=True)
class Report:
    """A heading, a text, and a table whose first `words` columns are words.

    It is written anew with each row, so that what was measured is kept when the rest is not. `page`
    is None where it is only printed.
    """

    heading: str
    text: str
    header: Sequence[str]
    page: Path | None = None
    words: int = 1
    after: str = ""
    rows: list[Sequence[Cell]] = field(default_factory=list)

    def add(self, *cells: Cell) -> None:
        """Add a row, print it and write the section."""
        self.rows.append(cells)
        print(_row(cells), flush=True)
        self.write()

    def write(self) -> None:
        """Write the section in place of the one with its heading, else behind all."""
        if self.page is not None:
            self.page.write_text(replaced(self.page.read_text(), self.heading, self.section()))

    def section(self) -> str:
        """Return it as Markdown, without the heading."""
        rule = "| --- " * self.words + "| --: " * (len(self.header) - self.words) + "|"
        table = "\n".join([_row(self.header), rule, *map(_row, self.rows)])
        after = f"\n{self.after}\n" if self.after else ""
        return f"{self.text}\n{described()}\n\n{table}\n{after}"


def _row(cells: Sequence[Cell]) -> str:
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(cell: Cell) -> str:
    if cell is None or cell != cell:  # noqa: PLR0124 - not a number
        return "–"  # noqa: RUF001 - as in books
    if isinstance(cell, str):
        return cell
    return f"{cell:,}" if isinstance(cell, int) else f"{cell:,.{2 if abs(cell) < 1 else 1}f}"


def replaced(page: str, heading: str, section: str) -> str:
    """Return the page with this section under its heading."""
    before, found, after = page.partition(f"## {heading}\n")
    _, following, rest = after.partition("\n## ") if found else ("", "", "")
    return f"{before.rstrip()}\n\n## {heading}\n\n{section}{following}{rest}"


def parser(text: str | None) -> ArgumentParser:
    """Return a parser with what every command takes."""
    made = ArgumentParser(description=text)
    made.add_argument("--flower", help="a celery with Flower 2.2.0; none: only ours is measured")
    made.add_argument("--quick", action="store_true", help="seconds in place of minutes")
    made.add_argument("--rounds", type=int, default=2)
    made.add_argument("--only", default="", help="what has this in its name")
    made.add_argument("--folder", type=Path, help="keeps great histories for the next time")
    made.add_argument("--out", type=Path, help="the page; default: docs/benchmarks.md")
    return made


def begun(told: ArgumentParser) -> Namespace:
    """Return what was asked for; a signal that ends us ends what we have started."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _end)
    asked = told.parse_args()
    if asked.out is None and not asked.quick:
        asked.out = PAGE
    return asked


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


def chosen(names: Sequence[str], only: str) -> Iterator[str]:
    """Yield the names that were asked for."""
    return (name for name in names if only in name)
