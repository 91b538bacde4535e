"""Broadcasts sends control commands to workers and collects replies. In the pool's threads.

The messages are those of `kombu.pidbox`. Replies are collected here and not by Kombu, so that one
deadline holds for all, and several commands share one connection and one wait.
"""

import logging
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from celery import Celery
from kombu import Consumer, Producer
from kombu.exceptions import ContentDisallowed
from kombu.message import Message
from kombu.serialization import registry  # type: ignore[attr-defined] # the types lack it

from flower_ng.monitor.fanout import need_fanout
from flower_ng.monitor.remote.connections import REST_S, BrokerConnection, ConnectionPool
from flower_ng.monitor.servers import Servers

log = logging.getLogger(__name__)

Arguments = Mapping[str, Any]
#: Replies by command and host name.
Replies = dict[str, dict[str, Any]]

#: Celery's own default wait for the reply to a command.
REPLY_S = 1.0
#: The longest single wait inside kombu: some transports sleep it out.
SLICE_S = 0.1
#: When all that were awaited have replied, workers that nobody knew of get this much longer.
GRACE_S = 0.1
#: No command expires sooner: clocks differ, and a broker's own delivery takes some time.
MIN_EXPIRY_S = 1.0
NOTHING: AbstractContextManager[object] = nullcontext()
#: As much of an unreadable reply is kept: the name of who sent it stands at its beginning.
UNREADABLE_KEPT = 1024


@dataclass(frozen=True, slots=True)
class UnreadableReply:
    """A reply that could not be decoded: to which command, and why, in words."""

    command: str
    why: str
    body: bytes

    def sender(self, names: Iterable[str]) -> str | None:
        """Return which of these host names stands in it; None where none does.

        It can't be decoded, but every serializer of Kombu's writes the name as it is.
        """
        found = (name for name in names if name.encode() in self.body)
        return max(found, key=len, default=None)


@dataclass(frozen=True, slots=True)
class CollectedReplies:
    """What commands were replied: what could be read, and what could not.

    The newest reply came `took_s` after the commands were sent; None where none came.
    """

    replies: Replies
    unreadable: Sequence[UnreadableReply] = ()
    took_s: float | None = None


class Broadcasts:
    """Sends commands and gathers replies.

    Unavailable when the broker cannot be reached, or has no fanout: nothing is left on it then.

    A single worker's reply to a command is awaited for `reply_s`, and longer where the broker is
    far.
    """

    def __init__(
        self,
        capp: Celery,
        reply_s: float = REPLY_S,
        servers: Servers | None = None,
        rest_s: float = REST_S,
    ) -> None:
        self._reply_s = reply_s
        self._capp = capp
        self._lines = ConnectionPool(capp, servers, rest_s)

    @property
    def slack_s(self) -> float:
        """How much longer a call may take, because the broker is far; see Servers."""
        return self._lines.slack_s

    @property
    def reply_s(self) -> float:
        """How long a single worker's reply to a command is awaited at present."""
        return self._reply_s + self.reply_slack_s

    @property
    def reply_slack_s(self) -> float:
        """How much longer a reply may take, because the broker is far."""
        return self._lines.reply_slack_s

    def tell(
        self,
        command: str,
        arguments: Arguments,
        destination: Sequence[str] | None = None,
        *,
        expires_s: float | None = None,
        sending: AbstractContextManager[object] = NOTHING,
    ) -> None:
        """Send a command whose reply nobody waits for; without a destination to all workers.

        It is published inside `sending`.
        """
        need_fanout(self._capp)
        with self._lines.line() as line, line.publishing(sending):
            publish(line, command, arguments, destination, expires_s=expires_s)

    def ask(
        self,
        commands: Mapping[str, Arguments],
        destination: Sequence[str] | None,
        timeout_s: float,
        awaited: Collection[str] = (),
        *,
        expires_s: float | None = None,
        sending: AbstractContextManager[object] = NOTHING,
    ) -> CollectedReplies:
        """Send commands at once; return what was replied within `timeout_s` of sending them.

        They are published inside `sending`, and expire after `expires_s`, by default with the wait
        for their replies. Ends early when each of the `destination` has replied to each command;
        without one, soon after each of `awaited` has. With neither it lasts the whole time.
        """
        need_fanout(self._capp)
        gathering = ReplyCollector(commands, destination or awaited)
        expires_s = timeout_s if expires_s is None else expires_s
        grace_s = 0.0 if destination else GRACE_S
        with self._lines.line() as line:
            queue = line.reply_queue()
            with Consumer(
                line.channel,
                [queue],
                callbacks=[gathering.take],
                on_decode_error=gathering.miss,
                accept=line.mailbox.accept,
                no_ack=True,
            ):
                gathering.began = time.monotonic()
                with line.publishing(sending):
                    for ticket, command in gathering.tickets.items():
                        arguments = commands[command]
                        publish(line, command, arguments, destination, ticket, expires_s=expires_s)
                drain(line, gathering, timeout_s, grace_s)
            line.channel.after_reply_message_received(queue.name)
        return CollectedReplies(gathering.replies, tuple(gathering.unreadable), gathering.took_s)

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._lines.close()


