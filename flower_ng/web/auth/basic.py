"""Basic compares the `Authorization` header with plain pairs and with hashes of passwords.

On the loop; hashing is not.
"""

import asyncio
import base64
import binascii
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

from flower_ng.errors import SettingsError, TooManyRequests
from flower_ng.web.auth.htpasswd import Htpasswd
from flower_ng.web.auth.throttle import Throttle

#: For how long after the last request credentials that were right are not hashed again.
KEPT_S: Final = 300.0
MOST_KEPT: Final = 1000


class BasicAuth:
    """The `user:password` pairs of `basic_auth`, kept as digests of equal length, and `htpasswd`.

    `clock` is monotonic, in seconds.
    """

    def __init__(
        self,
        pairs: Sequence[str],
        htpasswd: Htpasswd | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        for pair in pairs:
            user, colon, password = pair.partition(":")
            if not colon:
                raise SettingsError(_no_colon(pair))
            if not user.strip() or not password:
                raise SettingsError("Invalid '--basic_auth' option: an empty user or password")
        self._digests = [_digest(pair.encode()) for pair in pairs]
        self._htpasswd = htpasswd
        self._clock = clock
        self._throttle = Throttle(clock)
        self._key = secrets.token_bytes(32)
        self._kept: OrderedDict[bytes, float] = OrderedDict()
        self._checks: dict[bytes, asyncio.Task[bool]] = {}

    def __bool__(self) -> bool:
        return bool(self._digests or self._htpasswd)

    async def user(self, authorization: str | None, peer: str = "") -> str | None:
        """The user's name when the header holds the password, else None.

        Every pair is looked at, so that the time tells nothing; bytes are compared, so that any
        character may stand in a password. The scheme's case matters, as in Flower. Whoever was
        wrong too often is not even compared: TooManyRequests. Who asks at least every KEPT_S with
        credentials that were right is not compared again, so that a guesser keeps nobody out who
        is in.
        """
        given = _decoded(authorization or "")
        if given is None:
            return None
        name = _name(given)
        if self._is_kept(given):
            return name
        mark = self._mark(given)
        check = self._checks.get(mark)
        if check is None:
            self._throttle.check(peer, name)
            self._throttle.failed(peer, name)
            check = asyncio.create_task(self._is_right(given, peer))
            self._checks[mark] = check
            check.add_done_callback(lambda _done: self._checks.pop(mark, None))
        return name if await asyncio.shield(check) else None

    async def _is_right(self, given: bytes, peer: str) -> bool:
        """Compare credentials, once for all requests that bring them meanwhile.

        They count as wrong until they are found right: else many at once would be many guesses.
        """
        if not (self._is_plain(given) or await self._is_hashed(given)):
            return False
        self._throttle.take_back(peer, _name(given))
        self._keep(given)
        return True

    def knows(self, authorization: str | None, peer: str = "") -> bool:
        """Whether these credentials are right, as far as that is known without hashing.

        A wrong password counts here too, or guessers would ask here.
        """
        given = _decoded(authorization or "")
        if given is None or self._is_kept(given) or self._htpasswd:
            return given is not None and self._is_kept(given)
        try:
            self._throttle.check(peer, _name(given))
        except TooManyRequests:
            return False
        if not self._is_plain(given):
            self._throttle.failed(peer, _name(given))
            return False
        self._keep(given)
        return True

    def _is_plain(self, given: bytes) -> bool:
        found = _digest(given)
        matches = [hmac.compare_digest(found, known) for known in self._digests]
        return any(matches)

    async def _is_hashed(self, given: bytes) -> bool:
        if not self._htpasswd:
            return False
        return await self._htpasswd.accepts(_name(given), given.partition(b":")[2])

    def _is_kept(self, given: bytes) -> bool:
        until = self._kept.get(self._mark(given))
        if until is None or self._clock() >= until:
            return False
        self._keep(given)
        return True

    def _keep(self, given: bytes) -> None:
        mark = self._mark(given)
        self._kept[mark] = self._clock() + KEPT_S
        self._kept.move_to_end(mark)
        if len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def _mark(self, given: bytes) -> bytes:
        """Return what is remembered of credentials, from which they can't be guessed."""
        return hmac.digest(self._key, given, "sha256")


def _name(given: bytes) -> str:
    return given.partition(b":")[0].decode(errors="replace")


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
