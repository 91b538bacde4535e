"""Problem is what a rule found and what became of it: since when, until when, muted by whom."""

from dataclasses import dataclass

from flower_ng.health.rule import About, Evidence, Severity


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

    `cleared` is None while it lasts. `evidence` is as of `seen`, when the rule last held.
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

    @property
    def key(self) -> tuple[str, str]:
        """What tells it from all others that last."""
        return self.rule, self.subject
