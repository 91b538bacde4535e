"""Sessions are the logins by a provider: signed cookies, which end, and of which ends are kept.

The cookie is Flower's, so that a session survives the switch. On the loop.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Protocol

from tornado.web import create_signed_value, decode_signed_value

SESSION_COOKIE: Final = "user"
#: The groups of a session, which Flower's cookie has no room for.
GROUPS_COOKIE: Final = "user_groups"
#: What signs someone out of all browsers, for as long as the page that offers it is looked at.
EVERYWHERE: Final = "everywhere"
EVERYWHERE_DAYS: Final = 1 / 24
DAY_S: Final = 86_400.0
#: Cookies of Tornado's older form, which sign less, are not accepted.
_VERSION: Final = 2


class Ends(Protocol):
    """What was ended, and when."""

    @property
    def is_known(self) -> bool:
        """Whether what was ended before the start is known."""

    def put(self, key: str, at: float, /) -> None:
        """Note an end, at UTC seconds."""

    def ended_at(self, key: str, /) -> float | None:
        """When it ended; None for what did not."""


@dataclass(frozen=True, slots=True)
class LoginSession:
    """One login: an e-mail address, since when (UTC seconds), and the groups of that time."""

    who: str
    began: int
    groups: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What its end is noted by."""
        return _key(f"{self.began} {self.who}")


class Sessions:
    """Signs and checks sessions, with the site's secret; each lasts at most `max_age_s`."""

    def __init__(
        self,
        secret: str,
        ends: Ends,
        max_age_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.max_age_days = max_age_s / DAY_S
        self._secret, self._ends, self._clock = secret, ends, clock
        self._started = int(clock())

    def of(self, cookie: str | None, groups: str | None = None) -> LoginSession | None:
        """The session of a cookie; None for one that is forged, too old, or has ended."""
        who = self._read(SESSION_COOKIE, cookie, self.max_age_days)
        if not who or cookie is None:
            return None
        session = LoginSession(who, _signed_at(cookie))
        if self._has_ended(session):
            return None
        return LoginSession(who, session.began, self._groups(session, groups))

    def signed(self, who: str) -> str:
        """The cookie of a new session."""
        began = int(self._clock())
        while self._has_ended(LoginSession(who, began)):  # one that ended within this second
            began += 1
        return self._write(SESSION_COOKIE, who, began)

    def signed_groups(self, session: LoginSession, groups: Sequence[str]) -> str:
        """The cookie that holds the groups of a session, and counts for no other."""
        return self._write(GROUPS_COOKIE, json.dumps([session.key, *groups]), session.began)

    def end(self, session: LoginSession) -> None:
        """End a session: its cookie opens nothing any more, wherever it was copied to."""
        self._ends.put(session.key, self._clock())

    def offer_everywhere(self, who: str) -> str:
        """What ends all sessions of someone, for an hour; for the page of that person alone."""
        return self._write(EVERYWHERE, who, int(self._clock()))

    def end_everywhere(self, offer: str) -> str:
        """End all sessions of whom this was offered to, and say who; empty for no such offer."""
        who = self._read(EVERYWHERE, offer, EVERYWHERE_DAYS)
        if who:
            self.end_all(who)
        return who

    def end_all(self, who: str) -> None:
        """End all sessions of someone, by exactly the name that they log in under."""
        self._ends.put(_key(who), self._clock())

    def _has_ended(self, session: LoginSession) -> bool:
        if not self._ends.is_known and session.began < self._started:
            return True  # nothing can say whether it did
        everywhere = self._ends.ended_at(_key(session.who))
        if everywhere is not None and session.began <= everywhere:
            return True
        return self._ends.ended_at(session.key) is not None

    def _groups(self, session: LoginSession, cookie: str | None) -> tuple[str, ...]:
        text = self._read(GROUPS_COOKIE, cookie, self.max_age_days)
        key, *groups = json.loads(text) if text else [""]
        return tuple(groups) if key == session.key else ()

    def _read(self, name: str, cookie: str | None, max_age_days: float) -> str:
        told = decode_signed_value(
            self._secret, name, cookie, max_age_days, self._clock, min_version=_VERSION
        )
        return (told or b"").decode(errors="replace")

    def _write(self, name: str, value: str, at: int) -> str:
        signed = create_signed_value(self._secret, name, value, _VERSION, lambda: at)
        return signed.decode()


def _signed_at(cookie: str) -> int:
    """Return when a cookie was signed, which `2|1:0|10:1790000000|…` tells."""
    return int(cookie.split("|")[2].partition(":")[2])


def _key(text: str) -> str:
    return sha256(text.encode()).hexdigest()
