"""How the values of a search's fields are read, by the kind of field. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from flower_ng.errors import SearchError
from flower_ng.store import bounds
from flower_ng.store.conditions import Begins, Has, HasPair, InField, Is, Search

#: Shorter texts would find too much, and no index helps with them.
MIN_SUBSTRING: Final = 3


@dataclass(frozen=True, slots=True)
class Value:
    """What stands behind the colon; in `bare` a blank stands for each quoted character.

    `start` is the 0-based position of the whole word, `position` that of the value.
    """

    text: str
    bare: str
    start: int
    position: int


@dataclass(frozen=True, slots=True)
class Kind:
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
    kind: Kind
    column: str
    about: str
    example: str
    aliases: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    whole_column: str = ""


#: Makes a condition of what was typed; SearchError where it means nothing.
Reader: TypeAlias = Callable[[Field, Value], Search]


def substring(text: str, position: int, hint: str) -> str:
    """Return a text to look for, folded; SearchError where it is too short for that."""
    if len(text.strip()) < MIN_SUBSTRING:
        message = f"Substring search terms must contain at least {MIN_SUBSTRING} characters"
        raise SearchError(message, position, hint)
    return text.casefold()


def part(field: Field, value: Value) -> Search:
    """Read a text that stands somewhere in the column."""
    hint = f"Give more of the text behind '{field.name}:'"
    return InField(field.column, substring(value.text, value.start, hint))


def text(field: Field, value: Value) -> Search:
    """Read `x` as somewhere in the column, `=x` as all of it, `x*` as how it begins."""
    if value.bare.startswith("="):
        return Is(field.whole_column or field.column, value.text[1:].casefold())
    if value.bare == "*":
        return Has(field.column)
    if value.bare.endswith("*"):
        return Begins(field.column, value.text[:-1].casefold())
    shorter = f"{field.name}:=… finds the whole text, {field.name}:…* how it begins"
    return InField(field.column, substring(value.text, value.start, shorter))


def whole(field: Field, value: Value) -> Search:
    """Read all of the column's text."""
    return Is(field.column, value.text.casefold())


def pair(field: Field, value: Value) -> Search:
    """Read `key=value` as one keyword argument, else a text somewhere in them."""
    key, equals, wanted = value.text.partition("=")
    if equals:
        return HasPair(f"{key.strip()}={wanted.strip()}".casefold())
    return part(field, value)


def argument(field: Field, value: Value) -> Search:
    """Read all of one keyword argument, or `x*`, how it begins; `field` is named by its path."""
    if value.bare.startswith(("<", ">")):
        hint = "They are kept as text; in quotes, '<' and '>' are part of it"
        raise SearchError("Keyword arguments cannot be compared", value.position, hint)
    path = field.name.partition(".")[2]
    if value.bare.endswith("*"):
        return HasPair(f"{path}={value.text[:-1].lstrip()}".casefold(), is_whole=False)
    return HasPair(f"{path}={value.text.strip()}".casefold())


def bounded(read: bounds.Read) -> Reader:
    """Return a reader of comparisons and ranges of amounts."""

    def compared(field: Field, value: Value) -> Search:
        try:
            return bounds.compared(field.column, value.text, read)
        except bounds.BoundsError as error:
            hint = f"Write {', '.join(f'{field.name}:{form}' for form in field.kind.forms)}"
            raise SearchError(str(error), value.position, hint) from None

    return compared


def one_of(known: Mapping[str, Search]) -> Reader:
    """Return a reader of names."""

    def named(field: Field, value: Value) -> Search:
        if found := known.get(value.text.casefold()):
            return found
        hint = f"Write {', '.join(f'{field.name}:{name}' for name in known)}"
        raise SearchError(f"Unknown {bounds.shown(value.text)}", value.position, hint)

    return named
