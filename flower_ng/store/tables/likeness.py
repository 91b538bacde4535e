"""What exceptions of one kind have in common: their words, without what differs each time. Pure."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from flower_ng.store.search.values import parsed
from flower_ng.store.tables.texts import LINE_LENGTH

#: Between the arguments of an exception that has several.
BETWEEN: Final = " · "
#: Literal pieces that are shorter tell nothing; so many of the longest are searched for.
_LEAST, _PIECES = 4, 4

#: What stands for what, in the order in which it is looked for: each begins where nothing that
#: it could be a part of goes on, so that a text is gone through once.
_PARTS: Final = {
    "value": r"(?<!\w)(?:'[^']*'|\"[^\"]*\"|`[^`]*`)(?!\w)",
    "address": (
        r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)*"
        r"|(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.])(?::\d+)?"
    ),
    "id": (
        r"(?<![0-9a-zA-Z])[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?![0-9a-zA-Z])"
        r"|(?<![A-Za-z0-9_])(?=(?:[A-Za-z_]*[0-9]){3})[A-Za-z0-9_]{20,}"
    ),
    "time": (
        r"(?<!\d)\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\d)"
        r"|(?<![\d:])\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?![\d:])"
    ),
    "ip": (r"(?<![\w:])(?=[0-9a-fA-F:]*[0-9])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4}(?![\w:])"),
    "hex": (
        r"(?<![0-9a-zA-Z])(?:0[xX][0-9a-fA-F]+"
        r"|(?=[0-9]*[a-fA-F])(?=[a-fA-F]*[0-9])[0-9a-fA-F]{8,})(?![0-9a-zA-Z])"
    ),
    "n": r"(?:(?<![\w.)])[-+])?[0-9]+(?:[.,][0-9]+)*(?:[eE][-+]?[0-9]+)?",
}
_DIFFERS: Final = re.compile("|".join(f"(?P<{name}>{part})" for name, part in _PARTS.items()))
_MARK: Final = re.compile(r"\{(?:value|address|id|time|hex|n)\}|…")
#: An exception of one text without escapes, as most are: to parse it takes ten times as long.
_PLAIN: Final = re.compile(r"[A-Za-z_][\w.]*\((?:'([^'\\]*)'|\"([^\"\\]*)\"),?\)", re.DOTALL)
#: Around the arguments in an exception's repr.
_REPR: Final = re.compile(r"<?[A-Za-z_][\w.]*(?:\((?P<arguments>.*)\)|: (?P<text>.*)>)", re.DOTALL)
#: The same of a repr that was cut.
_BEGUN: Final = re.compile(r"[A-Za-z_][\w.]*\(['\"](?P<arguments>.*)", re.DOTALL)


@lru_cache(8192)
def likeness(line: str | None) -> str:
    """Return the first line of an exception with marks for what differs each time.

    `{n}` stands for a number, `{id}`, `{hex}`, `{time}`, `{address}` (of a host or a mailbox) and
    `{value}`, something between quotes, for what their names say. Of a repr, `Class('text')`, it
    is the text; several arguments stand in their order. Empty where there is no text. It takes a
    time that grows with the length, which is bounded.
    """
    text = BETWEEN.join(_arguments((line or "")[:LINE_LENGTH].strip()))
    return _DIFFERS.sub(_mark, text).strip()


def pieces(alike: str) -> list[str]:
    """Return the longest parts of a likeness that stand in each of its texts as they are."""
    found = (one.strip() for part in alike.split(BETWEEN) for one in _MARK.split(part))
    telling = sorted({one for one in found if len(one) >= _LEAST}, key=lambda one: (-len(one), one))
    return telling[:_PIECES]


def _mark(found: re.Match[str]) -> str:
    kind = found.lastgroup
    return "{address}" if kind == "ip" else f"{{{kind}}}"


def _arguments(line: str) -> Iterator[str]:
    """Yield the texts that an exception was made of."""
    if plain := _PLAIN.fullmatch(line):
        yield plain[1] or plain[2] or ""
        return
    found = _REPR.fullmatch(line)
    if found is None:
        begun = _BEGUN.fullmatch(line)
        yield line if begun is None else begun["arguments"]
        return
    if found["text"] is not None:
        yield found["text"]
        return
    told = parsed(f"({found['arguments'].rstrip(',')},)") if found["arguments"] else ()
    if not isinstance(told, tuple):
        yield found["arguments"].strip("'\"")
        return
    for one in told:
        yield str(one) if isinstance(one, str | int | float) else repr(one)
