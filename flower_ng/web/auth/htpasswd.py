"""Htpasswd is a file of users with hashes of their passwords: Argon2, or bcrypt.

Hashing runs in threads of its own, few because each takes much memory.
"""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final
from zlib import crc32

from flower_ng.errors import SettingsError

#: Argon2 takes 64 MiB for each password that is checked.
HASHING_THREADS: Final = 2
#: A longer password is nobody's, and costs time.
MOST_BYTES: Final = 1024
#: All that bcrypt looks at.
BCRYPT_BYTES: Final = 72
_ARGON2: Final = "$argon2"
_BCRYPT: Final = ("$2a$", "$2b$", "$2y$")


class Htpasswd:
    """Checks passwords against the hashes of the users."""

    def __init__(self, hashes: Mapping[str, str]) -> None:
        self._hashes = dict(hashes)
        self._threads = ThreadPoolExecutor(HASHING_THREADS, thread_name_prefix="flower-passwords")

    def __bool__(self) -> bool:
        return bool(self._hashes)

    async def accepts(self, user: str, password: bytes) -> bool:
        """Whether it is the user's password.

        An unknown name takes as long: its password is compared with the hash of somebody else.
        """
        known = self._hashes.get(user)
        others = list(self._hashes.values())
        checked = known or others[crc32(user.encode(errors="replace")) % len(others)]
        loop = asyncio.get_running_loop()
        is_right = await loop.run_in_executor(self._threads, partial(matches, checked, password))
        return is_right and known is not None


def hashed(password: str) -> str:
    """Hash a password with Argon2; takes a tenth of a second and 64 MiB."""
    from argon2 import PasswordHasher  # noqa: PLC0415 - only who has hashes needs it

    return PasswordHasher().hash(password)


def matches(known: str, password: bytes) -> bool:
    """Whether a password has this hash; takes long."""
    if len(password) > MOST_BYTES:
        return False
    if known.startswith(_ARGON2):
        from argon2 import PasswordHasher  # noqa: PLC0415 - only who has hashes needs it
        from argon2.exceptions import InvalidHashError, VerificationError  # noqa: PLC0415

        try:
            return PasswordHasher().verify(known, password)
        except (InvalidHashError, VerificationError):
            return False
    from bcrypt import checkpw  # noqa: PLC0415 - an extra

    try:
        return checkpw(password[:BCRYPT_BYTES], known.encode())
    except ValueError:  # it holds a zero byte
        return False


def read_htpasswd(file: str) -> dict[str, str]:
    """The hashes in a file by user, none without a file.

    Raises SettingsError that names the line which can't be used, never its hash.
    """
    if not file:
        return {}
    try:
        lines = Path(file).read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise _wrong(file, f"cannot be read ({error})") from error
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        user, _, known = (part.strip() for part in line.partition(":"))
        if fault := _fault(user, known):
            raise _wrong(file, f"line {number} {fault}")
        found[user] = known
    if not found:
        raise _wrong(file, "has no users")
    return found


def _fault(user: str, known: str) -> str:
    if not user or not known:
        return "is not user:hash"
    if known.startswith(_ARGON2):
        return _argon2_fault(known)
    if not known.startswith(_BCRYPT):
        return "has a hash that is neither Argon2 nor bcrypt"
    return _bcrypt_fault(known)


def _argon2_fault(known: str) -> str:
    from argon2 import extract_parameters  # noqa: PLC0415 - only who has hashes needs it
    from argon2.exceptions import InvalidHashError  # noqa: PLC0415

    try:
        extract_parameters(known)
    except InvalidHashError:
        return "has a broken Argon2 hash"
    return ""


def _bcrypt_fault(known: str) -> str:
    try:
        from bcrypt import checkpw  # noqa: PLC0415 - an extra
    except ImportError:
        return "has a bcrypt hash, which needs flower-ng[htpasswd]"
    try:
        checkpw(b"", known.encode())
    except ValueError:
        return "has a broken bcrypt hash"
    return ""


def _wrong(file: str, why: str) -> SettingsError:
    return SettingsError(
        f"Invalid '--htpasswd' option: {file!r} {why}: write one user:hash a line, such as"
        " flower-ng hash-password makes them"
    )