class ReplyCollector:
    """The replies to commands that were sent together; a ticket tells which one is replied to."""

    def __init__(self, commands: Collection[str], awaited: Collection[str]) -> None:
        self.tickets = {str(uuid4()): command for command in commands}
        self.replies: Replies = {command: {} for command in commands}
        self.unreadable: list[UnreadableReply] = []
        self.began = 0.0
        self.took_s: float | None = None
        self._missing = {(command, name) for command in commands for name in awaited}
        self._can_end = bool(self._missing)

    @property
    def is_complete(self) -> bool:
        """Whether all that were awaited have replied; never when nobody was named."""
        return self._can_end and not self._missing

    def take(self, body: Any, message: Message) -> None:
        """Keep a reply; one that comes too late for an earlier call is dropped."""
        command = self.tickets.get(message.headers.get("ticket") or "")
        if command is None or not isinstance(body, dict):
            return
        self.took_s = time.monotonic() - self.began
        self.replies[command].update(body)
        self._missing.difference_update((command, name) for name in body)

    def miss(self, message: Message, error: Exception) -> None:
        """Keep a reply that can't be decoded; it is waited for no longer."""
        command = self.tickets.get(message.headers.get("ticket") or "")
        if command is None:
            return
        self.took_s = time.monotonic() - self.began
        body: object = message.body
        head = (body if isinstance(body, bytes) else str(body).encode())[:UNREADABLE_KEPT]
        reply = UnreadableReply(command, why_unreadable(message, error), head)
        self.unreadable.append(reply)
        log.warning("A worker %s", reply.why)
        self._missing.discard((command, reply.sender(name for _, name in self._missing) or ""))


def publish(
    line: BrokerConnection,
    command: str,
    arguments: Arguments,
    destination: Sequence[str] | None,
    ticket: str | None = None,
    *,
    expires_s: float | None = None,
) -> None:
    """Send one command as kombu's mailbox does; with a ticket a reply is asked for.

    RabbitMQ drops one that is older than `expires_s` and was not delivered yet. Celery's workers
    never look at the age of a command (`kombu.pidbox.Node.handle_message`), and Redis keeps none.
    """
    mailbox = line.mailbox
    message: dict[str, Any] = {
        "method": command,
        "arguments": dict(arguments),
        "destination": destination,
        "pattern": None,
        "matcher": None,
    }
    if ticket is not None:
        reply_to = {"exchange": mailbox.reply_exchange.name, "routing_key": line.reply_to}
        message |= {"ticket": ticket, "reply_to": reply_to}
    lives_s = None if expires_s is None else max(expires_s, MIN_EXPIRY_S)
    expires = 0 if lives_s is None else time.time() + lives_s
    Producer(line.channel, auto_declare=False).publish(
        message,
        exchange=mailbox.exchange.name,
        declare=[mailbox.exchange],
        headers={"clock": mailbox.clock.forward(), "expires": expires},
        expiration=lives_s,
        serializer=mailbox.serializer,
        retry=False,
    )


def drain(
    line: BrokerConnection, gathering: ReplyCollector, timeout_s: float, grace_s: float
) -> None:
    """Receive until the time is over, or for `grace_s` once the gathering is complete."""
    ends_at = time.monotonic() + timeout_s
    is_ending = False
    while (left_s := ends_at - time.monotonic()) > 0:
        with suppress(TimeoutError):
            line.connection.drain_events(timeout=min(left_s, SLICE_S))
        if gathering.is_complete and not is_ending:
            ends_at, is_ending = min(ends_at, time.monotonic() + grace_s), True


def why_unreadable(message: Message, error: Exception) -> str:
    """Say in what form a reply came, and what would make it readable."""
    content_type = str(message.content_type)
    if not isinstance(error, ContentDisallowed):
        return f"answered in {content_type} that can't be decoded: {error}"
    name = registry.type_to_name.get(content_type, content_type)
    return (
        f"answered in {content_type}, which this app may not read: add '{name}' to its"
        " accept_content, or set task_serializer = 'json' for the worker"
    )
