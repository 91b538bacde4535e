"""Parses the text of a search into conditions, and suggests what was meant by it. Pure.

The grammar is Flower's, with negation and more fields: adjacent words must all match, `OR` binds
weaker than `AND`, `NOT` or a dash before a word or a group negates, parentheses group, quotes make
phrases, `field:value` looks in one field. Bounded in characters, tokens and nesting, so that no
text takes long to parse, and no tree is deep. Flower takes `x:y` for text where x is no field, and
any word for a state; so do we, and say so.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from flower_ng.errors import SearchError
from flower_ng.search.conditions import AllOf, AnyOf, Not, Search
from flower_ng.search.fields import FIELDS, FLOWERS, STATES, field_named
from flower_ng.search.values import BLANK, Field, FieldValue
from flower_ng.search.values import word as text_anywhere

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


MAX_CHARACTERS = 2048
MAX_TOKENS = 128
MAX_NESTING = 5

PARENTHESES = 'Parentheses group words; in quotes they are text, as in "f(x)"'
OPERATORS = 'AND, OR and NOT stand between words; in quotes they are words, as in "AND"'
NEGATION = 'A dash negates what follows; in quotes it is text, as in "-x"'


def parse_search(text: str) -> Search | None:
    """Return what a search text asks for, None when it is blank.

    Raises SearchError: what is wrong (Flower's words, where Flower has the rule), the 0-based
    position where one can be named, and a hint.
    """
    if len(text) > MAX_CHARACTERS:
        raise SearchError(f"Query exceeds {MAX_CHARACTERS} characters")
    found = tokens(text)
    if len(found) > MAX_TOKENS:
        raise SearchError(f"Query exceeds {MAX_TOKENS} tokens")
    return _Parser(found).whole() if found else None


class _Parser:
    """Goes through the tokens once, from the left; one method for each level of the grammar."""

    def __init__(self, found: list[Token]) -> None:
        self._tokens = found
        self._next = 0
        self._nesting = 0

    def whole(self) -> Search:
        found = self._any_of()
        if self._next < len(self._tokens):
            stray = self._tokens[self._next]
            raise SearchError(f"Unexpected {stray.text!r}", stray.position, PARENTHESES)
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
        is_negated = False
        while negation := self._take("NOT"):
            self._expect_term_after(negation)
            is_negated = not is_negated
        if token := self._take("(") or self._take("word"):
            found = self._group(token) if token.kind == "(" else _condition(token)
            return Not(found) if is_negated != token.is_negated else found
        raise SearchError("Expected a search term", self._position(), OPERATORS)

    def _group(self, opening: Token) -> Search:
        self._nesting += 1
        if self._nesting > MAX_NESTING:
            raise SearchError(f"Query nesting exceeds {MAX_NESTING} levels", opening.position)
        if self._kind() == ")":
            raise SearchError("Empty group", opening.position, PARENTHESES)
        found = self._any_of()
        if not self._take(")"):
            raise SearchError("Missing closing parenthesis", opening.position, PARENTHESES)
        self._nesting -= 1
        return found

    def _expect_term_after(self, operator: Token) -> None:
        if self._kind() in {None, "AND", "OR", ")"}:
            message = f"{operator.text} must be followed by a search term"
            raise SearchError(message, operator.position, OPERATORS)

    def _kind(self) -> str | None:
        return self._tokens[self._next].kind if self._next < len(self._tokens) else None

    def _take(self, kind: str) -> Token | None:
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


def _condition(word: Token) -> Search:
    if word.is_negated and (not word.text or word.bare.startswith("-")):
        raise SearchError("'-' must be followed by a search term", word.position - 1, NEGATION)
    if not word.text:
        raise SearchError("Empty search term", word.position, BLANK)
    head, colon, text = word.text.partition(":")
    field = _field(word, head) if colon else None
    if field is None:
        return text_anywhere(word.text, word.position)
    if not text:
        hint = f"Write {field.name}: and the value without a blank, as in {field.example}"
        raise SearchError("Search qualifier requires a value", word.position, hint)
    behind = len(head) + 1
    value = FieldValue(text, word.bare[behind:], word.position, word.position + behind)
    return field.kind.read(field, value)


def _field(word: Token, head: str) -> Field | None:
    """Return the field that the word begins with; in quotes only those of Flower are fields."""
    is_bare = word.bare.startswith(f"{head}:")
    return field_named(head) if is_bare or head.casefold() in FLOWERS else None


#: Words that other tools have for our fields.
_FIELDS: Final[Mapping[str, str]] = {
    "status": "state",
    "task": "name",
    "taskname": "name",
    "task_name": "name",
    "type": "name",
    "host": "worker",
    "hostname": "worker",
    "workername": "worker",
    "arg": "args",
    "kwarg": "kwargs",
    "exc": "exception",
    "err": "exception",
    "error": "exception",
    "trace": "traceback",
    "taskid": "id",
    "task_id": "id",
    "root_id": "root",
    "parent_id": "parent",
    "duration": "runtime",
}
#: Words that people have for Celery's states.
_STATES: Final[Mapping[str, str]] = {
    "failed": "FAILURE",
    "fail": "FAILURE",
    "error": "FAILURE",
    "succeeded": "SUCCESS",
    "successful": "SUCCESS",
    "done": "SUCCESS",
    "ok": "SUCCESS",
    "running": "STARTED",
    "active": "STARTED",
    "waiting": "RECEIVED",
    "queued": "PENDING",
    "retried": "RETRY",
    "retrying": "RETRY",
    "cancelled": "REVOKED",
    "canceled": "REVOKED",
}
_NAMES: Final = [name for field in FIELDS for name in (field.name, *field.aliases)]
_HEAD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: How alike two words are, from 0 to 1, of which one is taken for the other misspelt.
_ALIKE: Final = 0.8


@dataclass(frozen=True, slots=True)
class SearchSuggestion:
    """Why a word may be a mistake, at its 0-based position, and the search that was likely meant.

    A word that names no `field` is searched as text, so it may match much more than was meant.
    """

    message: str
    position: int
    instead: str
    is_field: bool


def suggestions(text: str) -> tuple[SearchSuggestion, ...]:
    """Return the suggestions about a search that can be parsed; what is in quotes is meant so."""
    return tuple(doubt for token in tokens(text) for doubt in _doubts(text, token))


def _doubts(text: str, word: Token) -> Iterator[SearchSuggestion]:
    head, colon, value = word.text.partition(":")
    if word.kind != "word" or not colon or word.bare != word.text:
        return
    name = head if field_named(head) else _meant_field(head)
    state = _meant_state(value) if name.casefold() == "state" else ""
    end = word.position + len(word.text)
    instead = f"{text[: word.position]}{name}:{state or value}{text[end:]}"
    if name and name != head:
        message = f"No field {head}; did you mean {name}:?"
        yield SearchSuggestion(message, word.position, instead, is_field=True)
    elif state:
        message = f"{value} is none of Celery's states; did you mean {state}?"
        yield SearchSuggestion(message, word.position, instead, is_field=False)


def _meant_field(head: str) -> str:
    """Return the field that a word without meaning is likely to mean, empty where none."""
    if not _HEAD.fullmatch(head):
        return ""
    name = head.lower()
    near = get_close_matches(name, _NAMES, n=1, cutoff=_ALIKE)
    return _FIELDS.get(name) or (near[0] if near else "")


def _meant_state(value: str) -> str:
    """Return the state that a word is likely to mean, empty where it is one or like none."""
    word = value.casefold()
    known = {state.casefold(): state for state in STATES}
    if not value.isascii() or word in known:
        return ""
    near = get_close_matches(word, known, n=1, cutoff=_ALIKE)
    return _STATES.get(word) or (known[near[0]] if near else "")
