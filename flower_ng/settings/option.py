"""Option is one setting as declared, and how text and Python values become its value. Start only.

The rules differ by source, and they are Flower's: on the command line every word but `false`, `0`
and `f` is true; in the environment only the words of `TRUE` are; the configuration file holds
Python values, and strings that are read as those of the command line.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field
from types import NoneType
from typing import Any, Final, get_args, get_origin

Check = Callable[[Any], str | None]  # what is wrong with a value; None when nothing is

TRUE: Final = frozenset({"y", "yes", "t", "true", "on", "1"})
FALSE: Final = frozenset({"n", "no", "f", "false", "off", "0"})
NOUNS: Final[Mapping[type, str]] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
}


@dataclass(frozen=True, slots=True)
class Option:
    """One setting: its name with underscores, the type of its value, and what to tell people.

    `multiple` options hold a tuple of `type`; `type` is None for a Python function. `secret` values
    are never repeated in messages.
    """

    name: str
    type: type | None
    multiple: bool
    default: Any
    group: str
    help: str
    check: Check | None
    secret: bool

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
    default: Any, group: str, text: str, check: Check | None = None, *, secret: bool = False
) -> Any:
    """Declare a field of Settings as an option; `text` tells people what it does."""
    about = {"group": group, "help": text, "check": check, "secret": secret}
    return field(default=default, repr=not secret, metadata=about)


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


def from_argument(option: Option, text: str) -> Any:
    """The value of a command-line argument; ValueError says what is wrong."""
    return from_text(option, text, truth=lambda word: word.lower() not in {"false", "0", "f"})


def from_environment(option: Option, text: str) -> Any:
    """The value of an environment variable; ValueError says what is wrong."""
    return from_text(option, text, truth=strict_truth)


def strict_truth(word: str) -> bool:
    """Whether a word of the environment means yes; ValueError if it means neither."""
    if word.lower() not in TRUE | FALSE:
        raise ValueError(f"{word!r} is neither true nor false")
    return word.lower() in TRUE


def from_text(option: Option, text: str, truth: Callable[[str], bool]) -> Any:
    """One value, or a tuple of those between the commas."""
    if option.type is None:
        raise ValueError("a function can only come from the configuration file")
    readers: Mapping[type, Callable[[str], Any]] = {
        bool: truth,
        int: whole_number,
        float: number,
        str: str,
    }
    read = readers[option.type]
    return tuple(map(read, text.split(","))) if option.multiple else read(text)


def whole_number(text: str) -> int:
    """Read an int; ValueError in our words."""
    try:
        return int(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a whole number") from None


def number(text: str) -> float:
    """Read a float, infinity included; ValueError in our words."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
    if math.isnan(value):
        raise ValueError(f"{text!r} is not a number")
    return value


def from_python(option: Option, value: Any) -> Any:
    """The value of a global of the configuration file; ValueError says what is wrong."""
    if value is None:
        return option.default
    if isinstance(value, str) and (option.multiple or option.type is not str):
        return from_argument(option, value)
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
