"""Says of a key whether its name announces a secret. Pure."""

import re
from collections.abc import Collection
from enum import IntEnum
from fnmatch import translate
from functools import lru_cache
from typing import Final

#: Longer names are no names.
NAME_MAX: Final = 128
#: Answers that are remembered: apps use the same names again and again.
REMEMBERED: Final = 4096


class Secrecy(IntEnum):
    """What a name says of its value.

    A TEXT is a secret where it is a text: `tokens` may also be a number of tokens.
    """

    NONE = 0
    TEXT = 1
    ALWAYS = 2


#: Names of secrets, in words of lower case with `_` between them.
_ALWAYS: Final = re.compile(
    r"passw|passphrase|passcode|(?:^|_)pwd(?:_|$)|secret(?!ar)|credential|authorization"
    r"|(?:api|access|private|secret|signing|encryption|account|shared|master|storage|webhook|aes"
    r"|hmac|rsa|ssh|auth|session|cookie|licen[cs]e)_?keys?$|api_?key"
)
_TEXT: Final = re.compile(r"tokens?$|token_(?:value|hash|data|key)$|(?:^|_)(?:pass|auth|cookies?)$")
#: What is beside a secret and none itself.
_ABOUT: Final = re.compile(
    r"_(?:at|age|count|days|enabled|expir\w+|field|file|hint|interval|len|length|max|min|path"
    r"|policy|required|reset|seconds|strength|timeout|ttl|type|ur[il]|valid)$"
    r"|(?:^|_)(?:max|min|num|n|total|prompt|completion|input|output|used)_?tokens?$|passwordless"
)
#: What `strict` adds: names of keys of all kinds, and of what is personal.
_STRICT: Final = re.compile(
    r"(?:^|_)keys?$|auth(?!or)|token|session|signature|cookie|(?:^|_)(?:cert|certificate|csrf|cvv|cvc|dob|dsn|iban"
    r"|jwt|nonce|otp|pan|pin|pin_code|salt|sid|sig|ssn|tan|tax_id)(?:_|$)|e_?mail|phone|birth|address"
    r"|card_?(?:no|number)|passport|(?:first|last|full|family|given)_?name$"
)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_BETWEEN: Final = re.compile(r"\W+")

#: Each name of a secret holds one of these, in lower case: other texts are not looked through.
STEMS: Final = ("pass", "pwd", "secret", "token", "key", "auth", "cred", "cookie")
_STRICT_STEMS: Final = (
    "sess", "jwt", "otp", "cert", "csrf", "cvv", "cvc", "dob", "dsn", "iban", "nonce", "pan", "pin",
    "salt", "sid", "sig", "ssn", "tan", "tax", "mail", "phone", "birth", "address", "card", "name",
)  # fmt: skip


class SecretNames:
    """Knows the names of secrets; `patterns` are more of them, as in `*_iban`, in any case."""

    def __init__(self, *, is_strict: bool, patterns: Collection[str] = ()) -> None:
        self._is_strict = is_strict
        wanted = [translate(pattern.strip().lower()) for pattern in patterns]
        self._more = re.compile("|".join(wanted) or r"(?!)")
        more = [literal(pattern) for pattern in patterns]
        strict = _STRICT_STEMS if is_strict else ()
        #: What names of secrets hold beside STEMS, in lower case.
        self.more_stems = tuple(dict.fromkeys([*strict, *more]))
        self.secrecy = lru_cache(REMEMBERED)(self._secrecy)

    def _secrecy(self, name: str) -> Secrecy:
        """Return what a name says of its value; `-`, `.` and capitals part its words too."""
        words = _BETWEEN.sub("_", _CAMEL.sub("_", name[:NAME_MAX])).lower().strip("_")
        if self._more.fullmatch(name.lower()) or self._more.fullmatch(words):
            return Secrecy.ALWAYS
        if _ABOUT.search(words):
            return Secrecy.NONE
        if _ALWAYS.search(words) or (self._is_strict and _STRICT.search(words)):
            return Secrecy.ALWAYS
        return Secrecy.TEXT if _TEXT.search(words) else Secrecy.NONE


def literal(pattern: str) -> str:
    """Return the longest part of a pattern that stands for itself, in lower case."""
    return max(re.split(r"[*?]", pattern.strip().lower()), key=len)
