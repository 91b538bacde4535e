"""Renders the doctor's report for a terminal and as JSON. Pure."""

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any, Final

from flower_ng.doctor.check import Check, CheckMark, Report

#: A symbol for each mark beside its word: not everyone can tell the colours apart.
SHAPES: Final = {
    CheckMark.BROKEN: "✗",
    CheckMark.ATTENTION: "!",
    CheckMark.UNKNOWN: "?",
    CheckMark.NOTE: "·",
    CheckMark.OK: "✓",
}
#: Names that are listed; the rest is counted.
MOST_SUBJECTS: Final = 3
WIDTH: Final = max(map(len, CheckMark)) + 2

Paint = Callable[[str, CheckMark], str]


def lines(report: Report, paint: Paint = lambda text, _mark: text) -> Iterator[str]:
    """Yield the report line by line; `paint` colours a word."""
    for area, checks in groupby(report.checks, lambda check: check.area):
        yield area
        for check in checks:
            yield f"  {paint(marked(check.mark).ljust(WIDTH), check.mark)}  {said(check)}"
            if check.setting:
                yield f"  {' ' * WIDTH}  → {check.setting}"
        yield ""
    yield summary(report)


def marked(mark: CheckMark) -> str:
    """Return a mark's shape and word."""
    return f"{SHAPES[mark]} {mark}"


def said(check: Check) -> str:
    """Return the name of a check, its subjects and its evidence."""
    whose = f" ({subjects(check)})" if check.subjects else ""
    return f"{check.name}{whose}: {check.said}"


def subjects(check: Check) -> str:
    """Return the first names, and how many more there are."""
    more = len(check.subjects) - MOST_SUBJECTS
    return ", ".join(check.subjects[:MOST_SUBJECTS]) + (f" and {more} more" if more > 0 else "")


def summary(report: Report) -> str:
    """Return the number of checks with each mark."""
    counts = ", ".join(f"{number} {mark}" for mark, number in report.counts.items())
    return f"{len(report.checks)} checks in {report.took_s:.1f} s: {counts}."


def plain(report: Report) -> dict[str, Any]:
    """Return the report as JSON holds it."""
    return {
        "at": report.at,
        "took_s": round(report.took_s, 3),
        "code": report.code,
        "counts": {str(mark): number for mark, number in report.counts.items()},
        "checks": [
            {
                "area": one.area,
                "name": one.name,
                "mark": str(one.mark),
                "said": one.said,
                "setting": one.setting,
                "subjects": list(one.subjects),
            }
            for one in report.checks
        ],
    }
