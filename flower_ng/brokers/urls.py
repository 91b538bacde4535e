"""Checks broker URLs at the start: which one is unusable, why, and what to write instead. Pure."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, TypeVar

from flower_ng.errors import SettingsError

T = TypeVar("T")

ENCODED: Final = (
    "in its user name and password write / as %2F, # as %23, ? as %3F, [ as %5B, ] as %5D, @ as"
    " %40, : as %3A and % as %25"
)
#: What Kombu says of a transport that it does not have; else it has looked up CERT_REQS.
NO_TRANSPORT: Final = "No such transport"
CERT_REQS: Final = "ssl_cert_reqs"
#: What stands where a user name and a password may be, in a URL that can't be read.
BEFORE_HOST: Final = re.compile(r"://.*@")


def readable(urls: object, connect: Callable[[], T]) -> T:
    """Return what `connect` makes of an app's broker URLs; SettingsError where it can't.

    No message holds a password, not even a part of one that was taken for a port.
    """
    try:
        return connect()
    except (ValueError, KeyError, ImportError, AttributeError, NameError) as error:
        wrong = "; ".join(map(shown, each(urls))) or "none"
        raise SettingsError(f"The broker's URL {wrong} can't be used: {cause(error)}") from error


def cause(error: Exception) -> str:
    """Say why, and what to do."""
    if isinstance(error, KeyError):
        words = str(error.args[0]).splitlines()[0]
        if words.startswith(NO_TRANSPORT):
            return f"{words}: begin it with redis://, amqp:// or another"
        return f"{words!r} is no value of {CERT_REQS}: write required, optional or none"
    if isinstance(error, ImportError | AttributeError | NameError):
        return f"what its transport needs is not installed ({error})"
    return f"its port is no number, or {ENCODED}"


def each(urls: object) -> Iterator[str]:
    """Return the URLs of a setting, which may be one, several joined by `;`, or a list."""
    several: Sequence[Any] = [urls] if isinstance(urls, str) or urls is None else list(urls)  # type: ignore[call-overload]
    for one in several:
        yield from re.split(r";(?=[\w+.-]+://)", str(one or ""))


def shown(url: str) -> str:
    """Return a URL without what may be a password in it."""
    if BEFORE_HOST.search(url):
        return BEFORE_HOST.sub("://**@", url)
    return f"{url.partition('://')[0]}://…" if "://" in url else "…"
