"""Problem is what a rule found and what became of it: since when, until when, muted by whom."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

#: `error`: work is not done, or is lost. `warning`: it soon may be, or a number can't be trusted.
Severity: TypeAlias = Literal["error", "warning"]
#: What a subject is the name of; of `cluster` and `broker` there is one.
About: TypeAlias = Literal["cluster", "broker", "worker", "queue", "type", "schedule"]
#: The end of a key is the unit: `_s` seconds, `_at` UTC seconds, `_bytes`, `_share` 0 to 1, `_task`
#: the id of a task; other numbers are counts.
Evidence: TypeAlias = Mapping[str, str | float | int]


@dataclass(frozen=True, slots=True)
class Mute:
    """A problem that nobody wants to hear of until then, and why; times are UTC seconds."""

    rule: str
    subject: str
    until: float
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Problem:
    """One rule and one subject. `since` is when it was first seen, `raised` when it was sure.

    `cleared` is None while it lasts. `evidence` is as of `seen`, when the rule last held. `ended`
    says why it is not watched any more where nobody saw that all is well again.
    """

    rule: str
    about: About
    severity: Severity
    title: str
    subject: str
    evidence: Evidence
    advice: str
    since: float
    raised: float
    seen: float
    cleared: float | None = None
    mute: Mute | None = None
    ended: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others that last."""
        return self.rule, self.subject

    @property
    def end(self) -> str:
        """How it ended, in a word or two for people."""
        return f"No longer watched ({self.ended})" if self.ended else "Resolved"


def told_once(problems: Iterable[Problem]) -> list[Problem]:
    """Return as one what several dashboards of one history noted of the same problem.

    Each raises it when it sees it, so that theirs have the rule and the subject in common, and
    overlap. It is over when one of them saw its end: who still sees it raises it anew.
    """
    found: dict[tuple[str, str], list[Problem]] = {}
    for one in sorted(problems, key=lambda one: one.raised):
        same = found.setdefault(one.key, [])
        if same and (same[-1].cleared is None or one.raised <= same[-1].cleared):
            same[-1] = _joined(same[-1], one)
        else:
            same.append(one)
    return [one for same in found.values() for one in same]


def _joined(first: Problem, second: Problem) -> Problem:
    ends = [end for end in (first.cleared, second.cleared) if end is not None]
    since = min(first.since, second.since)
    return replace(second, since=since, raised=first.raised, cleared=max(ends, default=None))
