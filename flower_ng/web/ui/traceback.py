"""Splits a traceback's text into the frames of one's own code and those of libraries; pure."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Final

_FRAME: Final = re.compile(r'\s*(?:[|+]\s*)*File "(?P<file>[^"]+)", line \d+')
#: Where Python keeps what is installed, and what came with it.
_LIBRARY: Final = re.compile(r"[/\\](?:site|dist)-packages[/\\]|[/\\]lib[/\\]python\d|^<frozen ")
#: What belongs to the frame above it: its code and the marks below that.
_INDENTED: Final = re.compile(r"(?:[ \t]{4}|\s*\|[ \t]{5})")


@dataclass(frozen=True, slots=True)
class TracebackPart:
    """Lines that belong together; `frames` says how many library calls they are, 0 for others."""

    text: str
    frames: int = 0


def parts(text: str) -> tuple[TracebackPart, ...]:
    """Return the parts in their order; joined by newlines they are the text.

    Where no frame is of one's own code, nothing is told apart: all of it is one part.
    """
    lines = list(_marked(text.split("\n")))
    kinds = {kind for kind, _ in lines}
    if not {"own", "library"} <= kinds:
        return (TracebackPart(text),)
    return tuple(
        _part([line for _, line in stretch], is_library=is_library)
        for is_library, stretch in groupby(lines, key=lambda line: line[0] == "library")
    )


def _part(lines: list[str], *, is_library: bool) -> TracebackPart:
    frames = sum(_FRAME.match(line) is not None for line in lines) if is_library else 0
    return TracebackPart("\n".join(lines), frames)


def _marked(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Each line with whose it is: `own`, `library` or `words`."""
    kind = "words"
    for line in lines:
        if found := _FRAME.match(line):
            kind = "library" if _LIBRARY.search(found["file"]) else "own"
        elif not _INDENTED.match(line):
            kind = "words"
        yield kind, line
