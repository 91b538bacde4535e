"""Unpickles what Flower pickled into plain data and Recorded, nothing else. In its own process.

A pickle names classes and has them called. Here each of the few names that Flower's files hold
stands for a record of what it would have been called with; any other name is refused.
"""

import pickle
from io import BytesIO
from typing import Any, Final, Self

from flower_ng.store.flower_file.shelf import UnreadableError

#: What Flower 2.0 to 2.2 with any Celery and Kombu of their time name in their files.
NAMES: Final = frozenset(
    {
        ("flower.events", "EventsState"),
        ("celery.events.state", "State"),
        ("celery.events.state", "Task"),
        ("celery.events.state", "Worker"),
        ("celery.events.state", "_depickle_task"),
        ("celery.events.state", "CallableDefaultdict"),
        ("celery.utils.functional", "LRUCache"),
        ("kombu.utils.functional", "LRUCache"),
        ("collections", "Counter"),
        ("collections", "OrderedDict"),
        ("collections", "defaultdict"),
        ("weakref", "WeakSet"),
        ("_weakrefset", "WeakSet"),
    }
)


class Recorded(dict[Any, Any]):
    """Stands for one object: the `name` of what was called, its `arguments`, `state` and items.

    It does nothing; as a dict it cannot be hashed either, so that it is a value and never a key.
    """

    __slots__ = ("arguments", "state")

    name = ""
    arguments: tuple[Any, ...]
    state: Any

    def __new__(cls, *arguments: Any) -> Self:
        """Record a call."""
        made = super().__new__(cls)
        made.arguments, made.state = arguments, None
        return made

    def __init__(self, *arguments: Any) -> None:
        """Do not take the arguments for those of a dict."""

    def __setstate__(self, state: Any) -> None:
        """Record what would have become its attributes."""
        self.state = state


class _Unpickler(pickle.Unpickler):
    def __init__(self, data: bytes) -> None:
        super().__init__(BytesIO(data))
        self._classes: dict[str, type[Recorded]] = {}

    def find_class(self, module: str, name: str, /) -> type[Recorded]:
        if (module, name) not in NAMES:
            raise UnreadableError(f"it names {module}.{name}, as no file of Flower's does")
        return self._classes.setdefault(name, type(name, (Recorded,), {"name": name}))


def unpickled(data: bytes) -> Any:
    """Return what a pickle holds: numbers, texts, lists, tuples, sets, dicts and Recorded.

    Raises UnreadableError for a name that is not Flower's, and whatever a damaged pickle raises.
    """
    return _Unpickler(data).load()
