"""Reads options from the command line: `--name=value` or `--name value`. At start, pure.

One or two dashes, `-` or `_` in names. An unknown option does not stop the start; a warning gives
its name, never its value, which may be a password.
"""

import re
from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from flower_ng.errors import SettingsError
from flower_ng.settings.given import Given
from flower_ng.settings.nearest import suggestion
from flower_ng.settings.option import Option, from_text, is_truth

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True, slots=True)
class CommandLine:
    """The options that the command line sets, and warnings of arguments without effect."""

    given: Mapping[str, Given]
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument, split; `text` is what follows the equals sign, None without one."""

    dashes: str
    word: str
    text: str | None

    @property
    def name(self) -> str:
        """The name as options write it, with underscores."""
        return self.word.replace("-", "_")


def read(
    arguments: Sequence[str], options: Mapping[str, Option], celery_options: Collection[str] = ()
) -> CommandLine:
    """Read all arguments, the last of a name wins; SettingsError for a wrong or missing value.

    `celery_options` are names, with dashes, that belong before the sub-command.
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
    """Take the value after a name without an equals sign; None where none follows.

    A boolean takes a word that means yes or no, any other option the next word without dashes.
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
    """Read the option's value; a boolean without one is true."""
    if text is None and option.type is not bool:
        raise SettingsError(f"{option.flag} requires a value: {option.flag}=…")
    return Given.read(option, option.flag, from_text, "true" if text is None else text)


def ignored(argument: Argument, options: Mapping[str, Option]) -> str:
    """Return a warning that an argument has no effect, with the likely option.

    Only names are repeated: other text may be a URL with a password.
    """
    if argument.name in options:
        return f"Ignored {argument.word}: write it with dashes: --{argument.name}=…"
    if not argument.dashes:
        return "Ignored an argument without dashes: options are written --name=value"
    if not _NAME.fullmatch(argument.word):
        return "Ignored an argument that is not an option: options are written --name=value"
    near = suggestion(argument.name, options, "--")
    return f"Ignored unknown option {argument.dashes}{argument.word}{near}"


def misplacement(names: Sequence[str]) -> Iterator[str]:
    """Yield one warning that says where Celery's own options belong."""
    if names:
        yield (
            f"Ignored Celery's own options after the sub-command: {', '.join(names)}. They belong "
            "before it: celery [celery options] flower_ng [flower_ng options]"
        )
