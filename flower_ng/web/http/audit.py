"""Makes the record of an action: who did what, from where, with what, and what came of it. Pure.

A request that never reached its route, because the guard refused it, has one too.
"""

import json
from collections.abc import Collection, Mapping
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

from tornado.httputil import HTTPServerRequest

from flower_ng.audit_record import DONE, FAILED, REFUSED, UNCERTAIN, AuditEntry
from flower_ng.errors import AnswerError
from flower_ng.printable import one_line
from flower_ng.redaction import Redactor
from flower_ng.truncation import CUT_MARK, cut

#: Characters of a name, of a value, of a reason; parameters at most.
NAME_LENGTH: Final = 200
VALUE_LENGTH: Final = 300
REASON_LENGTH: Final = 500
MOST_PARAMETERS: Final = 30
#: What is looked at of a value and of all values together, in characters, and of a JSON body, in
#: bytes: whoever can connect may send more, which would hold up everybody.
MOST_OF_VALUE: Final = 1_000
MOST_OF_ALL: Final = 30_000
MOST_OF_BODY: Final = 1 << 18
#: How many values are inside of one another at most.
DEEPEST: Final = 20
_MORE: Final = "…"
#: Stands for a value of which nothing says what it is: it may be a secret under a misspelt name.
NOT_RECORDED: Final = "[not recorded: unknown name]"
#: Parameters that say nothing of an action.
_FORMS_OWN: Final = frozenset({"_xsrf", "next", "dry_run", "digest"})
#: What is kept of an answer.
_RESULTS: Final = (
    "task-id",
    "state",
    "forgotten",
    "deleted",
    "removed",
    "moved",
    "until",
    "batch",
    "count",
)
#: Refusals of one peer that are recorded in a span of time; more are counted.
REFUSALS: Final = 20
SPAN_S: Final = 60.0
MOST_PEERS: Final = 1000


def parameters(
    request: HTTPServerRequest, redactor: Redactor, known: Collection[str] | None = None
) -> dict[str, str]:
    """Return the arguments of a request, of the query and the body, without secrets and cut.

    Of names that are not `known`, where these are given, the value is left out.
    """
    is_form = not request.body.lstrip().startswith(b"{")  # whatever its content type says
    arguments = request.arguments if is_form else request.query_arguments
    wanted = (name for name in arguments if name not in _FORMS_OWN)
    given: dict[str, Any] = {
        name: arguments[name] if len(arguments[name]) > 1 else arguments[name][0]
        for name in islice(wanted, MOST_PARAMETERS)
    }
    fields = {} if is_form else _of_json(request.body)
    given |= fields or {}
    if known is not None:
        given = {name: one if name in known else NOT_RECORDED for name, one in given.items()}
    if fields is None:
        given["body"] = f"{len(request.body):,} bytes, too many to be recorded"
    hidden: Mapping[str, Any] = redactor.value(_Beginning().of(given))
    return {
        clean(redactor.text(name), NAME_LENGTH): clean(_text(value), VALUE_LENGTH)
        for name, value in hidden.items()
    }


class _Beginning:
    """Copies the beginning of a value, and not the end: a secret's name may be in the middle."""

    def __init__(self) -> None:
        self._left = MOST_OF_ALL

    def of(self, value: Any, depth: int = 0) -> Any:
        self._left -= 1
        if self._left <= 0 or depth > DEEPEST:
            return _MORE
        if isinstance(value, bytes):
            begun = value[: 4 * MOST_OF_VALUE].decode(errors="replace")
            return self._text(begun, len(value))
        if isinstance(value, str):
            return self._text(value, len(value))
        if isinstance(value, Mapping):
            items = islice(value.items(), MOST_PARAMETERS)
            return {str(name)[:NAME_LENGTH]: self.of(one, depth + 1) for name, one in items}
        if is_list(value):
            return [self.of(one, depth + 1) for one in value[:MOST_PARAMETERS]]
        return value

    def _text(self, text: str, length: int) -> str:
        begun = text[: max(0, min(MOST_OF_VALUE, self._left))]
        self._left -= len(begun)
        return begun if len(begun) == len(text) else begun + CUT_MARK.format(length)


def is_list(value: Any) -> bool:
    """Whether a value has others in an order."""
    return isinstance(value, list | tuple)


def outcome_of(status: int, error: BaseException | None, *, has_left: bool) -> str:
    """Return what came of a request."""
    if getattr(error, "is_uncertain", False) or has_left:
        return UNCERTAIN
    if isinstance(error, AnswerError):
        status = error.status
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return FAILED
    return REFUSED if status >= HTTPStatus.BAD_REQUEST else DONE


def result_of(answer: Mapping[str, Any] | None) -> str:
    """Return what is kept of an answer: ids, numbers."""
    kept = {name: answer[name] for name in _RESULTS if name in answer} if answer else {}
    return clean(", ".join(f"{name} {value}" for name, value in kept.items()), VALUE_LENGTH)


def clean(text: str, length: int) -> str:
    """Return a text from outside that can be shown anywhere."""
    return one_line(cut(text, length))


def _of_json(body: bytes) -> dict[str, Any] | None:
    """Return the fields of a JSON object, nothing of a broken one, and None for a large one."""
    if len(body) > MOST_OF_BODY:
        return None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


class RefusalLimit:
    """Keeps who guesses passwords from filling the record: says which refusals are recorded."""

    def __init__(self) -> None:
        self._peers: dict[str, tuple[float, int]] = {}

    def left_out(self, entry: AuditEntry, now: float) -> int | None:
        """Return None for one that is not recorded, else how many before it were not."""
        if entry.outcome != REFUSED:
            return 0
        began, number = self._peers.get(entry.peer, (now, 0))
        before = max(0, number - REFUSALS)
        if now - began >= SPAN_S:
            began, number = now, 0
        else:
            before = 0
        self._peers.pop(entry.peer, None)
        self._peers[entry.peer] = began, number + 1
        while len(self._peers) > MOST_PEERS:
            del self._peers[next(iter(self._peers))]
        return before if number < REFUSALS else None
