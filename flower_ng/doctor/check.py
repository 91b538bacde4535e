"""Check is one thing that the doctor looked at, and Report all of them. Frozen, pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class Mark(StrEnum):
    """How a check ended, the worst first.

    A note is fine as it is, and less than it could be; it asks for nothing.
    """

    BROKEN = "broken"
    ATTENTION = "attention"
    UNKNOWN = "cannot be known"
    NOTE = "note"
    OK = "ok"


#: The exit code of what asks for something; all else is fine for a script.
CODES: Final = {Mark.BROKEN: 2, Mark.ATTENTION: 1}


@dataclass(frozen=True, slots=True)
class Check:
    """One line: `said` is the evidence, `setting` what changes it, empty where nothing does.

    `subjects` are the workers or queues that it is about; none where there is only one such thing.
    """

    area: str
    name: str
    mark: Mark
    said: str
    setting: str = ""
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found in one look, which began at `at` (UTC seconds) and took `took_s`."""

    at: float
    took_s: float
    checks: tuple[Check, ...]

    @property
    def code(self) -> int:
        """The exit code: 2 where something is broken, 1 where something asks for attention."""
        return max((CODES.get(check.mark, 0) for check in self.checks), default=0)

    @property
    def counts(self) -> dict[Mark, int]:
        """How many checks ended so, the worst first; those that none ended in left out."""
        found = [check.mark for check in self.checks]
        return {mark: found.count(mark) for mark in Mark if mark in found}


def together(checks: Iterable[Check]) -> Iterator[Check]:
    """Yield what is equal but for its subjects as one check, in the order of the first of each."""
    subjects: dict[Check, list[str]] = {}
    for check in checks:
        subjects.setdefault(replace(check, subjects=()), []).extend(check.subjects)
    for check, names in subjects.items():
        yield replace(check, subjects=tuple(names))
