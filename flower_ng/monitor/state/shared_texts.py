"""One copy of each text that many tasks have in common: they are most of a task. On the loop."""

import sys
from typing import Final

from flower_ng.event_record import Event
from flower_ng.life.wrapped_exception import raised_in
from flower_ng.monitor.state.eta import delayed_key

#: Names of task types remembered.
TYPES_MAX: Final = 10_000


class SharedTexts:
    """The texts that were seen; what puts them into events."""

    def __init__(self) -> None:
        self._types: dict[str, str] = {}

    def types(self) -> list[str]:
        """Return the names of task types seen so far, sorted; at most `TYPES_MAX`."""
        return sorted(self._types)

    def share(self, event: Event) -> None:
        """Put the shared copies into an event; correct what is no parent, and no exception."""
        if event.name is not None:
            event.name = self.type_of(event.name)
        if event.root_id is not None and event.root_id == event.uuid:
            # A root that retries is sent by itself, one that a chain replaces by that chain.
            event.root_id, event.parent_id = event.uuid, None
        elif event.parent_id is not None and event.parent_id == event.uuid:
            event.parent_id = None
        if event.exception is not None:
            event.exception = raised_in(event.exception, event.traceback)
        if event.routing_key is not None:
            event.routing_key = sys.intern(event.routing_key)
            if event.queue is None:
                event.queue = delayed_key(event.routing_key)
        if event.queue is not None:
            event.queue = sys.intern(event.queue)

    def type_of(self, name: str) -> str:
        """Return the one copy of a task type's name."""
        known = self._types.get(name)
        if known is not None:
            return known
        if len(self._types) < TYPES_MAX:
            self._types[name] = name
        return name
