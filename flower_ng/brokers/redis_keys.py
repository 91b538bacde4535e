"""Finds Kombu's keys in Redis in small steps; each check continues where the last one stopped.

Kombu keeps a set of bindings for each exchange, `_kombu.binding.<exchange>`; a member is routing
key, pattern and queue (`kombu.transport.redis`). Answers to a command that come too late make a
list `<id>.reply.celery.pidbox`, which nobody reads and nothing deletes. Blocking, in the pool.
"""

from collections.abc import Iterator
from typing import Any, Final

from flower_ng.brokers.condition import StaleQueue

BINDINGS: Final = "_kombu.binding."
REPLIES: Final = ".reply.celery.pidbox"
#: A millisecond of Redis' time a look: so many steps over so many keys each.
STEPS: Final = 4
KEYS: Final = 1000
#: Keys of a kind that are remembered.
MOST: Final = 5000
#: An answer that nobody took for so long is for nobody: nobody waits for one for minutes.
STALE_S: Final = 600


class KeyScan:
    """The keys that match a pattern, as of the last round through all keys."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._cursor = 0
        self._before: set[str] = set()
        self._now: set[str] = set()

    @property
    def keys(self) -> list[str]:
        """What was found, in this round and the one before."""
        return sorted(self._before | self._now)

    def go_on(self, client: Any) -> None:
        """Look at some more keys."""
        for _ in range(STEPS):
            self._cursor, found = client.scan(self._cursor, self._pattern, KEYS)
            self._now.update(key.decode(errors="replace") for key in found)
            if not self._cursor or len(self._now) > MOST:
                self._before, self._now, self._cursor = self._now, set(), 0
                return


class Leftovers:
    """The queues that are bound, and the answers that are stale. `prefix` is Kombu's own."""

    def __init__(self, prefix: str, separator: str) -> None:
        self._prefix, self._separator = prefix, separator
        self._bindings = KeyScan(f"{escaped(prefix)}{BINDINGS}*")
        self._replies = KeyScan(f"{escaped(prefix)}*{REPLIES}")

    def go_on(self, client: Any) -> None:
        """Look at some more keys."""
        self._bindings.go_on(client)
        self._replies.go_on(client)

    def queues(self, client: Any) -> list[str]:
        """Return the names of the queues that are bound, those for events and control left out."""
        keys = [key for key in self._bindings.keys if not is_own(key.rpartition(BINDINGS)[2])]
        pipeline = client.pipeline(transaction=False)
        for key in keys:
            pipeline.smembers(key)
        found = [
            member.decode(errors="replace").rpartition(self._separator)[2]
            for members in pipeline.execute(raise_on_error=False)
            if not isinstance(members, Exception)
            for member in members
        ]
        return sorted(name for name in set(found) if name and not is_own(name))

    def stale(self, client: Any) -> Iterator[StaleQueue]:
        """Yield the lists of answers that nobody has touched for long."""
        keys = self._replies.keys
        pipeline = client.pipeline(transaction=False)
        for key in keys:
            pipeline.object("IDLETIME", key)
            pipeline.llen(key)
        told = pipeline.execute(raise_on_error=False)
        for key, idle_s, length in zip(keys, told[::2], told[1::2], strict=True):
            if isinstance(idle_s, int) and idle_s > STALE_S and isinstance(length, int):
                yield StaleQueue(key.removeprefix(self._prefix), "", length)


def is_own(name: str) -> bool:
    """Say whether a queue or exchange is Celery's own, for events or control."""
    return name.startswith("celeryev") or name.endswith(".pidbox")


def escaped(text: str) -> str:
    """Return a text as a pattern of Redis that matches itself."""
    return "".join(f"\\{sign}" if sign in "*?[]\\" else sign for sign in text)
