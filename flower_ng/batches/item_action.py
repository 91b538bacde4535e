"""ItemAction is what a batch does to each of its tasks. On the loop."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Step:
    """What is about to be done to one task.

    `carry_out` does it and returns what is worth a note, mostly nothing; it is given the id that a
    new task is to have. `queue` is where that goes, empty where that is not known or nothing goes
    anywhere.
    """

    carry_out: Callable[[str], Awaitable[str]]
    queue: str = ""
    sends_task: bool = False


#: Plans what to do to the task of an id; raises the AnswerError that says why it is refused.
ItemAction: TypeAlias = Callable[[str], Awaitable[Step]]
