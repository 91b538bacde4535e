"""Terms are the parts of a search that must all match: read, added, taken away; pure."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from flower_ng.errors import SearchError
from flower_ng.search import AllOf, Compare, Is, Search, Token, tokens
from flower_ng.store import parse_search

#: How the whole value of a column is searched for.
WHOLE: Final = {
    "state": "state:",
    "name": "name:=",
    "worker": "worker:=",
    "queue": "queue:=",
    "exception_class": "exception:=",
    "exchange": "exchange:=",
    "routing_key": "routing_key:=",
}
#: What ends a word, or stands for something else in it; blanks are all that Unicode has.
_SPECIAL: Final = re.compile(r'[\s()"\\]')


def quoted(value: str) -> str:
    """A value as one word of a search."""
    if not _SPECIAL.search(value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def exact_term(column: str, value: str) -> str:
    """The term for tasks with this value in one of the columns of WHOLE."""
    return f"{WHOLE[column]}{quoted(value)}"


def terms(text: str) -> tuple[str, ...]:
    """The parts of a search that must all match; alternatives are one part, in parentheses.

    Raises SearchError for what is no search.
    """
    if parse_search(text) is None:
        return ()
    found = tokens(text)
    depths = list(_depths(found))
    top = [token for token, depth in zip(found, depths, strict=True) if not depth]
    if any(token.kind == "OR" for token in top):
        return (f"({text.strip()})",)
    return tuple(_terms(text, found, depths))


def _start(token: Token) -> int:
    return token.position - token.is_negated


def _depths(found: Sequence[Token]) -> Iterator[int]:
    """Yield in how many groups each token is; what opens and ends a group is in it."""
    depth = 0
    for token in found:
        depth += token.kind == "("
        yield depth
        depth -= token.kind == ")"


def _terms(text: str, found: Sequence[Token], depths: Sequence[int]) -> Iterator[str]:
    """Yield the terms: groups with all that is in them, words with the NOT before them."""
    ends = [*map(_start, found[1:]), len(text)]
    begin: int | None = None
    for token, depth, end in zip(found, depths, ends, strict=True):
        if token.kind == "AND" and not depth:
            continue
        begin = _start(token) if begin is None else begin
        is_open = depth > (token.kind == ")" and depth == 1)
        if not is_open and token.kind != "NOT":
            yield text[begin:end].strip()
            begin = None


def value_of(text: str, column: str) -> str | None:
    """The value, folded, that a column must have as a whole; None where the search wants none."""
    found = (parse_search(term) for term in terms(text))
    return next((one.text for one in found if isinstance(one, Is) and one.column == column), None)


def with_value(text: str, column: str, value: str) -> str:
    """The search narrowed to one value of a column, whatever value it wanted of it before."""
    return f"{without_value(text, column)} {exact_term(column, value)}".strip()


def without_value(text: str, column: str) -> str:
    """The search for tasks with any value of a column."""
    return _without(text, lambda found: isinstance(found, Is) and found.column == column)


def with_received(text: str, period: str) -> str:
    """The search narrowed to tasks received in a period, as `-1h..`; empty for any time."""
    kept = _without(text, _is_received)
    return f"{kept} received:{period}".strip() if period else kept


def received(text: str) -> str:
    """The period that the search names, as it does, empty where it names none."""
    found = [term for term in terms(text) if _is_received(parse_search(term))]
    return " ".join(term.partition(":")[2] for term in found)


def _without(text: str, is_gone: Callable[[Search | None], bool]) -> str:
    return " ".join(term for term in terms(text) if not is_gone(parse_search(term)))


def _is_received(found: Search | None) -> bool:
    if isinstance(found, AllOf):
        return all(map(_is_received, found.parts))
    return isinstance(found, Compare) and found.quantity == "received"


def parted(text: str) -> str:
    """The search in a form to which further terms can be added; one that is wrong stays so."""
    try:
        return " ".join(terms(text))
    except SearchError:
        return text
