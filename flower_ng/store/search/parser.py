"""The search text: its words and what they ask for. Pure.

The grammar is Flower's, with negation and more fields: adjacent words must all match, `OR` binds
weaker than `AND`, `NOT` or a dash before a word or a group negates, parentheses group, quotes make
phrases, `field:value` looks in one field. Bounded in characters, tokens and nesting, so that no
text takes long to parse, and no tree is deep.
"""

from flower_ng.errors import SearchError
from flower_ng.store.search.conditions import AllOf, AnyOf, Not, Search
from flower_ng.store.search.fields import FLOWERS, field_named
from flower_ng.store.search.tokens import Token, tokens
from flower_ng.store.search.values import BLANK, Field, Value
from flower_ng.store.search.values import word as text_anywhere

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
    value = Value(text, word.bare[behind:], word.position, word.position + behind)
    return field.kind.read(field, value)


def _field(word: Token, head: str) -> Field | None:
    """Return the field that the word begins with; in quotes only those of Flower are fields."""
    is_bare = word.bare.startswith(f"{head}:")
    return field_named(head) if is_bare or head.casefold() in FLOWERS else None
