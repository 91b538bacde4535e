"""Option is one setting as declared, and how text and Python values become its value. Start only.

A text means the same on the command line, in the environment and as a string of the configuration
file. An empty one is the option's default, as container charts pass options that nobody filled in;
for credentials it is refused, because a secret that is missing must never open a door.
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
#: Characters of a wrong value that a message repeats.
SHOWN: Final = 100
NOUNS: Final[Mapping[type, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
}


@dataclass(frozen=True, slots=True)
class Option:
    """One setting: its name with underscores, the type of its value, and what to tell people.

    `multiple` options hold a tuple of `type`, written with what matches `separator` between the
    values; `type` is None for a Python function. `secret` values are never repeated in messages;
    those that are a `credential` can't be empty.
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
        """Its name as people write it on the command line."""
        return f"--{self.name}"

    @property
    def default_text(self) -> str:
        """The default as people would write it; empty where there is none."""
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
    """Declare a field of Settings as an option; `text` tells people what it does.

    A `credential` is a `secret` that can't be empty.
    """
    is_secret = secret or credential
    about = {"group": group, "help": text, "check": check, "secret": is_secret}
    about |= {"credential": credential, "separator": separator}
    return field(default=default, repr=not is_secret, metadata=about)


def declared(field: Field[Any]) -> Option:
    """The option that a field of Settings declares."""
    kind, multiple = kind_of(field.type)
    return Option(
        name=field.name, type=kind, multiple=multiple, default=field.default, **field.metadata
    )


def kind_of(annotation: Any) -> tuple[type | None, bool]:
    """The type of one value, and whether there may be several: `tuple[str, ...]` is (str, True)."""
    if get_origin(annotation) is tuple:
        return get_args(annotation)[0], True
    kinds = [kind for kind in get_args(annotation) or (annotation,) if kind is not NoneType]
    return (kinds[0] if kinds[0] in NOUNS else None), False


def from_text(option: Option, text: str) -> Any:
    """The value that a text means; ValueError says what is wrong."""
    if option.type is None:
        raise ValueError("a function can only come from the configuration file")
    if not text.strip():
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
    return tuple(read(one.lstrip()) for one in re.split(option.separator, text))


def when_empty(option: Option) -> Any:
    """The default, which an empty value stands for; ValueError for a credential."""
    if option.credential:
        raise ValueError("it is empty: give it a value, or leave the option out")
    return option.default


def is_truth(word: str) -> bool:
    """Whether a word means yes or no."""
    return word.strip().lower() in TRUE | FALSE


def truth(word: str) -> bool:
    """Whether a word means yes; ValueError if it means neither yes nor no."""
    if not is_truth(word):
        raise ValueError(f"{shortened(word)} is neither true nor false: write {TRUTHS}")
    return word.strip().lower() in TRUE


def whole_number(text: str) -> int:
    """Read an int; ValueError in our words."""
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{shortened(text)} is not a whole number") from None


def number(text: str) -> float:
    """Read a float, infinity included; ValueError in our words."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{shortened(text)} is not a number") from None
    if math.isnan(value):
        raise ValueError(f"{text!r} is not a number")
    return value


def shortened(text: str) -> str:
    """The text in quotes, for a message of one line."""
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


def from_python(option: Option, value: Any) -> Any:
    """The value of a global of the configuration file; ValueError says what is wrong."""
    if value is None:
        return option.default
    if isinstance(value, str):
        return from_text(option, value)
    if option.multiple:
        return tuple(exact(option, item) for item in listed(value))
    return exact(option, value)


def listed(value: Any) -> list[Any]:
    """The list itself; Flower refuses other sequences."""
    if not isinstance(value, list):
        raise ValueError(f"expected a list or a comma-separated text, not {type(value).__name__}")  # noqa: TRY004 - all wrong values raise ValueError
    return value


def exact(option: Option, value: Any) -> Any:
    """A Python value of just the option's type; a whole number may stand for a number."""
    if option.type is None:
        if not callable(value):
            raise ValueError("is not a function")
        return value
    if option.type is float and type(value) is int:
        return float(value)
    if type(value) is not option.type:
        raise ValueError(f"expected {NOUNS[option.type]}, not {type(value).__name__}")
    return value
