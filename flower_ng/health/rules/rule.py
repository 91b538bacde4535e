"""Rule is one kind of problem: how it is detected, and what to do about it. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal, TypeAlias

from flower_ng.health.facts.records import Facts
from flower_ng.health.problem import About, Evidence, Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule applies to a subject now; `evidence` is the values that show it."""

    subject: str
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Undecided:
    """It is not known yet whether a rule applies to a subject: a raised problem stays."""

    subject: str


class Uncertainty(Enum):
    """The result of a test that has neither evidence of a problem nor an all-clear."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Uncertainty.UNKNOWN
#: How long after a start all workers have been inspected, slow ones a second time.
ASKED_S: Final = 120.0
#: The result of a test of one subject: evidence where the rule applies, None where it does not.
Answer: TypeAlias = Evidence | Literal[Uncertainty.UNKNOWN] | None
#: The findings for all subjects; None where the facts do not allow a judgement.
Found: TypeAlias = Iterable[Finding | Undecided] | None
Find: TypeAlias = Callable[[Facts, float], Found]


def answered(answers: Iterable[tuple[str, Answer]]) -> list[Finding | Undecided]:
    """Return the findings for subjects, given as pairs of subject and test result."""
    return [
        Undecided(subject) if answer is UNKNOWN else Finding(subject, answer)
        for subject, answer in answers
        if answer is not None
    ]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `title` is shown before the subject's name, `advice` says what to do.

    The option `problem_<name>` is its threshold; 0 turns the rule off. With `lasting`, the
    threshold is the number of seconds that a finding must last before it is a problem, and `find`
    ignores it. `needs_s` returns how many seconds after a start the rule can first be sure that a
    problem from before the restart is over.
    """

    name: str
    about: About
    severity: Severity
    title: str
    advice: str
    find: Find
    lasting: bool = False
    needs_s: Callable[[float], float] = lambda _: 0.0

    @property
    def option(self) -> str:
        """The name of the option that holds its threshold."""
        return f"problem_{self.name.replace('-', '_')}"
