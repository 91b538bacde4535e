"""The command line as a source of options: `--name=value`, one or two dashes, `-` or `_` in names.

Runs at start, pure. Nothing unknown stops the start; it is warned about, by name and never with its
value, which may be a password.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from flower_ng.errors import SettingsError
from flower_ng.settings.given import Given
from flower_ng.settings.option import Option, from_argument


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
    for raw in arguments:
        argument = taken_apart(raw)
        if raw.partition("=")[0] in celery_options:
            misplaced.append(raw.partition("=")[0])
        elif argument.name in options and argument.dashes:
            given[argument.name] = value_of(options[argument.name], argument)
        elif argument.name in options or not misplaced or argument.dashes:
            warnings.append(ignored(argument, options))
    return CommandLine(given, [*misplacement(misplaced), *warnings])


def taken_apart(raw: str) -> Argument:
    """Split `--name=value` into its parts."""
    before, equals, text = raw.partition("=")
    word = before.lstrip("-")
    return Argument(before[: len(before) - len(word)], word, text if equals else None)


def value_of(option: Option, argument: Argument) -> Given:
    """The option's value; a bare boolean is true."""
    if argument.text is None and option.type is not bool:
        raise SettingsError(
            f"{option.flag} requires a value, written with an equals sign: {option.flag}=…"
        )
    return Given.read(option, option.flag, from_argument, argument.text or "")


def ignored(argument: Argument, options: Mapping[str, Option]) -> str:
    """Say that an argument has no effect, and what may have been meant."""
    if argument.name in options:
        return f"Ignored {argument.word}: options begin with dashes, as in --{argument.name}=…"
    if not argument.dashes:
        return f"Ignored {argument.word!r}: options are written --name=value"
    near = get_close_matches(argument.name.lower(), options, n=1)
    meant = f"; did you mean --{near[0]}?" if near else ""
    return f"Ignored unknown option {argument.dashes}{argument.word}{meant}"


def misplacement(names: Sequence[str]) -> Iterator[str]:
    """Say once where Celery's own options belong."""
    if names:
        yield (
            f"Ignored Celery's own options after the sub-command: {', '.join(names)}. They belong "
            "before it: celery [celery options] flower_ng [flower_ng options]"
        )
