"""The words, operators and parentheses of a search text. Pure."""

import re
from dataclasses import dataclass

from flower_ng.errors import SearchError

#: One token: a parenthesis with or without a dash, or a run of escapes, phrases (the last may lack
#: its end) and others. Nothing follows the run, so that it never has to go back.
_TOKEN = re.compile(r'-?\(|\)|(?:\\["\\]|"(?:\\["\\]|[^"])*(?:"|\Z)|[^\s()"])+')
#: One piece of a word: an escape, a phrase, or what stands bare.
_PIECE = re.compile(r'\\(["\\])|"((?:\\["\\]|[^"])*)(?:"|\Z)|([^"\\]+|\\)')
_ESCAPED = re.compile(r'\\(["\\])')
_MARK = re.compile(r'\\["\\]|(?P<quote>")')
_OPERATORS = frozenset({"(", ")", "AND", "OR", "NOT"})


@dataclass(frozen=True, slots=True)
class Token:
    """A parenthesis, an operator or a word; `kind` is `(`, `)`, AND, OR, NOT or word.

    `text` is a word without its quotes and escapes; `bare` is as long, with a blank for each
    character that was quoted or escaped. `position` is 0-based, behind a dash that negates.
    """

    kind: str
    text: str
    bare: str
    position: int
    is_negated: bool = False


def tokens(text: str) -> list[Token]:
    """Return the tokens of a search text, in time linear in its length.

    Raises SearchError where a phrase does not end.
    """
    return [_token(match[0], match.start()) for match in _TOKEN.finditer(text)]


def _token(raw: str, position: int) -> Token:
    if raw in _OPERATORS:
        return Token(raw, raw, raw, position)
    if raw == "-(":
        return Token("(", "(", "(", position + 1, is_negated=True)
    if sum(mark["quote"] is not None for mark in _MARK.finditer(raw)) % 2:
        raise SearchError(
            "Unterminated quoted phrase", position, 'A quote ends a phrase; \\" is one to find'
        )
    if raw.startswith("-"):
        return _word(raw[1:], position + 1, is_negated=True)
    return _word(raw, position, is_negated=False)


def _word(raw: str, position: int, *, is_negated: bool) -> Token:
    pieces = [_piece(match) for match in _PIECE.finditer(raw)]
    text, bare = ("".join(parts) for parts in zip(*pieces, strict=True)) if pieces else ("", "")
    return Token("word", text, bare, position, is_negated)


def _piece(match: re.Match[str]) -> tuple[str, str]:
    """Return a piece's text, and the same with blanks for what was quoted."""
    escaped, phrase, bare = match.groups()
    if bare is not None:
        return bare, bare
    text = escaped or _ESCAPED.sub(r"\1", phrase)
    return text, " " * len(text)
