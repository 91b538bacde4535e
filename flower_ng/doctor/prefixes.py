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
    cursor, ends_at = 0, time.monotonic() + SCAN_S
    while True:
        cursor, keys = client.scan(cursor, match=f"*{PIDBOX}", count=SCAN_KEYS)
        found |= {_text(key).removesuffix(PIDBOX) for key in keys}
        if not int(cursor) or time.monotonic() > ends_at:
            return tuple(sorted(found - {own})[:MOST_PREFIXES])


def _text(key: bytes | str) -> str:
    return key.decode(errors="replace") if isinstance(key, bytes) else key
