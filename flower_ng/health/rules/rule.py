"""Rule is one thing that can be wrong: how it is found, and what to do about it. Pure."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Literal, TypeAlias

from flower_ng.health.facts.records import Facts
from flower_ng.health.problem import About, Evidence, Severity


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule holds for a subject now; `evidence` is what shows it."""

    subject: str
    evidence: Evidence = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Undecided:
    """Whether a rule holds for a subject can't be known yet: what was raised stays."""

    subject: str


class Doubt(Enum):
    """What a test answers that has neither evidence nor an all-clear."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Doubt.UNKNOWN
#: After a start it takes as long until all workers were asked, and again those that were slow.
ASKED_S: Final = 120.0
#: What a test says of one subject: what shows that the rule holds, or None where it does not.
Answer: TypeAlias = Evidence | Literal[Doubt.UNKNOWN] | None
#: What is found in the facts with a threshold; None where the facts do not tell.
Found: TypeAlias = Iterable[Finding | Undecided] | None
Find: TypeAlias = Callable[[Facts, float], Found]


def answered(answers: Iterable[tuple[str, Answer]]) -> list[Finding | Undecided]:
    """Return what was answered of subjects, each with its answer."""
    return [
        Undecided(subject) if answer is UNKNOWN else Finding(subject, answer)
        for subject, answer in answers
        if answer is not None
    ]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `title` goes before the subject's name, `advice` says what to do.

    The option `problem_<name>` is its threshold, 0 turns it off. With `lasting` the threshold is
    how many seconds it must hold before it is a problem; `find` need not look at it. Before it has
    looked for `needs_s` of a threshold, that it finds nothing clears nothing of before a restart.
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
