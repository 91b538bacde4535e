"""Messages that wait in a queue, by their headers alone: a body is never decoded. Pure."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

#: So much of a text of a header is kept.
MOST_TEXT: Final = 1024
#: Queues that Celery and Kombu keep for themselves, by how their names begin or end.
OWN_BEGINNINGS: Final = ("celeryev", "unacked", "_kombu.", "celery_delayed_")
OWN_ENDS: Final = (".pidbox",)


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """One message; empty or None is what its headers do not tell, `trouble` why they are not read.

    `args` and `kwargs` are the texts that the sender made of them; `size_bytes` counts all of it.
    """

    id: str = ""
    task: str = ""
    args: str = ""
    kwargs: str = ""
    eta: str = ""
    retries: int | None = None
    origin: str = ""
    priority: int | None = None
    size_bytes: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class QueueGlimpse:
    """The first messages of a queue, the next one first; `why_not` says why none is seen."""

    messages: tuple[WaitingMessage, ...] = ()
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class QueuePlace:
    """Where a task's message stands in a queue: so many are taken `before` it.

    `before` is None where it was not found; all of the queue was looked at where `is_whole`.
    `content_type` is that of its body. `why_not` says why nothing can be seen.
    """

    before: int | None = None
    is_whole: bool = False
    content_type: str = ""
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class QueueIds:
    """Of which tasks the messages wait in a queue, and which a worker holds, of any queue.

    All of them where `is_whole`. `why_not` says why nothing can be seen.
    """

    waiting: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    is_whole: bool = False
    why_not: str = ""


def is_system_queue(name: str, beginnings: Collection[str] = ()) -> bool:
    """Whether a queue is Celery's or Kombu's own: for events, commands, or deliveries.

    `beginnings` are those that the app's settings give such queues beside the usual ones.
    """
    return name.startswith((*OWN_BEGINNINGS, *beginnings)) or name.endswith(OWN_ENDS)


def of_kombu(raw: bytes) -> WaitingMessage:
    """Read a message as Kombu keeps it in Redis: JSON around a body that stays closed."""
    try:
        message = msgspec.json.decode(raw)
        headers = message.get("headers") or {}
        priority = (message.get("properties") or {}).get("priority")
    except (msgspec.DecodeError, AttributeError, UnicodeDecodeError):
        return WaitingMessage(size_bytes=len(raw), trouble="It is no message of Kombu's.")
    if not isinstance(headers, Mapping) or not headers.get("task"):
        return WaitingMessage(
            size_bytes=len(raw),
            trouble="Its headers name no task; its body, which may, is not opened.",
        )
    retries = headers.get("retries")
    return WaitingMessage(
        id=_text(headers.get("id")),
        task=_text(headers.get("task")),
        args=_text(headers.get("argsrepr")),
        kwargs=_text(headers.get("kwargsrepr")),
        eta=_text(headers.get("eta")),
        retries=retries if isinstance(retries, int) else None,
        origin=_text(headers.get("origin")),
        priority=priority if isinstance(priority, int) else None,
        size_bytes=len(raw),
    )


def content_type(raw: bytes) -> str:
    """Return what the body of a message is said to be; empty where that is not told."""
    try:
        return _text(msgspec.json.decode(raw).get("content-type"))
    except (msgspec.DecodeError, AttributeError, UnicodeDecodeError):
        return ""


def in_json(text: str) -> bytes:
    """Return a text as it stands in a message of Kombu's."""
    return json.dumps(text)[1:-1].encode()


def _text(value: Any) -> str:
    return "" if value is None else str(value)[:MOST_TEXT]
