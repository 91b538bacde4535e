"""Rule is one thing that can be wrong: how it is found, and what to do about it. Pure."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from flower_ng.health.facts import Facts

#: `error`: work is not done, or is lost. `warning`: it soon may be, or a number can't be trusted.
Severity: TypeAlias = Literal["error", "warning"]
#: What a subject is the name of; of `cluster` and `broker` there is one.
About: TypeAlias = Literal["cluster", "broker", "worker", "queue", "type", "schedule"]
#: The end of a key is the unit: `_s` seconds, `_at` UTC seconds, `_bytes`, `_share` 0 to 1, `_task`
#: the id of a task; other numbers are counts.
Evidence: TypeAlias = Mapping[str, str | float | int]


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule holds for a subject now; `evidence` is what shows it."""

    subject: str
    evidence: Evidence = field(default_factory=dict)


#: What is found in the facts with a threshold; None where the facts do not tell.
Find: TypeAlias = Callable[[Facts, float], Iterable[Finding] | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `title` goes before the subject's name, `advice` says what to do.

    The option `problem_<name>` is its threshold, 0 turns it off. With `lasting` the threshold is
    how many seconds it must hold before it is a problem; `find` need not look at it.
    """

    name: str
    about: About
    severity: Severity
    title: str
    advice: str
    find: Find
    lasting: bool = False

    @property
    def option(self) -> str:
        """The name of the option that holds its threshold."""
        return f"problem_{self.name.replace('-', '_')}"
