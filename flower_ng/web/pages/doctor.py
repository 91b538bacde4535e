"""The doctor's page: what works, what can't be known, and the setting that changes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from flower_ng.doctor import Check, CheckMark, Report
from flower_ng.doctor.text import MOST_SUBJECTS
from flower_ng.web.http.base import Need, Page
from flower_ng.web.ui.links import Links

#: A report that somebody looks at is not older: then the doctor looks again by itself.
OLD_S: Final = 60.0
ORDER: Final = tuple(CheckMark)
STATES: Final = {
    CheckMark.BROKEN: "broken",
    CheckMark.ATTENTION: "attention",
    CheckMark.UNKNOWN: "unknown",
    CheckMark.NOTE: "note",
    CheckMark.OK: "online",
}
VERDICTS: Final = {
    0: "All good",
    1: "Attention needed",
    2: "Something is broken",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """A worker or a queue that a check is about."""

    name: str
    url: str


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One check; `more` is how many subjects are not named."""

    state: str
    mark: str
    name: str
    subjects: tuple[Subject, ...]
    more: int
    said: str
    setting: str


@dataclass(frozen=True, slots=True)
class Area:
    """The checks of one area, the worst first."""

    name: str
    lines: tuple[CheckRow, ...]


@dataclass(frozen=True, slots=True)
class DoctorView:
    """The newest report; `looked_at` is None before the first one."""

    title: str
    verdict: str
    state: str
    summary: str
    areas: tuple[Area, ...]
    looked_at: float | None
    now: float
    is_looking: bool
    look_url: str


class DoctorPage(Page):
    """`/doctor`."""

    path = "/doctor"
    need = Need.READ
    nav = "Doctor"
    template = "pages/doctor.html"

    async def view(self, *_none: str) -> DoctorView:
        """Show what was found; where that is old, or nothing was yet, have it looked at again."""
        doctor, links = self.cluster.doctor, Links(self.services.prefix)
        report, now = doctor.report, self.services.clock()
        if report is None or now - report.at > OLD_S:
            doctor.begin()
        code = 0 if report is None else report.code
        return DoctorView(
            title="Doctor",
            verdict=VERDICTS[code],
            state=("online", "attention", "broken")[code],
            summary="" if report is None else counted(report),
            areas=() if report is None else tuple(areas(report, links)),
            looked_at=None if report is None else report.at,
            now=now,
            is_looking=doctor.is_looking,
            look_url=links.action("doctor"),
        )


def counted(report: Report) -> str:
    """Return how many checks ended how."""
    return ", ".join(f"{number} {mark}" for mark, number in report.counts.items())


def areas(report: Report, links: Links) -> Iterator[Area]:
    """Yield the checks by area."""
    for name, checks in groupby(report.checks, lambda check: check.area):
        ordered = sorted(checks, key=lambda check: ORDER.index(check.mark))
        yield Area(name, tuple(line(check, links) for check in ordered))


def line(check: Check, links: Links) -> CheckRow:
    """Return a check as the page shows it."""
    named = check.subjects[:MOST_SUBJECTS]
    return CheckRow(
        STATES[check.mark],
        str(check.mark),
        check.name,
        tuple(Subject(name, address(check, name, links)) for name in named),
        len(check.subjects) - len(named),
        check.said,
        check.setting,
    )


def address(check: Check, name: str, links: Links) -> str:
    """Return the page of a subject."""
    return links.page("/queues", {}) if check.area == "Queues" else links.worker(name)
