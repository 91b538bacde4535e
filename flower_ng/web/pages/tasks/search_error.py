"""Shows what is wrong with a search, and at which character; pure."""

from dataclasses import dataclass
from typing import Final

from flower_ng.errors import AnswerError, SearchError

#: So much of the search is shown on each side of the mistake, and of the word that has it.
SHOWN_CHARACTERS: Final = 60


@dataclass(frozen=True, slots=True)
class Mistake:
    """Why there is no list; the `marked` word of the search stands between its surroundings."""

    message: str
    hint: str = ""
    before: str = ""
    marked: str = ""
    after: str = ""


def mistake(error: AnswerError, search: str) -> Mistake:
    """Show an error, and the part of the search that it speaks of, if it speaks of one."""
    if not isinstance(error, SearchError) or error.position is None:
        return Mistake(error.message, getattr(error, "hint", ""))
    start = min(error.position, len(search))
    words = search[start:].split(maxsplit=1)
    length = min(len(words[0]) if words else 0, SHOWN_CHARACTERS)
    marked, after = search[start : start + length], search[start + length :]
    return Mistake(
        error.message,
        error.hint,
        before=_cut(search[:start][::-1])[::-1],
        marked=marked or "\N{NO-BREAK SPACE}",
        after=_cut(after),
    )


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
