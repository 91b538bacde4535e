"""Moves messages from one queue to another, each as a whole or not at all. Blocking, in the pool.

A message is told its new queue: a worker that is lost, or runs it again later, gives it back there.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import redis
from amqp.basic_message import Message
from amqp.exceptions import MessageNacked
from kombu import Connection

from flower_ng.errors import NotFound

NO_MOVE: Final = "This kind of broker can't move messages from one queue to another."
#: One call takes no longer than that: what is left is for the next one.
SPAN_S: Final = 1.5
#: So many messages are in hand at once.
SLICE: Final = 50
#: Puts a message into its new list before it takes it out, which Redis does in one step; a message
#: that somebody has taken meanwhile stays taken.
ONE: Final = """
if redis.call('LINDEX', KEYS[1], -1) ~= ARGV[1] then return 0 end
redis.call('LPUSH', KEYS[2], ARGV[2])
redis.call('RPOP', KEYS[1])
return 1
"""


Failures: TypeAlias = tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True)
class MovedMessages:
    """How many messages were moved, of how many that is not known, and how many wait still.

    `left` is None where that is not known. `why` says what ended it before as many as wanted were
    moved; empty where no more waited, or it took long enough.
    """

    moved: int
    uncertain: int = 0
    why: str = ""
    left: int | None = None


def addressed(raw: bytes, queue: str) -> bytes:
    """Return a message of Kombu's as sent to another queue; what is none stays as it is."""
    try:
        message = json.loads(raw)
        message["properties"]["delivery_info"] |= {"exchange": "", "routing_key": queue}
        return json.dumps(message).encode()
    except (ValueError, KeyError, TypeError):
        return raw


def moved_in_redis(
    client: "redis.Redis", lists: Sequence[tuple[str, str]], queue: str, most: int
) -> MovedMessages:
    """Move the next messages from one list to another, for each pair of lists."""
    done, ends_at = 0, time.monotonic() + SPAN_S
    for source, target in lists:
        while done < most and time.monotonic() < ends_at:
            found: Any = client.lrange(source, -min(SLICE, most - done), -1)
            if not found:
                break
            pipeline = client.pipeline(transaction=False)
            for raw in reversed(found):
                pipeline.eval(ONE, 2, source, target, raw, addressed(raw, queue))
            try:
                told = pipeline.execute(raise_on_error=False)
            except (redis.ConnectionError, redis.TimeoutError) as error:
                return MovedMessages(done, len(found), f"Redis failed: {error}.")
            done += sum(one for one in told if isinstance(one, int))
            if refusal := next((one for one in told if isinstance(one, Exception)), None):
                return MovedMessages(done, 0, f"Redis refuses it: {refusal}.")
    try:
        left = sum(client.llen(source) for source, _ in lists)
    except redis.RedisError:
        return MovedMessages(done)
    return MovedMessages(done, left=left)


def moved_over_amqp(connection: Connection, source: str, target: str, most: int) -> MovedMessages:
    """Get, publish and have confirmed, and acknowledge one message after the other.

    One that was in hand when the connection broke is in its old queue, and perhaps in the new one
    too. So may be the last one that was acknowledged: an acknowledgement is not answered, and is
    known to have come only when the broker answers what was asked after it.
    """
    refused: Failures = (MessageNacked, *connection.channel_errors)
    failed: Failures = (OSError, *connection.connection_errors)
    sure = taken = done = 0
    require(connection, source)
    require(connection, target)
    channel: Any = connection.channel()
    ends_at = time.monotonic() + SPAN_S
    try:
        while done < most and time.monotonic() < ends_at:
            got = channel.basic_get(source)
            sure = taken
            if got is None:
                break
            message = Message(got.body, **got.properties)
            taken += 1
            channel.basic_publish_confirm(message, exchange="", routing_key=target, mandatory=True)
            channel.basic_ack(got.delivery_tag)
            done += 1
        left = _waiting(channel, source, refused)
    except refused as error:
        return MovedMessages(done, 0, f"The broker does not take it into {target!r}: {error}.")
    except failed as error:
        connection.collect()  # a broker that is silent would be waited for once more
        return MovedMessages(sure, taken - sure, f"The broker failed: {error}.")
    return MovedMessages(done, left=left)


def _waiting(channel: Any, queue: str, refused: Failures) -> int | None:
    """Return how many messages wait in a queue, None where it is gone."""
    try:
        return int(channel.queue_declare(queue, passive=True).message_count)
    except refused:
        return None


def require(connection: Connection, queue: str) -> None:
    """Raise NotFound unless there is such a queue; nothing is made by that."""
    channel: Any
    with connection.channel() as channel:
        try:
            channel.queue_declare(queue, passive=True)
        except connection.channel_errors as error:
            raise NotFound(f"The broker knows no queue {queue!r}: nothing was moved") from error
