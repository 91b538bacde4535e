"""Hides secrets in free text: representations, messages of exceptions, tracebacks, URLs. Pure.

Such texts have no grammar: what looks like a secret is hidden, which may be too much or too little.
"""

import re
from typing import Final

from flower_ng.redaction.names import STEMS, Secrecy, SecretNames
from flower_ng.redaction.spans import key_around, value_after
from flower_ng.truncation import mark_in

#: Stands where a secret was.
HIDDEN: Final = "[redacted]"
#: The same in URLs, where brackets mean something else.
HIDDEN_IN_URL: Final = "***"

#: Names of secrets that are looked at in one text: behind them all is hidden, so that a text that
#: was made to cost time costs little of it.
MOST_NAMES: Final = 500
#: How a worker marks what it cut.
_CUT_END: Final = "..."
#: A line of source code in a traceback.
_SOURCE: Final = "    "
#: The one character with more than one in lower case.
_TWO_IN_LOWER_CASE: Final = "\u0130"
#: User and password; in a password a slash may stand where it can't be a port.
_USERINFO: Final = re.compile(
    r"""://([^\s'"/?#:@\[\]]{0,512})"""
    r"""(:(?:[^\s'"/?#]*|(?!\d{1,5}(?:[/?#]|$))(?:(?!://)[^\s'"])*))?@"""
)
_WEB: Final = ("http", "https", "ws", "wss")
SCHEME_MAX: Final = 5
_SCHEME: Final = re.compile(r"\b(bearer|basic)(\s+)([\w\-.~+/]{8,}={0,2})", re.IGNORECASE)
#: It may stand behind a few words with hyphens. Where no word goes on: each is looked at once.
_JWT: Final = re.compile(r"(?<![\w-])((?:\w{0,32}-){0,4})eyJ[\w-]{8,}+\.[\w-]{4,}+(?:\.[\w-]*+)?")
_PEM: Final = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|\Z)",
    re.DOTALL,
)
#: Tokens of well-known services, and what looks as random; only in `strict`.
_RANDOM: Final = re.compile(r"(?<![\w+=-])[\w+=-]{24,512}")
_HEX: Final = re.compile(r"[0-9a-fA-F]{32,}")


def is_suspicious(lower: str) -> bool:
    """Whether a text in lower case has what names of secrets hold, or forms of secrets have.

    Written out, because a loop takes three times as long, and this is done for every event.
    """
    return (
        "://" in lower
        or "pass" in lower
        or "token" in lower
        or "key" in lower
        or "auth" in lower
        or "secret" in lower
        or "pwd" in lower
        or "cred" in lower
        or "cookie" in lower
        or "bearer" in lower
        or "eyj" in lower
        or "-----b" in lower
    )


class TextRedactor:
    """Hides what the names say, and what has the form of a secret whatever its name."""

    def __init__(self, names: SecretNames, *, is_strict: bool) -> None:
        self._names, self._is_strict = names, is_strict
        self._stems = re.compile("|".join(map(re.escape, (*STEMS, *names.more_stems))))

    def redacted(self, text: str, *, is_traceback: bool = False) -> str:
        """Return a text without its secrets; source code keeps names that stand for values."""
        text = self._without_named(text, is_traceback=is_traceback)
        lowered = text.lower()
        if "://" in text:
            text = _USERINFO.sub(self._userinfo, text)
        if "bearer" in lowered or "basic" in lowered:
            text = _SCHEME.sub(_scheme, text)
        if "eyJ" in text:
            text = _JWT.sub(rf"\g<1>{HIDDEN}", text)
        if "-----BEGIN" in text:
            text = _PEM.sub(HIDDEN, text)
        return _RANDOM.sub(_random, text) if self._is_strict else text

    def _without_named(self, text: str, *, is_traceback: bool) -> str:
        parts: list[str] = []
        done = key_end = names = 0
        source = SourceLines(text) if is_traceback else None
        for stem in self._stems.finditer(lowered(text)):
            if stem.start() < max(done, key_end):
                continue
            key_start, key_end = key_around(text, *stem.span())
            secrecy = self._names.secrecy(text[key_start:key_end])
            if not secrecy:
                continue
            names += 1
            if names > MOST_NAMES:
                return "".join([*parts, text[done:key_start], HIDDEN, mark_in(text[key_start:])])
            is_source = source is not None and source.holds(key_start)
            span = value_after(text, key_start, key_end, is_source=is_source)
            if span is None or (span.is_number and secrecy == Secrecy.TEXT):
                continue
            if span.is_bare and is_source:
                continue
            value = text[span.start : span.end]
            if value.startswith(HIDDEN):
                continue
            parts += (text[done : span.start], span.quote, HIDDEN, span.quote)
            parts.append(cut_of(text, span.end, value))
            done = span.end
        return "".join([*parts, text[done:]]) if parts else text

    def _userinfo(self, found: re.Match[str]) -> str:
        user, password = found[1], found[2]
        if (password or user).strip(":*") == "":
            return found[0]
        before = found.string[max(0, found.start() - SCHEME_MAX) : found.start()]
        if self._is_strict or before.lower().endswith(_WEB):
            return f"://{HIDDEN_IN_URL}@"
        return found[0] if password is None else f"://{user}:{HIDDEN_IN_URL}@"


def lowered(text: str) -> str:
    """Return a text in lower case, each character in its place."""
    return text.replace(_TWO_IN_LOWER_CASE, "i").lower()


class SourceLines:
    """The lines of source code in a traceback; places are asked for in their order."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._line = self._looked_at = 0

    def holds(self, at: int) -> bool:
        """Whether a place is in one."""
        self._line = max(self._line, self._text.rfind("\n", self._looked_at, at) + 1)
        self._looked_at = at
        return self._text.startswith(_SOURCE, self._line)


def cut_of(text: str, end: int, value: str) -> str:
    """Return the mark of a cut that went with a value: a text that was cut stays known as cut."""
    if end == len(text) and value.endswith(_CUT_END):
        return _CUT_END
    return mark_in(value)


def _scheme(found: re.Match[str]) -> str:
    """Hide what is no word of prose."""
    credentials = found[3]
    is_word = credentials.isalpha() and credentials[1:].islower()
    return found[0] if is_word else f"{found[1]}{found[2]}{HIDDEN}"


def _random(found: re.Match[str]) -> str:
    text = found[0]
    is_mixed = (
        any(map(str.isdigit, text)) and any(map(str.isupper, text)) and any(map(str.islower, text))
    )
    return HIDDEN if is_mixed or _HEX.fullmatch(text) else text
