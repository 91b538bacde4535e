"""Check is the result of one of the doctor's checks, and Report all of them. Frozen, pure."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class CheckMark(StrEnum):
    """The result of a check, worst first.

    A note needs no action: it says that more would be possible with another setting.
    """

    BROKEN = "broken"
    ATTENTION = "attention"
    UNKNOWN = "cannot be known"
    NOTE = "note"
    OK = "ok"


#: Exit codes of `flower-ng doctor`; all other marks end with 0.
CODES: Final = {CheckMark.BROKEN: 2, CheckMark.ATTENTION: 1}


@dataclass(frozen=True, slots=True)
class Check:
    """One line: `said` is the evidence, `setting` what changes it, empty where nothing does.

    `subjects` are the workers or queues that it is about; empty for the broker and other single
    things.
    """

    area: str
    name: str
    mark: CheckMark
    said: str
    setting: str = ""
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The checks of one examination, which began at `at` (UTC seconds) and took `took_s`."""

    at: float
    took_s: float
    checks: tuple[Check, ...]

    @property
    def code(self) -> int:
        """The exit code: 2 where something is broken, 1 where something needs attention."""
        return max((CODES.get(check.mark, 0) for check in self.checks), default=0)

    @property
    def counts(self) -> dict[CheckMark, int]:
        """The number of checks with each mark, worst first; marks without checks are left out."""
        found = [check.mark for check in self.checks]
        return {mark: found.count(mark) for mark in CheckMark if mark in found}


def together(checks: Iterable[Check]) -> Iterator[Check]:
    """Merge checks that differ only in their subjects, in the order of their first occurrence."""
    subjects: dict[Check, list[str]] = {}
    for check in checks:
        subjects.setdefault(replace(check, subjects=()), []).extend(check.subjects)
    for check, names in subjects.items():
        yield replace(check, subjects=tuple(names))
