"""Finds words of a search that look like a mistake, and suggests what was meant. Pure.

Flower takes `x:y` for text where x is no field, and any word for a state. So do we, and say so.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

from flower_ng.store.search.fields import FIELDS, STATES, field_named
from flower_ng.store.search.parser import Token, tokens

#: Words that other tools have for our fields.
_FIELDS: Final[Mapping[str, str]] = {
    "status": "state",
    "task": "name",
    "taskname": "name",
    "task_name": "name",
    "type": "name",
    "host": "worker",
    "hostname": "worker",
    "workername": "worker",
    "arg": "args",
    "kwarg": "kwargs",
    "exc": "exception",
    "err": "exception",
    "error": "exception",
    "trace": "traceback",
    "taskid": "id",
    "task_id": "id",
    "root_id": "root",
    "parent_id": "parent",
    "duration": "runtime",
}
#: Words that people have for Celery's states.
_STATES: Final[Mapping[str, str]] = {
    "failed": "FAILURE",
    "fail": "FAILURE",
    "error": "FAILURE",
    "succeeded": "SUCCESS",
    "successful": "SUCCESS",
    "done": "SUCCESS",
    "ok": "SUCCESS",
    "running": "STARTED",
    "active": "STARTED",
    "waiting": "RECEIVED",
    "queued": "PENDING",
    "retried": "RETRY",
    "retrying": "RETRY",
    "cancelled": "REVOKED",
    "canceled": "REVOKED",
}
_NAMES: Final = [name for field in FIELDS for name in (field.name, *field.aliases)]
_HEAD: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: How alike two words are, from 0 to 1, of which one is taken for the other misspelt.
_ALIKE: Final = 0.8


@dataclass(frozen=True, slots=True)
class SearchSuggestion:
    """Why a word may be a mistake, at its 0-based position, and the search that was likely meant.

    A word that names no `field` is searched as text, so it may match much more than was meant.
    """

    message: str
    position: int
    instead: str
    is_field: bool


def suggestions(text: str) -> tuple[SearchSuggestion, ...]:
    """Return the suggestions about a search that can be parsed; what is in quotes is meant so."""
    return tuple(doubt for token in tokens(text) for doubt in _doubts(text, token))


def _doubts(text: str, word: Token) -> Iterator[SearchSuggestion]:
    head, colon, value = word.text.partition(":")
    if word.kind != "word" or not colon or word.bare != word.text:
        return
    name = head if field_named(head) else _field(head)
    state = _state(value) if name.casefold() == "state" else ""
    end = word.position + len(word.text)
    instead = f"{text[: word.position]}{name}:{state or value}{text[end:]}"
    if name and name != head:
        message = f"No field {head}; did you mean {name}:?"
        yield SearchSuggestion(message, word.position, instead, is_field=True)
    elif state:
        message = f"{value} is none of Celery's states; did you mean {state}?"
        yield SearchSuggestion(message, word.position, instead, is_field=False)


def _field(head: str) -> str:
    """Return the field that a word without meaning is likely to mean, empty where none."""
    if not _HEAD.fullmatch(head):
        return ""
    name = head.lower()
    near = get_close_matches(name, _NAMES, n=1, cutoff=_ALIKE)
    return _FIELDS.get(name) or (near[0] if near else "")


def _state(value: str) -> str:
    """Return the state that a word is likely to mean, empty where it is one or like none."""
    word = value.casefold()
    known = {state.casefold(): state for state in STATES}
    if not value.isascii() or word in known:
        return ""
    near = get_close_matches(word, known, n=1, cutoff=_ALIKE)
    return _STATES.get(word) or (known[near[0]] if near else "")
