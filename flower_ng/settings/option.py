"""Declares one option, and turns text and Python values into its value. At start.

Text means the same on the command line, in the environment and as a string in the configuration
file. Empty text means the default, because container charts pass options that nobody filled in;
for credentials it is an error, because a missing secret must never let anybody in.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field
from types import NoneType
from typing import Any, Final, get_args, get_origin

Check = Callable[[Any], str | None]  # what is wrong with a value; None when nothing is

TRUE: Final = frozenset({"y", "yes", "t", "true", "on", "1"})
FALSE: Final = frozenset({"n", "no", "f", "false", "off", "0"})
TRUTHS: Final = "true, yes, on, 1, y or t, or false, no, off, 0, n or f"
#: Whole numbers of Python have no bound; what may be written out, and become a float, has.
MOST_BITS: Final = 256
#: Messages repeat at most this many characters of a wrong value.
SHOWN: Final = 100
NOUNS: Final[Mapping[type, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
}


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its name with underscores, the type of its value, and its help.

    A `multiple` option holds a tuple of `type`; in text, `separator` (a regular expression) stands
    between the values. `type` is None for a Python function. `secret` values never appear in
    messages; a `credential` is a secret that can't be empty.
    """

    name: str
    type: type | None
    multiple: bool
    default: Any
    group: str
    help: str
    check: Check | None
    secret: bool
    credential: bool = False
    separator: str = ","

    @property
    def flag(self) -> str:
        """The option as written on the command line."""
        return f"--{self.name}"

    @property
    def default_text(self) -> str:
        """The default as written on the command line; empty if there is none."""
        if self.default in (None, "", ()):
            return ""
        return str(self.default).lower() if self.type is bool else str(self.default)


def option(
    default: Any,
    group: str,
    text: str,
    check: Check | None = None,
    *,
    secret: bool = False,
    credential: bool = False,
    separator: str = ",",
) -> Any:
    """Declare a field of Settings as an option with the help `text`; see Option for the rest."""
    is_secret = secret or credential
    about = {"group": group, "help": text, "check": check, "secret": is_secret}
    about |= {"credential": credential, "separator": separator}
    return field(default=default, repr=not is_secret, metadata=about)


def declared(field: Field[Any]) -> Option:
    """Return the option that a field of Settings declares."""
    kind, multiple = kind_of(field.type)
    return Option(
        name=field.name, type=kind, multiple=multiple, default=field.default, **field.metadata
    )


def kind_of(annotation: Any) -> tuple[type | None, bool]:
    """Return the type of one value, and whether there may be several, as in `tuple[str, ...]`."""
    if get_origin(annotation) is tuple:
        return get_args(annotation)[0], True
    kinds = [kind for kind in get_args(annotation) or (annotation,) if kind is not NoneType]
    return (kinds[0] if kinds[0] in NOUNS else None), False


def from_text(option: Option, text: str) -> Any:
    """Read an option's value from text; ValueError says what is wrong."""
    if option.type is None:
        raise ValueError("a function can only come from the configuration file")
    if not checked(text).strip():
        return when_empty(option)
    readers: Mapping[type, Callable[[str], Any]] = {
        bool: truth,
        int: whole_number,
        float: number,
        str: str,
    }
    read = readers[option.type]
    if not option.multiple:
        return read(text)
    return tuple(read(part.lstrip()) for part in re.split(option.separator, text))


def checked(text: str) -> str:
    """Return a text; ValueError, without it, where no path, URL or header could hold it."""
    try:
        if b"\0" not in text.encode():
            return text
    except UnicodeEncodeError:
        raise ValueError("it is not valid Unicode: write it in UTF-8") from None
    raise ValueError("it holds a null character")


def when_empty(option: Option) -> Any:
    """Return the default, which empty text means; ValueError for a credential."""
    if option.credential:
        raise ValueError("it is empty: set a value, or leave the option out")
    return option.default


def is_truth(word: str) -> bool:
    """Return whether a word means yes or no."""
    return word.strip().lower() in TRUE | FALSE


def truth(word: str) -> bool:
    """Read a bool; ValueError if the word means neither yes nor no."""
    if not is_truth(word):
        raise ValueError(f"{shortened(word)} is neither true nor false: write {TRUTHS}")
    return word.strip().lower() in TRUE


def whole_number(text: str) -> int:
    """Read an int; ValueError with a message for people."""
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{shortened(text)} is not a whole number") from None


def number(text: str) -> float:
    """Read a float, infinity included; ValueError with a message for people."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{shortened(text)} is not a number") from None
    if math.isnan(value):
        raise ValueError(f"{text!r} is not a number")
    return value


def shortened(text: str) -> str:
    """Return the text in quotes, cut to a length that fits a message."""
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


def from_python(option: Option, value: Any) -> Any:
    """Read an option's value from a Python value; ValueError says what is wrong."""
    if value is None:
        return option.default
    if isinstance(value, str):
        return from_text(option, value)
    if option.multiple:
        return tuple(exact(option, item) for item in listed(value)) or when_empty(option)
    return exact(option, value)


def listed(value: Any) -> list[Any]:
    """Return the list; ValueError for other sequences, which Flower refuses too."""
    if not isinstance(value, list):
        raise ValueError(f"expected a list or a comma-separated text, not {type(value).__name__}")  # noqa: TRY004 - all wrong values raise ValueError
    return value


def exact(option: Option, value: Any) -> Any:
    """Return a value that has exactly the option's type; an int may stand for a float."""
    if option.type is None:
        if not callable(value):
            raise ValueError("is not a function")
        return value
    if option.type is float and type(value) is int:
        return float(bounded(value))
    if type(value) is not option.type:
        raise ValueError(f"expected {NOUNS[option.type]}, not {type(value).__name__}")
    return bounded(value)


def bounded(value: Any) -> Any:
    """Return a value; ValueError for a number that is none, or too large, and for a broken text."""
    if type(value) is int and value.bit_length() > MOST_BITS:
        raise ValueError("the number is too large")
    if type(value) is float and math.isnan(value):
        raise ValueError("nan is not a number")
    return checked(value) if isinstance(value, str) else value
