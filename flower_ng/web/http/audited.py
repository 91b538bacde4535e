"""Audited records what a request did, or tried to do: in the log and in the store. On the loop."""

import base64
import binascii
import logging
from collections.abc import Callable, Collection, Mapping
from http import HTTPStatus
from typing import Any, ClassVar, Final

import msgspec
from tornado.httputil import parse_cookie
from tornado.web import HTTPError

from flower_ng.audit_record import DONE, FAILED, REFUSED, AuditEntry
from flower_ng.errors import AnswerError
from flower_ng.web.auth.roles import Need
from flower_ng.web.auth.sessions import SESSION_COOKIE, LoginSession, Sessions
from flower_ng.web.http.audit import (
    NAME_LENGTH,
    REASON_LENGTH,
    VALUE_LENGTH,
    RefusalLimit,
    clean,
    outcome_of,
    parameters,
    result_of,
)
from flower_ng.web.http.frame import Framed

log = logging.getLogger("flower_ng.web.http.base")

LOGIN, LOGOUT = "login", "logout"
#: With what a wrong password is answered, and one that is not even compared.
WRONG_PASSWORD: Final = (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS)


class Audited(Framed):
    """A request of which a record is made where it writes, or logs somebody in or out."""

    need: ClassVar[Need]
    #: Whether it is asked for by a form.
    is_form: ClassVar[bool] = False
    #: Whether it lets people in.
    is_login: ClassVar[bool] = False

    #: What may be given, where a route refuses all else; of other names no value is recorded.
    parameter_names: ClassVar[Collection[str] | None] = None

    #: Why it was not done, where it was not.
    failure: BaseException | None = None
    _is_recorded: bool = False
    _has_left: bool = False

    def on_finish(self) -> None:
        """Record what was refused before its route had it, or failed in a way nobody foresaw."""
        if self._is_recorded or self.request.method == "OPTIONS":
            return
        if self.is_action:
            self.record_action()
        elif self.is_login:
            self._record_login()
        elif self._has_wrong_password():
            self.record(self._entry(LOGIN, REFUSED, self._claimed_user(), "basic"))

    @property
    def is_action(self) -> bool:
        """Whether it is asked to change something."""
        return self.request.method == "POST" and self.need >= Need.OPERATE

    def record_action(self, answer: Mapping[str, Any] | None = None, words: str = "") -> None:
        """Record what the route did; `words` is how the log says what came of it."""
        path = self.request.path.removeprefix(self.services.prefix)
        action = path.removeprefix("/api/").removeprefix("/do/")
        target = "/".join(self.path_args)
        if target:
            action = action.removesuffix(self._raw_target(action)).rstrip("/")
        status = self._status()
        is_open = answer is None and self.failure is None
        outcome = outcome_of(status, self.failure, has_left=self._has_left and is_open)
        who, how = self.identity.name, str(self.identity.how)
        if status in WRONG_PASSWORD and self._claimed_user():
            who, how = self._claimed_user(), "basic"
        entry = self._entry(action, outcome, who, how)
        entry = msgspec.structs.replace(
            entry,
            target=clean(target, VALUE_LENGTH),
            parameters=parameters(self.request, self.cluster.redactor, self.parameter_names),
            result=result_of(answer),
        )
        self.record(entry, words)

    def record(self, entry: AuditEntry, words: str = "") -> None:
        """Write an entry into the log and the store; refusals of one peer only up to a number."""
        self._is_recorded = True
        refusals: RefusalLimit = self.settings.get("refusals") or RefusalLimit()
        left_out = refusals.left_out(entry, entry.at)
        if left_out is None:
            return
        if left_out:
            more = f"{entry.reason} ({left_out} refusals of this peer before it are not recorded)"
            entry = msgspec.structs.replace(entry, reason=more.strip())
        said = words or f"{entry.status} {entry.reason}".rstrip()
        log.info(
            "%s by %s from %s: %s",
            self.request.path,
            entry.who,
            entry.peer,
            said,
            extra={"fields": {"audit": msgspec.to_builtins(entry)}},
        )
        self.cluster.store.record(entry)
        acted: Callable[[], None] | None = self.settings.get("acted")
        if acted:
            acted()  # pages tell of it

    def _entry(self, action: str, outcome: str, who: str, how: str) -> AuditEntry:
        return AuditEntry(
            at=self.services.clock(),
            who=clean(who, NAME_LENGTH),
            how=how,
            peer=self.request.remote_ip or "",
            action=clean(action, NAME_LENGTH),
            outcome=outcome,
            status=self._status(),
            reason="" if outcome == DONE else self._why(),
            is_form=self.is_form,
        )

    def _raw_target(self, action: str) -> str:
        """Return the end of a path that names what is acted on, as it was sent."""
        pattern = str(getattr(self, "path", ""))
        fixed = pattern.partition("(")[0].removeprefix("/api/").removeprefix("/do/")
        return action[len(fixed) :]

    def _status(self) -> int:
        return self.failure.status if isinstance(self.failure, AnswerError) else self.get_status()

    def _why(self) -> str:
        """Say why it was not done, in a line without secrets."""
        error, words = self.failure, ""
        if isinstance(error, AnswerError):
            words = error.message
        elif isinstance(error, HTTPError):
            words = error.log_message or error.reason or ""
        words = words or HTTPStatus(self._status()).phrase
        return clean(self.cluster.redactor.text(words), REASON_LENGTH)

    def _has_wrong_password(self) -> bool:
        is_refused = self.get_status() in WRONG_PASSWORD
        return is_refused and bool(self.services.door.basic and self._claimed_user())

    def _claimed_user(self) -> str:
        """Return the name that a Basic header gives, whether or not it is right."""
        scheme, _, credentials = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return ""
        try:
            told = base64.b64decode(credentials.strip(), validate=True).decode(errors="replace")
        except (binascii.Error, ValueError):
            return ""
        return told.partition(":")[0]

    def _record_login(self) -> None:
        """Record who was let in, or that somebody was not; not who is only sent to log in."""
        session = self._new_session()
        if session is not None:
            self.record(self._entry(LOGIN, DONE, session.who, "session"), "logged in")
        elif self.get_status() >= HTTPStatus.BAD_REQUEST:
            is_failed = self._status() >= HTTPStatus.INTERNAL_SERVER_ERROR
            self.record(self._entry(LOGIN, FAILED if is_failed else REFUSED, "", "session"))

    def record_logout(self, who: str, result: str = "") -> None:
        """Record whose session this request ended."""
        entry = self._entry(LOGOUT, DONE, who, "session")
        self.record(msgspec.structs.replace(entry, result=result), "logged out")

    def _new_session(self) -> LoginSession | None:
        """Return the session that the answer begins."""
        sessions: Sessions = self.settings["sessions"]
        for header in self._headers.get_list("Set-Cookie"):
            value = parse_cookie(header.partition(";")[0]).get(SESSION_COOKIE)
            if session := sessions.of(value):
                return session
        return None
