"""Findings is what is wrong as people read it: problems by rule, each with its evidence; pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from flower_ng.health import Problem
from flower_ng.web.ui import format as fmt
from flower_ng.web.ui.links import Links

#: The rule about tasks that workers left behind.
LEFT_BEHIND: Final = "worker-gone"


@dataclass(frozen=True, slots=True)
class Detail:
    """One piece of evidence: a text, or a time in UTC seconds; `url` leads to what it names."""

    label: str
    text: str = ""
    moment: float | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True)
class ProblemRow:
    """One problem; times are UTC seconds, `cleared` is None while it lasts.

    `subject` is empty where it is about the whole cluster. `ended` says why it is not watched any
    more where nobody saw that all is well again.
    """

    rule: str
    title: str
    subject: str
    url: str | None
    is_error: bool
    details: tuple[Detail, ...]
    advice: str
    since: float
    cleared: float | None
    muted_until: float | None
    muted_why: str
    ended: str

    @property
    def words(self) -> str:
        """The evidence in one line, times left out."""
        return ", ".join(f"{one.label} {one.text}" for one in self.details if one.text)


@dataclass(frozen=True, slots=True)
class ProblemGroup:
    """The problems that one rule found."""

    rule: str
    title: str
    advice: str
    is_error: bool
    found: tuple[ProblemRow, ...]


def marks(problems: Iterable[Problem], links: Links) -> tuple[ProblemRow, ...]:
    """Return what the page of one worker, queue or type shows: the muted ones are left out."""
    return tuple(problem_row(problem, links) for problem in problems if problem.mute is None)


def kinds(problems: Iterable[Problem], links: Links) -> Iterator[ProblemGroup]:
    """Yield problems by rule: errors first, and in the order of the problems."""
    ordered = sorted(problems, key=lambda one: (one.severity, one.rule, one.subject))
    for rule, group in groupby(ordered, key=lambda one: one.rule):
        first, *others = group
        members = tuple(problem_row(problem, links) for problem in (first, *others))
        yield ProblemGroup(rule, first.title, first.advice, first.severity == "error", members)


def problem_row(problem: Problem, links: Links) -> ProblemRow:
    """Return one problem as a page shows it."""
    mute = problem.mute
    return ProblemRow(
        rule=problem.rule,
        title=problem.title,
        subject=problem.subject,
        url=_subject_url(problem, links),
        is_error=problem.severity == "error",
        details=tuple(_details(problem.evidence, links)),
        advice=problem.advice,
        since=problem.since,
        cleared=problem.cleared,
        muted_until=None if mute is None else mute.until,
        muted_why="" if mute is None else mute.reason,
        ended=problem.ended,
    )


def _subject_url(problem: Problem, links: Links) -> str | None:
    about, subject = problem.about, problem.subject
    if about == "worker" and (problem.rule == LEFT_BEHIND or problem.cleared is not None):
        # A worker that is gone may be forgotten, and has no page then; its tasks tell more.
        return links.tasks(worker=subject, search="is:running" if problem.cleared is None else None)
    if about == "worker":
        return links.worker(subject)
    if about == "type":
        return links.type(subject.partition(": ")[0])
    if about == "broker":
        return f"{links.page('/queues', {})}#broker"
    if about == "schedule":
        return links.page("/schedule", {})
    return links.page("/queues", {}) if about == "queue" else None


def _details(evidence: Mapping[str, str | float | int], links: Links) -> Iterator[Detail]:
    """Yield evidence, each in the unit that its key ends with."""
    for key, value in evidence.items():
        name, _, unit = key.rpartition("_")
        yield _detail(fmt.label(name or key), value, unit if name else "", links)


def _detail(label: str, value: str | float, unit: str, links: Links) -> Detail:
    if unit == "task":
        return Detail(f"{label} task", str(value), url=links.task(str(value)))
    if isinstance(value, str):
        return Detail(label, value, url=links.worker(value) if label == "Worker" else None)
    if unit == "at":
        return Detail(label, moment=value)
    readers = {"s": fmt.span, "bytes": fmt.size, "share": fmt.share}
    read = readers.get(unit)
    if read is None:
        return Detail(label, fmt.number(round(value, 1) if value % 1 else round(value)))
    return Detail(label, read(value))
