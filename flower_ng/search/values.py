"""Parses the values of search fields, and those that workers write into events. Pure.

Celery writes arguments and results by its saferepr: nearly Python, not quite. It puts strings
between single quotes and escapes only those: a backslash, a line break or a control character
stands in the text as it is. Python's own repr, of objects inside of others, escapes all.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, TypeAlias

from flower_ng.errors import SearchError
from flower_ng.search.conditions import AnyOf, Begins, Has, HasPair, InField, Is, Search, Word
from flower_ng.search.ranges import BoundsError, Read, compared, shown

#: What workers wrote as values: a text may stand there in other forms than a page shows.
VALUES: Final = frozenset({"args", "kwargs", "result", "exception"})
BLANK: Final = 'Quotes must have something between them, as in "a b"'


@dataclass(frozen=True, slots=True)
class FieldValue:
    """What stands behind the colon; in `bare` a blank stands for each quoted character.

    `start` is the 0-based position of the whole word, `position` that of the value.
    """

    text: str
    bare: str
    start: int
    position: int


@dataclass(frozen=True, slots=True)
class FieldKind:
    """What the fields of one kind take; `forms` are what may be written, and what that means."""

    takes: str
    forms: Mapping[str, str]
    read: "Reader"


@dataclass(frozen=True, slots=True)
class Field:
    """A word that may stand before a colon.

    `about` says what it looks at: `column`, or the quantity of that name; `=` looks at
    `whole_column` where there is one. `values` are those that it knows.
    """

    name: str
    kind: FieldKind
    column: str
    about: str
    example: str
    aliases: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    whole_column: str = ""


#: Makes a condition of what was typed; SearchError where it means nothing.
Reader: TypeAlias = Callable[[Field, FieldValue], Search]


def word(text: str, position: int) -> Search:
    """Read a text that stands somewhere in one of the columns of words."""
    return _any(Word, _folded(written(_substring(text, position))))


def part(field: Field, value: FieldValue) -> Search:
    """Read a text that stands somewhere in the column."""
    shown = _substring(value.text, value.start)
    return _any(partial(InField, field.column), _written(field.column, shown))


def _substring(text: str, position: int) -> str:
    """Return a text to look for, folded; SearchError where it is blank."""
    if not text.strip():
        raise SearchError("Empty search term", position, BLANK)
    return text.casefold()


def _written(column: str, shown: str) -> tuple[str, ...]:
    return _folded(written(shown)) if column in VALUES else (shown,)


def _folded(forms: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(form.casefold() for form in forms))


def _any(condition: Callable[[str], Search], forms: Sequence[str]) -> Search:
    parts = tuple(map(condition, forms))
    return parts[0] if len(parts) == 1 else AnyOf(parts)


def text(field: Field, value: FieldValue) -> Search:
    """Read `x` as somewhere in the column, `=x` as all of it, `x*` as how it begins."""
    if value.bare.startswith("="):
        return Is(field.whole_column or field.column, value.text[1:].casefold())
    if value.bare == "*":
        return Has(field.column)
    if value.bare.endswith("*"):
        begin = value.text[:-1].casefold()
        return _any(partial(Begins, field.column), _written(field.column, begin))
    return part(field, value)


def whole(field: Field, value: FieldValue) -> Search:
    """Read all of the column's text."""
    return Is(field.column, value.text.casefold())


def pair(field: Field, value: FieldValue) -> Search:
    """Read `key=value` as one keyword argument, else a text somewhere in them."""
    key, equals, wanted = value.text.partition("=")
    if equals:
        return _pair(key.strip(), wanted.strip())
    return part(field, value)


def argument(field: Field, value: FieldValue) -> Search:
    """Read all of one keyword argument, or `x*`, how it begins; `field` is named by its path."""
    if value.bare.startswith(("<", ">")):
        hint = "They are kept as text; in quotes, '<' and '>' are part of it"
        raise SearchError("Keyword arguments cannot be compared", value.position, hint)
    path = field.name.partition(".")[2]
    if value.bare.endswith("*"):
        return _pair(path, value.text[:-1].lstrip(), is_whole=False)
    return _pair(path, value.text.strip())


def _pair(key: str, wanted: str, *, is_whole: bool = True) -> Search:
    pairs = [f"{key}={form}".casefold() for form in dict.fromkeys((wanted, unescaped(wanted)))]
    return _any(partial(HasPair, is_whole=is_whole), pairs)


def bounded(read: Read) -> Reader:
    """Return a reader of comparisons and ranges of amounts."""

    def limited(field: Field, value: FieldValue) -> Search:
        try:
            return compared(field.column, value.text, read)
        except BoundsError as error:
            hint = f"Write {', '.join(f'{field.name}:{form}' for form in field.kind.forms)}"
            raise SearchError(str(error), value.position, hint) from None

    return limited


def one_of(known: Mapping[str, Search]) -> Reader:
    """Return a reader of names."""

    def named(field: Field, value: FieldValue) -> Search:
        if found := known.get(value.text.casefold()):
            return found
        hint = f"Write {', '.join(f'{field.name}:{name}' for name in known)}"
        raise SearchError(f"Unknown {shown(value.text)}", value.position, hint)

    return named


#: A string as Celery writes it, without its quotes.
_STRING: Final = re.compile(r"'((?:\\'|[^'])*)'")
#: What makes such a text something else than Python.
_RAW: Final = re.compile(r"[\\\x00-\x1f]")
#: An escape of Python's, or a backslash that begins none.
_BACKSLASH: Final = re.compile(r"""\\([\\'"abfnrtvxuUN0-7\n])?""")
#: What Python's repr writes for a character that can't be seen, or for a backslash.
_ESCAPE: Final = re.compile(r"\\(?:([nrt\\])|x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")
_PLAIN: Final = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\"}


def parsed(text: str) -> Any:
    """Return the value that Celery wrote, None where it can't be read; nothing of it is run."""
    for form in _forms(text):
        try:
            return ast.literal_eval(form)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            continue
    return None


def _forms(text: str) -> Iterator[str]:
    """Yield the text as Python: as Celery means it, then as Python's repr would."""
    if not _RAW.search(text):
        yield text
        return
    yield _STRING.sub(_as_python, text)
    yield _BACKSLASH.sub(lambda found: found[0] if found[1] else r"\\", text)


def _as_python(string: re.Match[str]) -> str:
    return repr(string[1].replace(r"\'", "'"))


def written(shown: str) -> tuple[str, ...]:
    r"""Return how a text that a page shows may stand in what workers send; itself comes first.

    Where a value is shown, it is shown as Python does: a line break as `\n`, a quote bare.
    """
    forms = [shown, unescaped(shown), shown.replace("\\", r"\\")]
    return tuple(dict.fromkeys([*forms, *(form.replace("'", r"\'") for form in forms)]))


def unescaped(shown: str) -> str:
    """Return the value whose repr, without its quotes, is this."""
    return _ESCAPE.sub(_character, shown)


def _character(escape: re.Match[str]) -> str:
    code = escape[2] or escape[3] or escape[4]
    return _PLAIN[escape[1]] if escape[1] else chr(min(int(code, 16), sys.maxunicode))
