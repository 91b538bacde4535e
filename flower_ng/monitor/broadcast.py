"""Broadcasts: commands to workers' mailboxes, and their replies; in the pool's threads.

The messages are those of `kombu.pidbox`. Replies are gathered here and not by kombu, because one
deadline holds for them all, and several commands share one connection and one wait.
"""

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import uuid4

from celery import Celery
from kombu import Consumer, Producer
from kombu.message import Message

from flower_ng.monitor.lines import Line, Lines

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


class Broadcasts:
    """Sends commands and gathers replies. Unavailable when the broker cannot be reached.

    `reply_s` is how long a single worker's reply to a command is awaited.
    """

    def __init__(self, capp: Celery, reply_s: float = REPLY_S) -> None:
        self.reply_s = reply_s
        self._lines = Lines(capp)

    def tell(
        self, command: str, arguments: Arguments, destination: Sequence[str] | None = None
    ) -> None:
        """Send a command whose reply nobody waits for; without a destination to all workers."""
        with self._lines.line() as line:
            publish(line, command, arguments, destination)

    def ask(
        self,
        commands: Mapping[str, Arguments],
        destination: Sequence[str] | None,
        timeout_s: float,
        awaited: Collection[str] = (),
    ) -> Replies:
        """Send commands at once; return what was replied within `timeout_s` of sending them.

        Ends early when each of the `destination` has replied to each command; without one, soon
        after each of `awaited` has. With neither it lasts the whole time.
        """
        gathering = Gathering(commands, destination or awaited)
        grace_s = 0.0 if destination else GRACE_S
        with self._lines.line() as line:
            queue = line.reply_queue()
            with Consumer(
                line.channel,
                [queue],
                callbacks=[gathering.take],
                on_decode_error=unreadable,
                accept=line.mailbox.accept,
                no_ack=True,
            ):
                for ticket, command in gathering.tickets.items():
                    publish(line, command, commands[command], destination, ticket)
                drain(line, gathering, timeout_s, grace_s)
            line.channel.after_reply_message_received(queue.name)
        return gathering.replies

    def close(self) -> None:
        """Close the connections that are not in use."""
        self._lines.close()


class Gathering:
    """The replies to commands that were sent together; a ticket tells which one is replied to."""

    def __init__(self, commands: Collection[str], awaited: Collection[str]) -> None:
        self.tickets = {str(uuid4()): command for command in commands}
        self.replies: Replies = {command: {} for command in commands}
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
        self.replies[command].update(body)
        self._missing.difference_update((command, name) for name in body)


def publish(
    line: Line,
    command: str,
    arguments: Arguments,
    destination: Sequence[str] | None,
    ticket: str | None = None,
) -> None:
    """Send one command as kombu's mailbox does; with a ticket a reply is asked for."""
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
    Producer(line.channel, auto_declare=False).publish(
        message,
        exchange=mailbox.exchange.name,
        declare=[mailbox.exchange],
        headers={"clock": mailbox.clock.forward(), "expires": 0},
        serializer=mailbox.serializer,
        retry=False,
    )


def drain(line: Line, gathering: Gathering, timeout_s: float, grace_s: float) -> None:
    """Receive until the time is over, or for `grace_s` once the gathering is complete."""
    ends_at = time.monotonic() + timeout_s
    is_ending = False
    while (left_s := ends_at - time.monotonic()) > 0:
        with suppress(TimeoutError):
            line.connection.drain_events(timeout=min(left_s, SLICE_S))
        if gathering.is_complete and not is_ending:
            ends_at, is_ending = min(ends_at, time.monotonic() + grace_s), True


def unreadable(message: Message, error: Exception) -> None:
    """Pass over a reply in a form that the app's `accept_content` forbids."""
    log.warning("A worker's reply (%s) could not be read: %s", message.content_type, error)
