"""Engine turns findings into problems: raised once they last, cleared once they are gone. Pure.

The time is that of the facts. A problem changes at most once in `hold_s`, so that it does not flap.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from flower_ng.health.facts.records import Facts
from flower_ng.health.problem import Problem
from flower_ng.health.rules.rule import Finding, Rule, Undecided

#: Subjects that one rule may have at a time; further ones are only counted.
MOST_SUBJECTS: Final = 200
#: Longer names of workers, queues and tasks are truncated.
SUBJECT_LENGTH: Final = 512


@dataclass(slots=True)
class Case:
    """A rule that applies, or applied, to a subject; `raised` is None until it has lasted.

    `is_from_before`: it was raised before a restart, and has not been found since.
    """

    finding: Finding
    since: float
    seen: float
    raised: float | None = None
    is_from_before: bool = False


@dataclass(frozen=True, slots=True)
class ProblemChanges:
    """The problems that one check raised and cleared."""

    raised: Sequence[Problem] = ()
    cleared: Sequence[Problem] = ()


class Engine:
    """Applies rules to facts. `thresholds` are by rule name; a rule without one, or with 0, is off.

    Nothing is raised or cleared before `quiet_until`.
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
        """Continue with the problems that were open when the previous run ended."""
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
        """Apply one rule, and return the problems that were raised and cleared."""
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
        """Return the open problems, errors first, then newest first."""
        return self._those(lambda case: case.raised is not None)

    def pending(self) -> list[Problem]:
        """Return findings that have not lasted long enough to be raised.

        Their `raised` is when each was first found.
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
        """Treat subjects as undecided: raised problems stay, other findings start again."""
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
    """Whether a finding ended before it was raised."""
    return case.raised is None and case.seen < now


def problem_of(rule: Rule, case: Case) -> Problem:
    """Return a case as a problem, raised or not."""
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
