"""NoticeDigest decides which problems go into the next notice, and when. Pure.

Problems are sent together, and not again within the cool-down. Muted ones are not sent, nor is the
end of a problem that was never sent.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from flower_ng.health.engine import ProblemChanges
from flower_ng.health.problem import Problem
from flower_ng.printable import one_line

#: A rule and a subject.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Notice:
    """One message: raised and cleared problems; a `test` has neither."""

    raised: tuple[Problem, ...] = ()
    cleared: tuple[Problem, ...] = ()
    test: bool = False

    @property
    def text(self) -> str:
        """A short text: one line per problem."""
        if self.test:
            return "flower_ng: this is a test"
        over = [f"{one_line(one.end)}: {line(one)}" for one in self.cleared]
        return "\n".join([*map(line, self.raised), *over])

    @property
    def title(self) -> str:
        """The title: the only problem, or the number of problems."""
        if self.test:
            return "a test"
        if len(self.raised) + len(self.cleared) == 1:
            return self.text
        told = [f"{len(self.raised)} problems"] if self.raised else []
        return ", ".join([*told, *([f"{len(self.cleared)} resolved"] if self.cleared else [])])

    @property
    def story(self) -> str:
        """The full text: problems with their advice, then those that ended."""
        if self.test:
            return "This is a test from flower_ng: problems will be reported here."
        wrong = [f"{line(one)}\n{one_line(one.advice)}" for one in self.raised]
        over = [f"{one_line(one.end)}: {line(one)}" for one in self.cleared]
        return "\n\n".join([*wrong, *over])


def line(problem: Problem) -> str:
    """Return the title of a problem with its subject, whose name may come from anybody."""
    return one_line(f"{problem.title} {problem.subject}".rstrip())


class NoticeDigest:
    """Collects raised and cleared problems; `due` returns the next notice."""

    def __init__(self, cool_down_s: float) -> None:
        self._cool_down_s = cool_down_s
        self._raised: dict[Key, Problem] = {}
        self._cleared: dict[Key, Problem] = {}
        self._told_at: dict[Key, float] = {}
        self._open: set[Key] = set()

    def adopt(self, problems: Iterable[Problem], past: Iterable[Problem] = ()) -> None:
        """Take problems from before a restart as already sent.

        One that returns is sent again after the cool-down, as it would be without the restart.
        """
        known = [one for one in problems if one.mute is None]
        self._open.update(one.key for one in known)
        for one in (*known, *past):
            self._told_at[one.key] = max(one.raised, self._told_at.get(one.key, 0.0))

    def take(self, verdict: ProblemChanges) -> None:
        """Take the problems that were raised and cleared."""
        for problem in verdict.raised:
            if self._cleared.pop(problem.key, None) is None:
                self._raised[problem.key] = problem
        for problem in verdict.cleared:
            if self._raised.pop(problem.key, None) is None and problem.key in self._open:
                self._cleared[problem.key] = problem

    def due(self, now: float, muted: Collection[Key] = ()) -> Notice | None:
        """Return the notice to send now, None where there is nothing; it then counts as sent."""
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
