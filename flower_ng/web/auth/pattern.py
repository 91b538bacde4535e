"""Pattern is the `auth` option: which e-mail addresses may come in."""

import re
from collections.abc import Callable

from flower_ng.errors import SettingsError

_ANY = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]*"  # what the local part of an address may hold
_ADDRESS = re.compile(r"[^\s\\@]+@[^\s\\@()\[\]{}*+?^$]+")


class EmailPattern:
    """One address, several joined by `|`, or one with a `.*` before the `@`.

    Raises SettingsError for anything else. Letters of ASCII compare without case; others exactly,
    because some of them fold into ASCII and would let a look-alike in.
    """

    def __init__(self, pattern: str) -> None:
        if fault := self.fault(pattern):
            raise SettingsError(f"Invalid '--auth' option: {pattern!r} {fault}")
        self.pattern = pattern
        self._accepts = _compiled(pattern)

    @staticmethod
    def fault(pattern: str) -> str | None:
        """What is wrong with a pattern, so that it would let in nobody, or all; else None."""
        local, _, _ = pattern.rpartition("@")
        if "*" in pattern and (pattern.count("*") > 1 or "|" in pattern or ".*" not in local):
            return (
                "must be one address, addresses joined by '|', "
                "or one address with a single '.*' before the '@'"
            )
        wrong = [part for part in _parts(pattern) if not _ADDRESS.fullmatch(part)]
        if not wrong:
            return None
        return f"would let nobody in: {wrong[0]!r} is not an e-mail address{_hint(wrong[0])}"

    def accepts(self, address: str) -> bool:
        """Whether this address may come in."""
        return address.find("@") > 0 and self._accepts(_folded(address))


def _hint(part: str) -> str:
    return "; write dots without a backslash" if "\\" in part else ", such as ann@example.com"


def _parts(pattern: str) -> list[str]:
    return [part.strip() for part in pattern.split("|")]


def _compiled(pattern: str) -> Callable[[str], bool]:
    if "*" in pattern:
        literal = map(re.escape, _folded(pattern.strip()).split(".*"))
        regex = re.compile(_ANY.join(literal))
        return lambda address: regex.fullmatch(address) is not None
    return frozenset(map(_folded, _parts(pattern))).__contains__


def _folded(address: str) -> str:
    return address.lower() if address.isascii() else address
