"""The command line as a source of options: `--name=value` or `--name value`. Start only.

One or two dashes, `-` or `_` in names.

Pure. Nothing unknown stops the start; it is warned about, by name and never with its value, which
may be a password.
"""

import re
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from flower_ng.errors import SettingsError
from flower_ng.settings.given import Given
from flower_ng.settings.nearest import meant
from flower_ng.settings.option import Option, from_text, is_truth

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class CommandLine:
    """What the command line gave, and what it held that means nothing here."""

    given: Mapping[str, Given]
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument in its parts; `text` is None without an equals sign."""

    dashes: str
    word: str
    text: str | None

    @property
    def name(self) -> str:
        """The option's name that it would be."""
        return self.word.replace("-", "_")


def read(
    arguments: Sequence[str], options: Mapping[str, Option], celery_options: Collection[str] = ()
) -> CommandLine:
    """Read all arguments, the last of a kind wins; SettingsError for a wrong or missing value.

    `celery_options` are the names, dashes included, that belong before the sub-command.
    """
    given, warnings, misplaced = {}, [], []
    rest = deque(arguments)
    while rest:
        raw = rest.popleft()
        argument = taken_apart(raw)
        if raw.partition("=")[0] in celery_options:
            misplaced.append(raw.partition("=")[0])
        elif argument.name in options and argument.dashes:
            option = options[argument.name]
            text = following(option, rest, celery_options) if argument.text is None else None
            given[argument.name] = value_of(option, argument.text if text is None else text)
        elif argument.name in options or not misplaced or argument.dashes:
            warnings.append(ignored(argument, options))
            if argument.dashes and argument.text is None and rest and not rest[0].startswith("-"):
                rest.popleft()  # most likely its value, which may be a password
    return CommandLine(given, [*misplacement(misplaced), *warnings])


def following(option: Option, rest: deque[str], celery_options: Collection[str]) -> str | None:
    """Take the value that stands after a name without an equals sign; None where none does.

    A boolean takes a word that means yes or no, any other option whatever is no option.
    """
    if not rest or rest[0].startswith("--") or rest[0].partition("=")[0] in celery_options:
        return None
    is_value = option.type is not bool or is_truth(rest[0]) or not rest[0].strip()
    return rest.popleft() if is_value else None


def taken_apart(raw: str) -> Argument:
    """Split `--name=value` into its parts."""
    before, equals, text = raw.partition("=")
    word = before.lstrip("-")
    return Argument(before[: len(before) - len(word)], word, text if equals else None)


def value_of(option: Option, text: str | None) -> Given:
    """The option's value; a bare boolean is true."""
    if text is None and option.type is not bool:
        raise SettingsError(f"{option.flag} requires a value: {option.flag}=…")
    return Given.read(option, option.flag, from_text, "true" if text is None else text)


def ignored(argument: Argument, options: Mapping[str, Option]) -> str:
    """Say that an argument has no effect, and what may have been meant.

    Only what looks like a name is repeated: anything else may be a URL with a password.
    """
    if argument.name in options:
        return f"Ignored {argument.word}: options begin with dashes, as in --{argument.name}=…"
    if not argument.dashes:
        return "Ignored an argument without dashes: options are written --name=value"
    if not _NAME.fullmatch(argument.word):
        return "Ignored an argument that is no option: options are written --name=value"
    near = meant(argument.name, options, "--")
    return f"Ignored unknown option {argument.dashes}{argument.word}{near}"


def misplacement(names: Sequence[str]) -> Iterator[str]:
    """Say once where Celery's own options belong."""
    if names:
        yield (
            f"Ignored Celery's own options after the sub-command: {', '.join(names)}. They belong "
            "before it: celery [celery options] flower_ng [flower_ng options]"
        )
