"""Tokens let scripts and Prometheus in: a file with their digests. Read in threads.

A token is shown once, when it is made. As it is random, its SHA-256 is enough to know it again.
"""

import asyncio
import contextlib
import json
import logging
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from flower_ng.errors import LoginRequired, SettingsError
from flower_ng.web.auth.identity import How, Identity
from flower_ng.web.auth.roles import Role

if sys.platform != "win32":
    import fcntl

log = logging.getLogger(__name__)

#: What tokens begin with, so that scanners of secrets find them.
PREFIX: Final = "flng_"
#: What a token may be for alone.
METRICS: Final = "metrics"
#: How long it takes at most until a token that was made or revoked is known.
KNOWN_S: Final = 1.0
_BEARER: Final = "bearer"
_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """What is kept of a token: times are UTC seconds, `expires` None for never.

    `role` is a role's word, empty where `scope` says what alone it is for.
    """

    name: str
    role: str
    scope: str
    digest: str
    created: float
    expires: float | None = None

    def identity(self) -> Identity:
        """Whom the token stands for."""
        role = Role.named(self.role) or Role.NONE
        return Identity(self.name, How.TOKEN, role, scope=self.scope)


class Tokens:
    """The tokens of one file, read again where it has changed; of none without a file.

    A file that can't be read lets nobody in.
    """

    def __init__(
        self,
        file: str = "",
        clock: Callable[[], float] = time.time,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = file
        self._clock = clock
        self._now = now
        self._records: Mapping[str, TokenRecord] = {}
        self._read_at: float | None = None
        self._trouble = ""
        if file:
            self._use(read_tokens(file))

    def __bool__(self) -> bool:
        return bool(self._file)

    def shown(self, authorization: str | None) -> str:
        """The token that a header holds; empty where there is none, or there are no tokens."""
        scheme, _, token = (authorization or "").partition(" ")
        return token.strip() if self._file and scheme.lower() == _BEARER else ""

    def knows(self, token: str) -> bool:
        """Whether there was such a token when the file was last read; it may have expired."""
        return digest_of(token) in self._records

    async def identity(self, token: str) -> Identity:
        """Whom a token stands for; LoginRequired where it is unknown, revoked or has expired."""
        if self._read_at is None or self._now() - self._read_at >= KNOWN_S:
            await self._read()
        record = self._records.get(digest_of(token))
        if record is None:
            raise LoginRequired("This token is unknown or was revoked")
        if record.expires is not None and record.expires <= self._clock():
            raise LoginRequired(f"The token {record.name} has expired")
        return record.identity()

    async def _read(self) -> None:
        try:
            self._use(await asyncio.to_thread(read_tokens, self._file))
        except SettingsError as error:
            self._use([])
            if self._trouble != error.message:
                log.error("No token is accepted: %s", error.message)  # noqa: TRY400 - one line
            self._trouble = error.message
        else:
            self._trouble = ""

    def _use(self, records: Iterable[TokenRecord]) -> None:
        self._records = {record.digest: record for record in records}
        self._read_at = self._now()


def digest_of(token: str) -> str:
    """The SHA-256 of a token."""
    return sha256(token.encode(errors="surrogatepass")).hexdigest()


def read_tokens(file: str) -> list[TokenRecord]:
    """The tokens in a file, none where there is no file; SettingsError where it can't be read."""
    try:
        text = Path(file).read_text("utf-8")
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise _wrong(file, f"cannot be read ({error})") from error
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                found.append(_record(json.loads(line)))
            except (ValueError, TypeError) as error:
                raise _wrong(file, f"holds no token in line {number}") from error
    return found


def _record(fields: Mapping[str, Any]) -> TokenRecord:
    record = TokenRecord(**fields)
    is_meant = record.scope == METRICS if not record.role else _is_role(record)
    texts = (record.name, record.role, record.scope, record.digest)
    times = (record.created, record.expires or 0.0)
    if not is_meant or not all(isinstance(text, str) for text in texts):
        raise ValueError(record.name)
    if not all(isinstance(one, int | float) for one in times):
        raise ValueError(record.name)
    return record


def _is_role(record: TokenRecord) -> bool:
    """Whether the role is one, and no scope says that the token is for less."""
    return Role.named(record.role) is not None and not record.scope


def create_token(
    file: str, name: str, *, role: str, scope: str, expires: float | None, now: float
) -> str:
    """Make a token with this name, keep its digest, and return it: nobody can see it again."""
    with _alone(file):
        return _created(file, name, role=role, scope=scope, expires=expires, now=now)


def _created(
    file: str, name: str, *, role: str, scope: str, expires: float | None, now: float
) -> str:
    records = read_tokens(file)
    if any(record.name == name for record in records):
        raise SettingsError(f"There is a token {name!r} already: revoke it, or take another name")
    token = f"{PREFIX}{secrets.token_urlsafe(_BYTES)}"
    _write(file, [*records, TokenRecord(name, role, scope, digest_of(token), now, expires)])
    return token


def revoke_token(file: str, name: str) -> None:
    """Take a token out of the file; SettingsError where none has this name."""
    with _alone(file):
        records = read_tokens(file)
        kept = [record for record in records if record.name != name]
        if len(kept) == len(records):
            raise SettingsError(f"There is no token {name!r}: flower-ng token list shows all")
        _write(file, kept)


@contextlib.contextmanager
def _alone(file: str) -> Iterator[None]:
    """Let one command change the file at a time, or a revoked token may come back."""
    if sys.platform == "win32":
        yield
        return
    try:
        folder = os.open(Path(file).resolve().parent, os.O_RDONLY)
    except OSError as error:
        raise _wrong(file, f"cannot be written ({error.strerror})") from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _write(file: str, records: Iterable[TokenRecord]) -> None:
    """Replace the file at once, readable by its owner alone."""
    text = "".join(f"{json.dumps(asdict(record))}\n" for record in records)
    path = Path(file).resolve()
    try:
        number, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(number, "w", encoding="utf-8") as handle:
                handle.write(text)
            Path(beside).replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                Path(beside).unlink()
            raise
    except OSError as error:
        raise _wrong(file, f"cannot be written ({error.strerror})") from error


def _wrong(file: str, why: str) -> SettingsError:
    return SettingsError(
        f"Invalid '--tokens' option: {file!r} {why}: name a file that flower-ng token writes"
    )
