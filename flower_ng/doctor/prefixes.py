"""Prefixes are the beginnings of keys under which Celery uses a Redis. In the pool's threads.

Workers with a `global_keyprefix` hear nobody who has another one, and are not heard.
"""

import time
from typing import Any, Final

#: What Kombu calls the set of the queues that workers are told commands through.
PIDBOX: Final = "_kombu.binding.celery.pidbox"
#: How long a Redis is gone through for it, how many keys at once, and how many are told.
SCAN_S, SCAN_KEYS, MOST_PREFIXES = 1.0, 1000, 5


def other_prefixes(client: Any, own: str) -> tuple[str, ...]:
    """Return the prefixes but our own under which workers of Celery are bound on a Redis."""
    found: set[str] = set()
    ends_at = time.monotonic() + SCAN_S
    for key in client.scan_iter(match=f"*{PIDBOX}", count=SCAN_KEYS):
        name = key.decode(errors="replace") if isinstance(key, bytes) else str(key)
        found.add(name.removesuffix(PIDBOX))
        if time.monotonic() > ends_at:
            break
    return tuple(sorted(found - {own})[:MOST_PREFIXES])
