"""Messenger sends notices to people through apprise: Slack, e-mail, PagerDuty and so on.

Its addresses hold secrets: neither they nor parts of them are ever logged or shown. apprise blocks:
it runs in the pool, one notice of a messenger at a time.
"""

import logging
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from flower_ng.errors import SettingsError, Unavailable
from flower_ng.health.notify.digest import Notice
from flower_ng.monitor.remote.bounded_calls import BoundedCalls

#: How long a service may take, and how long we wait for apprise to say that it took too long.
TIMEOUT_S: Final = 15.0
MARGIN_S: Final = 3.0
#: Parts of an address that are shorter say nothing.
LEAST_PART: Final = 3
MASKED: Final = "**"


@dataclass(frozen=True, slots=True)
class Letter:
    """A notice as people read it; `kind` is apprise's: info, success, warning, failure."""

    title: str
    text: str
    kind: str


class Messenger:
    """Sends to one address. SettingsError where apprise is missing, or can't read the address.

    `name` is what people call the service; `cluster` goes into every title.
    """

    def __init__(
        self, url: str, cluster: str, pool: Executor, *, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._apprise = loaded()
        self._cluster, self._timeout_s = cluster, timeout_s
        self._secrets = re.compile("|".join(map(re.escape, parts(url))) or r"(?!)")
        self._calls = BoundedCalls(pool, 1, timeout_s + MARGIN_S)
        self._service = self._apprise.Apprise()
        if not self._service.add(url):
            scheme = url.partition("://")[0]
            raise SettingsError(
                f"Invalid '--notify' option: apprise can't read its {scheme}:// address, see"
                " https://appriseit.com/services/ for its form"
            )
        self.name = str(self._service[0].service_name)

    def body(self, notice: Notice) -> Letter:
        """Return a notice as it is sent."""
        return Letter(f"{self._cluster}: {notice.title}", notice.story, kind(notice))

    async def post(self, letter: Letter) -> None:
        """Send it once; Unavailable says why that failed."""
        failed = await self._calls.run(self._send, letter)
        if failed:
            raise Unavailable(f"{self.name} rejected it: {failed}")

    def _send(self, letter: Letter) -> str:
        """Return why it was not sent, empty where it was; in the pool."""
        try:
            result = self._service.notify(
                title=letter.title,
                body=letter.text,
                notify_type=letter.kind,
                body_format=self._apprise.NotifyFormat.TEXT,
                timeout=self._timeout_s,
            )
        except Exception as error:  # noqa: BLE001 - the border: plugins raise what they like
            return self._masked(repr(error))
        if result:
            return ""
        said = " ".join(entry.message for entry in result.logs())
        return self._masked(said) or "it gave no reason"

    def _masked(self, text: str) -> str:
        return self._secrets.sub(MASKED, text)


def messengers(urls: Iterable[str], cluster: str, pool: Executor) -> Iterator[Messenger]:
    """Yield a messenger for each address; several of one service are numbered."""
    names: list[str] = []
    for url in whole(urls):
        one = Messenger(url, cluster, pool)
        names.append(one.name)
        if names.count(one.name) > 1:
            one.name = f"{one.name} {names.count(one.name)}"
        yield one


def loaded() -> Any:
    """Import apprise, silenced: what it and its HTTP client log holds addresses."""
    try:
        import apprise  # noqa: PLC0415 - an extra
    except ImportError:
        raise SettingsError(
            "The option 'notify' needs apprise: pip install 'flower-ng[apprise]'"
        ) from None
    logging.getLogger(apprise.logger.name).propagate = False
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    return apprise


def whole(values: Iterable[str]) -> list[str]:
    """Put addresses together again that held a comma: what has no scheme goes on."""
    found: list[str] = []
    for value in values:
        if "://" in value or not found:
            found.append(value.strip())
        else:
            found[-1] += f",{value}"
    return found


def parts(url: str) -> list[str]:
    """Return all that an address is made of, longest first: any of it may be secret."""
    rest = url.partition("://")[2]
    pieces = {piece for text in (rest, unquote(rest)) for piece in re.split(r"[/:@?&=#,;+]", text)}
    return sorted((one for one in pieces if len(one) >= LEAST_PART), key=len, reverse=True)


def kind(notice: Notice) -> str:
    """Return apprise's word for how grave a notice is."""
    if notice.test:
        return "info"
    if not notice.raised:
        return "success"
    return "failure" if any(one.severity == "error" for one in notice.raised) else "warning"
