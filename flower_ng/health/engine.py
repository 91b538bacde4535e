"""Engine turns findings into problems: raised when they last, cleared when they stay away. Pure.

Time is what the facts say. Between two changes of one problem lies at least `hold_s`: no flapping.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from flower_ng.health.facts.records import Facts
from flower_ng.health.problem import Problem
from flower_ng.health.rules.rule import Finding, Rule, Undecided

#: Subjects of one rule that are told apart; more are counted.
MOST_SUBJECTS: Final = 200
#: A name that somebody else chose is shown up to here.
SUBJECT_LENGTH: Final = 512


@dataclass(slots=True)
class Case:
    """A rule that holds for a subject, or did; `raised` is None until it lasted for long enough.

    `is_from_before` is that it was raised before a restart, and not found since.
    """

    finding: Finding
    since: float
    seen: float
    raised: float | None = None
    is_from_before: bool = False


@dataclass(frozen=True, slots=True)
class ProblemChanges:
    """What one look changed."""

    raised: Sequence[Problem] = ()
    cleared: Sequence[Problem] = ()


class Engine:
    """Judges facts by rules. `thresholds` are by the rules' names; without one a rule is off.

    So it is with 0. Nothing is raised or cleared before `quiet_until`.
    """

    def __init__(
        self,
        rules: Iterable[Rule],
        thresholds: Mapping[str, float],
        *,
        hold_s: float,
        quiet_until: float = 0.0,
    ) -> None:
        self.rules = tuple(rule for rule in rules if thresholds.get(rule.name, 0) > 0)
        self.left_out: dict[str, int] = {}
        self.quiet_until = quiet_until
        self._thresholds = thresholds
        self._hold_s = hold_s
        self._cases: dict[str, dict[str, Case]] = {rule.name: {} for rule in self.rules}

    def adopt(self, problems: Iterable[Problem]) -> None:
        """Go on with problems that lasted when an earlier run ended."""
        for problem in problems:
            if problem.rule in self._cases:
                finding = Finding(problem.subject, problem.evidence)
                case = Case(
                    finding, problem.since, problem.seen, problem.raised, is_from_before=True
                )
                self._cases[problem.rule][problem.subject] = case

    def follow_clock(self, step_s: float) -> None:
        """Keep for how long things have lasted, where the system's clock was moved."""
        self.quiet_until += step_s
        for cases in self._cases.values():
            for case in cases.values():
                case.since += step_s
                case.seen += step_s

    def judge(self, rule: Rule, facts: Facts) -> ProblemChanges:
        """Look whether one rule holds, and return what that changed."""
        cases, now = self._cases[rule.name], facts.now
        findings = rule.find(facts, self._thresholds[rule.name])
        if findings is None:
            self._suspend(cases, list(cases), now)
            return ProblemChanges()
        told = list(findings)
        self._suspend(cases, [one.subject for one in told if isinstance(one, Undecided)], now)
        self._see(rule, [one for one in told if isinstance(one, Finding)], now)
        raised = self._raise(rule, cases, now)
        for subject in [one for one, case in cases.items() if _has_passed(case, now)]:
            del cases[subject]
        return ProblemChanges(raised, self._clear(rule, cases, facts))

    def problems(self) -> list[Problem]:
        """Return what is wrong, errors first, the newest of them first."""
        return self._those(lambda case: case.raised is not None)

    def pending(self) -> list[Problem]:
        """Return what the rules find and what has not lasted for long enough to be raised.

        `raised` is when each was first found.
        """
        return self._those(lambda case: case.raised is None)

    def _those(self, wanted: Callable[[Case], bool]) -> list[Problem]:
        found = [
            problem_of(rule, case)
            for rule in self.rules
            for case in self._cases[rule.name].values()
            if wanted(case)
        ]
        return sorted(found, key=lambda one: (one.severity, -one.raised, one.rule, one.subject))

    def _suspend(self, cases: dict[str, Case], subjects: Iterable[str], now: float) -> None:
        """Nobody knows: what was raised stays, and all else has to be seen anew."""
        for subject in (one[:SUBJECT_LENGTH] for one in subjects):
            case = cases.get(subject)
            if case is not None and case.raised is None:
                del cases[subject]
            elif case is not None:
                case.seen = now

    def _see(self, rule: Rule, findings: Iterable[Finding], now: float) -> None:
        cases = self._cases[rule.name]
        left_out = 0
        for finding in findings:
            subject = finding.subject[:SUBJECT_LENGTH]
            case = cases.get(subject)
            if case is not None:
                case.finding, case.seen, case.is_from_before = finding, now, False
            elif len(cases) < MOST_SUBJECTS:
                cases[subject] = Case(replace(finding, subject=subject), now, now)
            else:
                left_out += 1
        self.left_out[rule.name] = left_out

    def _raise(self, rule: Rule, cases: Mapping[str, Case], now: float) -> list[Problem]:
        if now < self.quiet_until:
            return []
        needed_s = max(self._hold_s, self._thresholds[rule.name] if rule.lasting else 0.0)
        due = [
            case
            for case in cases.values()
            if case.raised is None and case.seen == now and now - case.since >= needed_s
        ]
        for case in due:
            case.raised = now
        return [problem_of(rule, case) for case in due]

    def _clear(self, rule: Rule, cases: dict[str, Case], facts: Facts) -> list[Problem]:
        cleared, now = [], facts.now
        is_early = now - facts.began < rule.needs_s(self._thresholds[rule.name])
        for subject, case in list(cases.items()):
            if is_early and case.is_from_before:
                continue
            if now - case.seen >= self._hold_s and case.seen < now >= self.quiet_until:
                del cases[subject]
                ended = facts.lapsed(rule.about, subject)
                cleared.append(replace(problem_of(rule, case), cleared=now, ended=ended))
        return cleared


def _has_passed(case: Case, now: float) -> bool:
    """Whether it ended before it was raised."""
    return case.raised is None and case.seen < now


def problem_of(rule: Rule, case: Case) -> Problem:
    """Return a case as the problem that it is, or would be now."""
    return Problem(
        rule=rule.name,
        about=rule.about,
        severity=rule.severity,
        title=rule.title,
        subject=case.finding.subject,
        evidence=case.finding.evidence,
        advice=rule.advice,
        since=case.since,
        raised=case.since if case.raised is None else case.raised,
        seen=case.seen,
    )
