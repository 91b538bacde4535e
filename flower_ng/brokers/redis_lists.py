"""Looks for a message in the lists that Kombu keeps of a queue in Redis. Blocking, in the pool."""

import math
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import msgspec

from flower_ng.brokers.messages import (
    QueueIds,
    QueuePlace,
    content_type,
    in_json,
    of_kombu,
)

if TYPE_CHECKING:
    import redis

#: So many messages of a list are looked at for one of them, so many at a time.
LOOKED_AT: Final = 10_000
SLICE: Final = 500
#: A look for the place of a message begins no further slice after so long, in seconds.
LOOK_S: Final = 1.0


def messages_of(client: "redis.Redis", key: str, until: float = math.inf) -> Iterator[bytes]:
    """Yield the messages of a list, the next one first, up to LOOKED_AT.

    `until` is by the monotonic clock; the slice in which it passes is the last.
    """
    for start in range(0, LOOKED_AT, SLICE):
        if time.monotonic() > until:
            return
        found: Any = client.lrange(key, -start - SLICE, -start - 1)
        yield from reversed(found)
        if len(found) < SLICE:
            return


def place_of_task(client: "redis.Redis", keys: Sequence[str], task_id: str) -> QueuePlace:
    """Return where the message of a task stands; the lists are taken from in this order."""
    before, is_whole, needle = 0, True, in_json(task_id)
    until = time.monotonic() + LOOK_S
    for key in keys:
        looked_at = 0
        for raw in messages_of(client, key, until):
            if needle in raw and of_kombu(raw).id == task_id:
                return QueuePlace(before + looked_at, is_whole, content_type(raw))
            looked_at += 1
        length: Any = client.llen(key)
        is_whole = is_whole and looked_at >= length
        before += max(looked_at, length)
    return QueuePlace(is_whole=is_whole)


def ids_of_tasks(client: "redis.Redis", keys: Sequence[str], unacked_key: str) -> QueueIds:
    """Return the ids of the tasks in the lists of a queue, and of those that workers hold."""
    waiting, held, is_whole = set[str](), set[str](), True
    until = time.monotonic() + LOOK_S
    for key in keys:
        looked_at = 0
        for raw in messages_of(client, key, until):
            waiting.add(of_kombu(raw).id)
            looked_at += 1
        length: Any = client.llen(key)
        is_whole = is_whole and looked_at >= length
    for number, (_, raw) in enumerate(client.hscan_iter(unacked_key, count=SLICE), 1):
        held.add(_held_id(raw))
        if number >= LOOKED_AT or time.monotonic() > until:
            is_whole = is_whole and number >= int(client.hlen(unacked_key))
            break
    return QueueIds(frozenset(waiting - {""}), frozenset(held - {""}), is_whole)


def _held_id(raw: bytes) -> str:
    """Return the id of what a worker holds: Kombu keeps the message, and where it came from."""
    try:
        message = msgspec.json.decode(raw, type=tuple[msgspec.Raw, str | None, str | None])[0]
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return of_kombu(bytes(message)).id
