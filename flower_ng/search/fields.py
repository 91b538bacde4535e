"""The fields of the search: one table for parser, help, documentation and completion. Pure.

Times are in UTC unless they name an offset; durations are in seconds unless they name a unit.
"""

from dataclasses import replace
from typing import Final

from flower_ng.life.runs import NOT_RUNNING
from flower_ng.records import BACKEND, INFERRED
from flower_ng.search.conditions import AllOf, AnyOf, Compare, Has, Is, Not, Search
from flower_ng.search.ranges import count, duration, moment
from flower_ng.search.values import (
    Field,
    FieldKind,
    FieldValue,
    argument,
    bounded,
    one_of,
    pair,
    part,
    text,
    whole,
)

#: Celery's; others may come up.
STATES: Final = (
    "PENDING", "RECEIVED", "STARTED", "SUCCESS", "FAILURE", "RETRY", "REVOKED", "REJECTED",
)  # fmt: skip


def _state(*names: str) -> Search:
    parts = tuple(Is("state", name) for name in names)
    return parts[0] if len(parts) == 1 else AnyOf(parts)


IS: Final[dict[str, Search]] = {
    "waiting": _state("pending", "received"),
    "running": Not(_state(*sorted(state.casefold() for state in NOT_RUNNING))),
    "finished": _state("success", "failure", "revoked"),
    "succeeded": _state("success"),
    "failed": _state("failure"),
    "retried": Compare("retries", ">", 0),
    "from-backend": Is("state_source", BACKEND),
    "inferred": Is("state_source", INFERRED),
}
HAS: Final[dict[str, Search]] = {
    "name": Has("name"),
    "worker": Has("worker"),
    "queue": Has("queue"),
    "result": Has("result"),
    "exception": Has("exception"),
    "traceback": Has("traceback"),
    "parent": Has("parent_id"),
    "root": Has("root_id"),
    "eta": Has("eta"),
    "expires": Has("expires"),
    "received": Has("received"),
    "started": Has("started"),
}

PART: Final = FieldKind("part of the text", {"text": "contains it"}, part)
TEXT: Final = FieldKind(
    "a text",
    {"text": "contains it", "text*": "begins with it", "=text": "is it", "*": "has one at all"},
    text,
)
WHOLE: Final = FieldKind("a state", {"STATE": "is it"}, whole)
PAIRS: Final = FieldKind(
    "part of the text, or a key and its value",
    {"text": "contains it", "key=value": "has this keyword argument"},
    pair,
)
COUNT: Final = FieldKind(
    "a whole number",
    {"3": "exactly", ">2": "more (also >=, <, <=)", "1..5": "both included", "5..": "at least"},
    bounded(count),
)
DURATION: Final = FieldKind(
    "seconds, or ms s m h d w",
    {
        ">5": "longer (also >=, <, <=)",
        "<1m30s": "shorter",
        "1..5m": "both included",
        "1.5h..": "at least",
    },
    bounded(duration),
)
TIME: Final = FieldKind(
    "a time (UTC, or with an offset)",
    {
        "2026-11-20": "on that day; also 2026-11, 2026-11-20T10, 2026-11-20T10:30",
        "2026-11-20..2026-11-21": "both included",
        ">=2026-11-20T10:30+01:00": "from then on (also >, <, <=)",
        "-1h..": "in the last hour",
        "-2h..-1h": "the hour before",
        "today": "also yesterday",
    },
    bounded(moment),
)


def _running(field: Field, value: FieldValue) -> Search:
    return AllOf((IS["running"], DURATION.read(field, value)))


RUNNING: Final = FieldKind(DURATION.takes, DURATION.forms, _running)

#: Stands for every `kwargs.path`, through dicts by key and lists by index.
ARGUMENT: Final = Field(
    "kwargs.key",
    FieldKind("a value", {"value": "is it, as text", "text*": "begins with it"}, argument),
    "pairs",
    "one keyword argument, also inside of others",
    "kwargs.order.id:7",
)

FIELDS: Final = (
    Field("name", TEXT, "name", "its name, also the one before `replace()`; with = its name now",
          "name:shop.*"),
    Field("state", WHOLE, "state", "the state", "state:FAILURE", values=STATES),
    Field("worker", TEXT, "worker", "the worker's host name", "worker:celery@w1"),
    Field("queue", TEXT, "queue", "the queue, where an event names it", "queue:=mail"),
    Field("exchange", TEXT, "exchange", "the exchange, where an event names it",
          "exchange:=orders"),
    Field("routing_key", TEXT, "routing_key", "the routing key, where an event names it",
          "routing_key:mail.*"),
    Field("args", PART, "args", "the positional arguments", 'args:"a b"'),
    Field("kwargs", PAIRS, "kwargs", "the keyword arguments", "kwargs:id=7"),
    ARGUMENT,
    Field("result", PART, "result", "the result", "result:done"),
    Field(
        "exception", TEXT, "exception", "the exception; with = its class", "exception:Timeout",
        whole_column="exception_class",
    ),
    Field("traceback", PART, "traceback", "the traceback", 'traceback:"line 12"'),
    Field("id", TEXT, "uuid", "the id of the task", "id:9b2c*", aliases=("uuid",)),
    Field("parent", TEXT, "parent_id", "the id of the task that called it", "parent:=9b2c7a50"),
    Field("root", TEXT, "root_id", "the id of the first task of its workflow", "root:=9b2c7a50"),
    Field("retries", COUNT, "retries", "how often it was retried", "retries:>2"),
    Field("runtime", DURATION, "runtime", "the run time; of a running task, so far", "runtime:>5"),
    Field("running", RUNNING, "runtime", "runs now, and for how long", "running:>1h"),
    Field("wait", DURATION, "wait", "from received (else sent) to started, or so far", "wait:>1m"),
    Field("received", TIME, "received", "when a worker received it", "received:-1h.."),
    Field("started", TIME, "started", "when it started", "started:today"),
    Field("finished", TIME, "finished", "when it succeeded, failed or was revoked",
          "finished:2026-11-20"),
    Field("sent", TIME, "sent", "when it was sent, where an event told", "sent:<-1d"),
    Field("updated", TIME, "timestamp", "its newest event", "updated:-5m..",
          aliases=("timestamp",)),
    Field("is", FieldKind("one of", dict.fromkeys(IS, ""), one_of(IS)), "", "what it is",
          "is:running", values=tuple(IS)),
    Field("has", FieldKind("one of", dict.fromkeys(HAS, ""), one_of(HAS)), "", "what it has",
          "has:exception", values=tuple(HAS)),
)  # fmt: skip

#: The fields that Flower has: they are fields in quotes too.
FLOWERS: Final = frozenset({"name", "state", "worker", "args", "kwargs", "result"})
_NAMED: Final = {name: field for field in FIELDS for name in (field.name, *field.aliases)}


def fields() -> tuple[Field, ...]:
    """Return all fields, as people should meet them."""
    return FIELDS


def field_named(word: str) -> Field | None:
    """Return the field of a name in any case, None where there is none."""
    name = word.casefold()
    if name.startswith("kwargs.") and name != "kwargs.":
        return replace(ARGUMENT, name=name)
    return _NAMED.get(name)
