"""Notices is who is told what: together, not again within the cool-down, and that it is over. Pure.

Muted problems are not told; nor is the end of what nobody was told of.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from flower_ng.health.engine import ProblemChanges
from flower_ng.health.problem import Problem

#: A rule and a subject.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Notice:
    """One message: what is wrong now, and what is over; a `test` has neither."""

    raised: tuple[Problem, ...] = ()
    cleared: tuple[Problem, ...] = ()
    test: bool = False

    @property
    def text(self) -> str:
        """The whole in a few words, for people."""
        if self.test:
            return "flower_ng: this is a test"
        over = [f"{one.end}: {line(one)}" for one in self.cleared]
        return "\n".join([*map(line, self.raised), *over])

    @property
    def title(self) -> str:
        """What it is about: the only thing, or how many there are."""
        if self.test:
            return "a test"
        if len(self.raised) + len(self.cleared) == 1:
            return self.text
        told = [f"{len(self.raised)} problems"] if self.raised else []
        return ", ".join([*told, *([f"{len(self.cleared)} resolved"] if self.cleared else [])])

    @property
    def story(self) -> str:
        """The whole for people: what is wrong, what to do, and what is over."""
        if self.test:
            return "This is a test from flower_ng: problems will be reported here."
        wrong = [f"{line(one)}\n{one.advice}" for one in self.raised]
        over = [f"{one.end}: {line(one)}" for one in self.cleared]
        return "\n\n".join([*wrong, *over])


def line(problem: Problem) -> str:
    """Return what is wrong with what."""
    return f"{problem.title} {problem.subject}".rstrip()


class NoticeDigest:
    """Gathers verdicts; `due` gives what is to be told now."""

    def __init__(self, cool_down_s: float) -> None:
        self._cool_down_s = cool_down_s
        self._raised: dict[Key, Problem] = {}
        self._cleared: dict[Key, Problem] = {}
        self._told_at: dict[Key, float] = {}
        self._open: set[Key] = set()

    def adopt(self, problems: Iterable[Problem], past: Iterable[Problem] = ()) -> None:
        """Take these as told: they were there before a restart, some of them over by then.

        What returns is told again after the cool-down, as it would be without the restart.
        """
        known = [one for one in problems if one.mute is None]
        self._open.update(one.key for one in known)
        for one in (*known, *past):
            self._told_at[one.key] = max(one.raised, self._told_at.get(one.key, 0.0))

    def take(self, verdict: ProblemChanges) -> None:
        """Take note of what was raised and cleared."""
        for problem in verdict.raised:
            if self._cleared.pop(problem.key, None) is None:
                self._raised[problem.key] = problem
        for problem in verdict.cleared:
            if self._raised.pop(problem.key, None) is None and problem.key in self._open:
                self._cleared[problem.key] = problem

    def due(self, now: float, muted: Collection[Key] = ()) -> Notice | None:
        """Return what is to be told now, None where there is nothing; it counts as told."""
        self._told_at = {
            key: at for key, at in self._told_at.items() if now - at < self._cool_down_s
        }
        untold = [key for key in self._raised if key not in self._told_at and key not in muted]
        raised = [self._raised.pop(key) for key in untold]
        cleared = list(self._cleared.values())
        for problem in raised:
            self._told_at[problem.key] = now
            self._open.add(problem.key)
        self._open.difference_update(self._cleared)
        self._cleared.clear()
        return Notice(tuple(raised), tuple(cleared)) if raised or cleared else None
