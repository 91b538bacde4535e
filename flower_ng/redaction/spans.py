"""Finds where the value of a key begins and ends in a text: Python, JSON, headers, URLs. Pure.

The expressions take time that grows with the text and no faster: each repetition is possessive or
bounded, and what is not closed ends with the text.
"""

import re
from dataclasses import dataclass
from typing import Final

#: A key has no more characters on either side of a stem.
_REACH: Final = 64
_KEY_REST: Final = re.compile(rf"[\w-]{{0,{_REACH}}}")
#: What stands between a key and its value: `key=`, `"key": `, `\'key\': `, `[key] => `.
_BETWEEN: Final = re.compile(r"""(\\{0,31}["'])?\]?\s{0,8}(?:=>|:=|[:=](?![=:]))\s{0,8}""")
#: A pair in a list, `[('key', 'value'), …]`.
_PAIR: Final = re.compile(r"""(\\{0,31}["'])\s?,\s{0,8}(?=\\{0,31}["'])""")
_PAIR_BEGINS: Final = ("[(", "[[", "((", "([", ", (", ", [")
#: What environments are listed as, `{"name": "KEY", "value": "…"}`.
_NAMED: Final = re.compile(r"""(\\{0,31}["'])\s?,\s{0,8}\\{0,31}["']value\\{0,31}["']\s?:\s{0,8}""")
#: An option of a command line, `--key value` or `'--key', 'value'`.
_FLAG: Final = re.compile(r"""(\\{0,31}["'])\s?,\s{0,8}|(?:\s{1,8})(?=[^\s-])""")
_QUOTED: Final = re.compile(r"""[bBuUrRfF]{0,2}(\\{0,31}["'])""")
_BODIES: Final = {
    "'": re.compile(r"(?:[^'\\]++|\\.)*+", re.DOTALL),
    '"': re.compile(r'(?:[^"\\]++|\\.)*+', re.DOTALL),
}
_BARE: Final = re.compile(
    r"""(?:(?:basic|bearer|token|digest)\s+)?(?:[^\s,;&()\[\]{}'"<>\\]|\\(?![nrt'"]))+""",
    re.IGNORECASE,
)
_LINE: Final = re.compile(r"""(?:[^\r\n'"\\]|\\(?![nr'"]))+""")
_STEP: Final = re.compile(
    r"""'(?:[^'\\]++|\\.?)*+(?:'|\Z)|"(?:[^"\\]++|\\.?)*+(?:"|\Z)|[\[\](){}<>]""",
    re.DOTALL,
)
_CLOSES: Final = {"(": ")", "[": "]", "{": "}", "<": ">"}
#: What says that there is no secret.
NOTHING: Final = frozenset(
    {"None", "True", "False", "null", "true", "false", "NULL", "nil", "undefined", "NaN"}
)
#: The whole line of these is their value.
_OF_A_LINE: Final = ("authorization", "cookie")
_NUMBER: Final = re.compile(r"[-+]?[\d_]+(?:\.\d*)?")


@dataclass(frozen=True, slots=True)
class ValueSpan:
    """Where a value stands; `quote` is to be put around what takes its place.

    `is_bare` is a value without quotes and brackets, `is_number` one of digits alone.
    """

    start: int
    end: int
    quote: str = ""
    is_bare: bool = False
    is_number: bool = False


def key_around(text: str, start: int, end: int) -> tuple[int, int]:
    """Return where the key begins and ends that holds a part of itself from start to end."""
    found = _KEY_REST.match(text, end)
    least = max(0, start - _REACH)
    while start > least and (text[start - 1].isalnum() or text[start - 1] in "_-"):
        start -= 1
    return start, found.end() if found else end


def value_after(text: str, start: int, end: int, *, is_source: bool = False) -> ValueSpan | None:
    """Return where the value of the key stands that is from start to end; None where it has none.

    An empty value is none, and so is one that says that there is none, and in source code a name
    that stands for a value.
    """
    if between := _BETWEEN.match(text, end):
        if is_source and _is_bare(text, between.end()):
            return None
        return _value(text, between.end(), between[1] or "", text[start:end].lower())
    if between := _NAMED.match(text, end):
        return _value(text, between.end(), between[1])
    if text.startswith("--", start) and (between := _FLAG.match(text, end)):
        return _value(text, between.end(), between[1] or "")
    if between := _PAIR.match(text, end):
        before = text[max(0, start - len(between[1]) - 3) : start].removesuffix(between[1])
        if before.endswith(_PAIR_BEGINS):
            return _last_of_pair(text, between.end(), between[1])
    return None


def _is_bare(text: str, at: int) -> bool:
    return text[at : at + 1] not in _CLOSES and not _QUOTED.match(text, at)


def _last_of_pair(text: str, at: int, quote: str) -> ValueSpan | None:
    """Return where the second text of a pair stands; None where more texts follow."""
    span = _value(text, at, quote)
    after = "" if span is None else text[span.end + len(quote) :][:2].strip()[:1]
    return span if after in (")", "]", "") else None


def _value(text: str, at: int, key_quote: str, key: str = "") -> ValueSpan | None:
    if opening := _QUOTED.match(text, at):
        end = _end_of_quoted(text, opening.end(), opening[1])
        return _unless_nothing(text, ValueSpan(opening.end(), end))
    if text[at : at + 1] in _CLOSES:
        end = _end_of_group(text, at)
        return None if end - at <= len("{}") else ValueSpan(at, end, key_quote or "'")
    pattern = _LINE if key.endswith(_OF_A_LINE) and not key_quote else _BARE
    found = pattern.match(text, at)
    if found is None:
        return None
    end = found.end()
    if text[end : end + 1] == "(":
        end = _end_of_group(text, end)
    words = text[at:end]
    span = ValueSpan(
        at, end, key_quote, is_bare=True, is_number=bool(_NUMBER.fullmatch(words.strip()))
    )
    return _unless_nothing(text, span)


def _unless_nothing(text: str, span: ValueSpan) -> ValueSpan | None:
    value = text[span.start : span.end]
    is_nothing = not value.strip("*") or (span.is_bare and value.strip() in NOTHING)
    return None if is_nothing else span


def _end_of_quoted(text: str, start: int, quote: str) -> int:
    """Return where a quoted text ends: before its last quote, or with the text if that is cut."""
    if len(quote) == 1:
        found = _BODIES[quote].match(text, start)
        return found.end() if found else len(text)
    at = text.find(quote, start)
    while at > 0 and text[at - 1] == "\\":  # of a text deeper within
        at = text.find(quote, at + len(quote))
    return at if at >= 0 else len(text)


def _end_of_group(text: str, start: int) -> int:
    """Return where a group in brackets ends; what is cut ends with the text."""
    opens, depth = text[start], 0
    for step in _STEP.finditer(text, start):
        if step[0] == opens:
            depth += 1
        elif step[0] == _CLOSES[opens]:
            depth -= 1
            if depth == 0:
                return step.end()
    return len(text)
