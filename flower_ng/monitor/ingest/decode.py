"""The border: turns message bodies from the wire into Events, and counts what it refuses.

Runs on whichever thread decodes, the loop as a rule. Well-formed JSON takes the fast path, one
typed decode. Whatever that refuses is looked at field by field: a field that cannot be read is left
out or cut, an event without type, host name or id is refused, and nothing is ever merged blindly.
"""

import time
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final

import msgspec
from celery import Celery
from kombu.exceptions import ContentDisallowed, KombuError
from kombu.serialization import loads, prepare_accept_content

from flower_ng.event_record import NAME_LENGTH, Event
from flower_ng.monitor.ingest.inbox import EventMessage
from flower_ng.monitor.ingest.losses import Losses
from flower_ng.monitor.state.event_repair import BARE, TASK_TYPES, Malformed, clean

JSON: Final = "application/json"
PICKLE: Final = "application/x-python-serialize"
#: What the typed decoder raises: UnicodeDecodeError is no DecodeError of msgspec's.
UNREADABLE: Final = (msgspec.DecodeError, UnicodeError, RecursionError)


class Wire:
    """Decodes messages; `malformed` counts what it refused, by reason.

    `accept` are the serializers (names or content types) that are used for events.
    """

    def __init__(
        self,
        accept: AbstractSet[str] = frozenset({"json"}),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.malformed = Losses("Ignored %d malformed events, the newest: %s", clock)
        #: The content type of the newest message that was refused, if that was the reason.
        self.disallowed = ""
        self._accept = prepare_accept_content(accept)
        self._clock = clock
        self._decode = msgspec.json.Decoder(Event | list[Event]).decode

    def events(self, message: EventMessage) -> list[Event]:
        """Return the events of a message that can be used; never raises."""
        if message.content_type == JSON:
            try:
                decoded = self._decode(message.body)
            except UNREADABLE:
                return list(self._salvage(message))
            events = decoded if isinstance(decoded, list) else [decoded]
            if _are_whole(events):
                return events
        return list(self._salvage(message))

    def bodies(self, message: EventMessage) -> list[Any]:
        """Return what a message holds, one item an event, as it was sent; never raises."""
        try:
            kind, encoding = message.content_type, message.content_encoding
            body = loads(message.body, kind, encoding, accept=self._accept)
        except ContentDisallowed:
            self.refuse("content type")
            self.disallowed = ascii(message.content_type[:NAME_LENGTH])[1:-1]
            return []
        except (KombuError, ValueError, LookupError, TypeError, RecursionError):
            self.refuse("not decodable")
            return []
        return body if isinstance(body, list) else [body]

    def refuse(self, reason: str) -> None:
        """Count one event or message that cannot be used; log it at most every 5 s."""
        self.malformed.add((reason,))
        self.disallowed = ""

    def _salvage(self, message: EventMessage) -> Iterator[Event]:
        """Yield what can be saved of a message that the typed decoder refused."""
        now = self._clock()
        for body in self.bodies(message):
            try:
                yield clean(body, now)
            except Malformed as refused:
                self.refuse(refused.reason)


def _are_whole(events: list[Event]) -> bool:
    """Whether typed events also keep the rules that types cannot say, and are all that was sent.

    Events of the app's own say more than their types can.
    """
    for event in events:
        kind = event.type
        if kind in TASK_TYPES:
            if event.uuid is None:
                return False
        elif kind in BARE or kind.startswith("task-"):
            return False
    return True


class _Typed(msgspec.Struct, gc=False):
    type: str = "unknown"


_TYPES: Final = msgspec.json.Decoder(_Typed | list[_Typed])


def types_of(message: EventMessage) -> list[str]:
    """Return the types of a message's events, for counting what is dropped; cheap.

    A message that cannot be read at all counts as one event of type `unknown`.
    """
    try:
        decoded = _TYPES.decode(message.body)
    except UNREADABLE:
        return ["unknown"]
    events = decoded if isinstance(decoded, list) else [decoded]
    return [event.type[:NAME_LENGTH] for event in events]


def accepted(capp: Celery) -> frozenset[str]:
    """Return the content types to read events from: the app's event serializer, and JSON always.

    As Celery's own receiver, but pickle, which can run code, only if `accept_content` names it too.
    """
    used = prepare_accept_content({capp.conf.event_serializer, "json"}) or set()
    allowed = prepare_accept_content(capp.conf.accept_content or ()) or set()
    return frozenset(used - ({PICKLE} - allowed))
