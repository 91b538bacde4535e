"""Problem is what a rule found, when it was raised and cleared, and whether it is muted."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

#: `error`: tasks are not done or lost. `warning`: they soon may be, or a number can't be trusted.
Severity: TypeAlias = Literal["error", "warning"]
#: The kind of thing that a subject names; `cluster` and `broker` have an empty subject or a node.
About: TypeAlias = Literal["cluster", "broker", "worker", "queue", "type", "schedule"]
#: The end of a key is the unit: `_s` seconds, `_at` UTC seconds, `_bytes`, `_share` 0 to 1, `_task`
#: the id of a task; other numbers are counts.
Evidence: TypeAlias = Mapping[str, str | float | int]


@dataclass(frozen=True, slots=True)
class Mute:
    """A problem muted until a time, why and by whom; times are UTC seconds."""

    rule: str
    subject: str
    until: float
    reason: str
    by: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A rule that applies to a subject: first found at `since`, raised at `raised`.

    `cleared` is None while it lasts. `evidence` is as of `seen`, when the rule last applied.
    `ended` says why it is no longer checked, if it was closed without being seen to be resolved.
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
        """What identifies it among the open problems."""
        return self.rule, self.subject

    @property
    def end(self) -> str:
        """How it ended, in words for people."""
        return f"No longer watched ({self.ended})" if self.ended else "Resolved"


def told_once(problems: Iterable[Problem]) -> list[Problem]:
    """Merge the records that several dashboards with one history made of the same problem.

    Their records have the same rule and subject, and overlap in time. The problem is cleared once
    one dashboard cleared it: one that still finds it raises it again.
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
