"""Pattern is the `auth` option: which e-mail addresses may come in."""

import re
from collections.abc import Callable

from flower_ng.errors import SettingsError

_ANY = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]*"  # what the local part of an address may hold


class EmailPattern:
    """One address, several joined by `|`, or one with a `.*` before the `@`.

    Raises SettingsError for anything else. Letters of ASCII compare without case; others exactly,
    because some of them fold into ASCII and would let a look-alike in.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._accepts = _compiled(pattern)

    def accepts(self, address: str) -> bool:
        """Whether this address may come in."""
        return address.find("@") > 0 and self._accepts(_folded(address))


def _compiled(pattern: str) -> Callable[[str], bool]:
    if "*" in pattern:
        regex = re.compile(_ANY.join(map(re.escape, _parts(_folded(pattern)))))
        return lambda address: regex.fullmatch(address) is not None
    addresses = frozenset(_folded(address.strip()) for address in pattern.split("|"))
    return addresses.__contains__


def _parts(pattern: str) -> list[str]:
    local, at, _ = pattern.rpartition("@")
    if pattern.count("*") > 1 or "|" in pattern or not at or ".*" not in local:
        raise SettingsError(
            f"Invalid '--auth' option: {pattern!r} must be one address, addresses joined by '|', "
            "or one address with a single '.*' before the '@'"
        )
    return pattern.split(".*")


def _folded(address: str) -> str:
    return address.lower() if address.isascii() else address
