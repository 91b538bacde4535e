"""Roles says what each role may do, and gives one to each person by name, domain or group; pure."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final

from flower_ng.errors import SettingsError
from flower_ng.settings.checks import are_roles


class Need(IntEnum):
    """What a route asks of whoever calls it; each includes those before it.

    OPEN is for everybody. READ looks, which includes asking workers. OPERATE changes what workers
    or tasks do. ADMINISTER takes away what others need, or says who may do what.
    """

    OPEN = 0
    READ = 1
    OPERATE = 2
    ADMINISTER = 3


class Role(IntEnum):
    """What someone may do: NONE nothing but what is open to all."""

    NONE = 0
    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3

    @property
    def word(self) -> str:
        """The role as options and pages name it."""
        return self.name.lower()

    def may(self, need: Need) -> bool:
        """Whether the role is enough for a need."""
        return int(self) >= int(need)

    @classmethod
    def named(cls, word: str) -> "Role | None":
        """The role that an option names, None for no such role; NONE can't be given."""
        return _BY_WORD.get(word.strip().lower())


_BY_WORD: Final = {role.word: role for role in Role if role is not Role.NONE}
_GROUP: Final = "group:"
_EVERYBODY: Final = "*"


@dataclass(frozen=True, slots=True)
class RoleEntry:
    """One entry of `roles`: a role, and whom it is for."""

    role: Role
    subject: str

    def fits(self, name: str, groups: Collection[str]) -> bool:
        """Whether it is for someone of this name, in these groups."""
        if self.subject == _EVERYBODY:
            return True
        if self.subject.startswith(_GROUP):
            return self.subject.removeprefix(_GROUP) in groups
        if self.subject.startswith("*@"):
            local, at, domain = name.rpartition("@")
            return bool(local and at) and _folded(f"*@{domain}") == _folded(self.subject)
        return _folded(name) == _folded(self.subject)


class Roles:
    """The entries of `roles`, such as `admin:ann@example.com`, `operator:group:sre`, `viewer:*`.

    Whom several entries fit has the highest of their roles, whom none fits has none. Without any
    entry everybody who may come in is an admin, as in Flower. Raises SettingsError for a text that
    is no entry.
    """

    def __init__(self, entries: Sequence[str] = ()) -> None:
        self._entries = [_entry(text) for text in entries]

    def __bool__(self) -> bool:
        return bool(self._entries)

    @property
    def groups(self) -> Sequence[str]:
        """The groups that entries are for, those of the highest role first."""
        entries = sorted(self._entries, key=lambda entry: entry.role, reverse=True)
        named = (entry.subject for entry in entries if entry.subject.startswith(_GROUP))
        return [subject.removeprefix(_GROUP) for subject in named]

    def role(self, name: str, groups: Collection[str] = ()) -> Role:
        """The role of someone of this name, in these groups."""
        if not self._entries:
            return Role.ADMIN
        fitting = (entry.role for entry in self._entries if entry.fits(name, groups))
        return max(fitting, default=Role.NONE)


def roles_of(entries: Sequence[str], file: str = "") -> tuple[str, ...]:
    """The entries of the options `roles` and `roles_path`; SettingsError for a file without."""
    if not file:
        return tuple(entries)
    try:
        lines = Path(file).read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"Invalid '--roles_path' option: {file!r} cannot be read ({error}): name a text file"
            " with one role a line, such as admin:ann@example.com"
        ) from error
    found = [text for line in lines if (text := line.partition("#")[0].strip())]
    if fault := are_roles(found):
        raise SettingsError(f"Invalid '--roles_path' option: {file!r} {fault}")
    if not found:
        raise SettingsError(
            f"Invalid '--roles_path' option: {file!r} names no roles, and everybody would be an"
            " admin: write one a line, such as admin:ann@example.com"
        )
    return (*entries, *found)


def _entry(text: str) -> RoleEntry:
    if fault := are_roles([text]):
        raise SettingsError(f"Invalid '--roles' option: {fault}")
    word, _, subject = text.partition(":")
    return RoleEntry(Role.named(word) or Role.NONE, subject.strip())


def _folded(name: str) -> str:
    """Fold letters of ASCII in addresses; other letters may fold into look-alikes."""
    return name.lower() if "@" in name and name.isascii() else name
