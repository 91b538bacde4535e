"""ItemAction is what a batch does to each of its tasks. On the loop."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias


class Unsure(Exception):  # noqa: N818 - it is an outcome, not a fault
    """Raised by what was carried out: whether it was done is not known, for the reason it tells."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is about to be done to one task.

    `carry_out` does it and returns what is worth a note, mostly nothing; it is given the id that a
    new task is to have. It raises Unsure where it is not known whether it was done, and the batch
    goes on. `queue` is where that goes, empty where that is not known or nothing goes anywhere.
    """

    carry_out: Callable[[str], Awaitable[str]]
    queue: str = ""
    sends_task: bool = False


#: Plans what to do to the task of an id; raises the AnswerError that says why it is refused.
ItemAction: TypeAlias = Callable[[str], Awaitable[Step]]
