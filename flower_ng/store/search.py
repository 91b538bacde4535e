"""The search text: its words and what they ask for. Pure.

The grammar is Flower's: adjacent words must all match, `OR` binds weaker than `AND`, parentheses
group, quotes make phrases, `field:value` looks in one field, `kwargs:key=value` in one pair.
"""

import re
from dataclasses import dataclass
from typing import TypeAlias

from flower_ng.errors import SearchError

MAX_CHARACTERS = 2048
MAX_TOKENS = 128
MAX_NESTING = 5
MIN_SUBSTRING = 3

#: Where an ordinary word is looked for.
WORD_FIELDS = ("uuid", "name", "state", "worker", "args", "kwargs", "result")
#: The fields that can be named.
QUALIFIERS = frozenset({"name", "state", "worker", "args", "kwargs", "result"})


@dataclass(frozen=True, slots=True)
class Word:
    """The case-folded `text` stands somewhere in one of the WORD_FIELDS."""

    text: str


@dataclass(frozen=True, slots=True)
class InField:
    """The case-folded `text` stands somewhere in `field`."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class IsState:
    """The state is the case-folded `text`."""

    text: str


@dataclass(frozen=True, slots=True)
class HasPair:
    """The keyword arguments hold the case-folded `"key=value"`."""

    text: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part matches."""

    parts: "tuple[Search, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of the parts matches."""

    parts: "tuple[Search, ...]"


Search: TypeAlias = Word | InField | IsState | HasPair | AllOf | AnyOf


def parse_search(text: str) -> Search | None:
    """Return what a search text asks for, None when it is blank.

    Raises SearchError with Flower's message and, where one can be named, the 0-based position.
    """
    if len(text) > MAX_CHARACTERS:
        raise SearchError(f"Query exceeds {MAX_CHARACTERS} characters")
    tokens = _tokens(text)
    if len(tokens) > MAX_TOKENS:
        raise SearchError(f"Query exceeds {MAX_TOKENS} tokens")
    return _Parser(tokens).whole() if tokens else None


@dataclass(frozen=True, slots=True)
class _Token:
    """A parenthesis, or a word without its quotes; `kind` is `(`, `)`, AND, OR, NOT or word."""

    kind: str
    text: str
    position: int


#: One token: a parenthesis, or a run of escapes, phrases (the last may lack its end) and others.
_TOKEN = re.compile(r'[()]|(?:\\["\\]|"(?:\\["\\]|[^"])*(?:"|\Z)|[^\s()"])+')
_PHRASE = re.compile(r'\\(?P<escaped>["\\])|(?P<quote>")')
_KEYWORDS = frozenset({"(", ")", "AND", "OR", "NOT"})


def _tokens(text: str) -> list[_Token]:
    return [_token(match[0], match.start()) for match in _TOKEN.finditer(text)]


def _token(raw: str, position: int) -> _Token:
    if raw in _KEYWORDS:
        return _Token(raw, raw, position)
    unquoted = _PHRASE.sub(lambda mark: mark["escaped"] or "", raw)
    quotes = sum(mark["quote"] is not None for mark in _PHRASE.finditer(raw))
    if quotes % 2:
        raise SearchError("Unterminated quoted phrase", position)
    return _Token("word", unquoted, position)


class _Parser:
    """Goes through the tokens once, from the left; one method for each level of the grammar."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._nesting = 0

    def whole(self) -> Search:
        found = self._any_of()
        if self._next < len(self._tokens):
            stray = self._tokens[self._next]
            raise SearchError(f"Unexpected {stray.text!r}", stray.position)
        return found

    def _any_of(self) -> Search:
        parts = [self._all_of()]
        while operator := self._take("OR"):
            self._expect_term_after(operator)
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))

    def _all_of(self) -> Search:
        parts = [self._term()]
        while self._kind() not in {None, "OR", ")"}:
            if operator := self._take("AND"):
                self._expect_term_after(operator)
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else AllOf(tuple(parts))

    def _term(self) -> Search:
        if opening := self._take("("):
            return self._group(opening)
        if negation := self._take("NOT"):
            raise SearchError("NOT is not supported", negation.position)
        if word := self._take("word"):
            return _condition(word)
        raise SearchError("Expected a search term", self._position())

    def _group(self, opening: _Token) -> Search:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise SearchError(f"Query nesting exceeds {MAX_NESTING} levels", opening.position)
        if self._kind() == ")":
            raise SearchError("Empty group", opening.position)
        found = self._any_of()
        if not self._take(")"):
            raise SearchError("Missing closing parenthesis", opening.position)
        self._nesting -= 1
        return found

    def _expect_term_after(self, operator: _Token) -> None:
        if self._kind() in {None, "AND", "OR", ")"}:
            message = f"{operator.text} must be followed by a search term"
            raise SearchError(message, operator.position)

    def _kind(self) -> str | None:
        return self._tokens[self._next].kind if self._next < len(self._tokens) else None

    def _take(self, kind: str) -> _Token | None:
        if self._kind() != kind:
            return None
        self._next += 1
        return self._tokens[self._next - 1]

    def _position(self) -> int:
        """Return where the next token stands; at the end, where the text ends."""
        if self._next < len(self._tokens):
            return self._tokens[self._next].position
        last = self._tokens[-1]
        return last.position + len(last.text)


def _condition(word: _Token) -> Search:
    if not word.text:
        raise SearchError("Empty search term", word.position)
    if word.text.startswith("-"):
        raise SearchError("Negation with '-' is not supported", word.position)
    head, colon, value = word.text.partition(":")
    field = head.casefold()
    if not colon or field not in QUALIFIERS:
        return Word(_substring(word.text, word.position))
    if not value:
        raise SearchError("Search qualifier requires a value", word.position)
    return _qualified(field, value, word.position)


def _qualified(field: str, value: str, position: int) -> Search:
    if field == "state":
        return IsState(value.casefold())
    key, equals, wanted = value.partition("=")
    if field == "kwargs" and equals:
        return HasPair(f"{key.strip()}={wanted.strip()}".casefold())
    return InField(field, _substring(value, position))


def _substring(text: str, position: int) -> str:
    if len(text.strip()) < MIN_SUBSTRING:
        message = f"Substring search terms must contain at least {MIN_SUBSTRING} characters"
        raise SearchError(message, position)
    return text.casefold()
