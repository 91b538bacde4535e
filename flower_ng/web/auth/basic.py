"""Basic compares the `Authorization` header with the configured pairs, in constant time."""

import base64
import binascii
import hmac
from collections.abc import Sequence
from hashlib import sha256

from flower_ng.errors import SettingsError


class BasicAuth:
    """The `user:password` pairs of `basic_auth`, kept as digests of equal length."""

    def __init__(self, pairs: Sequence[str]) -> None:
        for pair in pairs:
            user, colon, password = pair.partition(":")
            if not colon:
                raise SettingsError(_no_colon(pair))
            if not user.strip() or not password:
                raise SettingsError("Invalid '--basic_auth' option: an empty user or password")
        self._digests = [_digest(pair.encode()) for pair in pairs]

    def __bool__(self) -> bool:
        return bool(self._digests)

    def user(self, authorization: str | None) -> str | None:
        """The user's name when the header holds one of the pairs, else None.

        Every pair is looked at, so that the time tells nothing; bytes are compared, so that any
        character may stand in a password. The scheme's case matters, as in Flower.
        """
        given = _decoded(authorization or "")
        if given is None:
            return None
        found = _digest(given)
        matches = [hmac.compare_digest(found, known) for known in self._digests]
        return given.partition(b":")[0].decode(errors="replace") if any(matches) else None


def _decoded(authorization: str) -> bytes | None:
    scheme, _, payload = authorization.partition(" ")
    if scheme != "Basic":
        return None
    try:
        return base64.b64decode(payload, validate=True)
    except (binascii.Error, ValueError):
        return None


def _digest(value: bytes) -> bytes:
    return sha256(value).digest()


def _no_colon(pair: str) -> str:
    return (
        f"Invalid '--basic_auth' option: an entry of {len(pair)} characters has no ':'; write "
        "user:password, and mind that a comma on the command line or in the environment starts "
        "the next entry (a password with a comma needs the configuration file)"
    )
