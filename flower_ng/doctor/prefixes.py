"""Finds other key prefixes (`global_keyprefix`) under which Celery uses a Redis. In the pool.

Workers and dashboards with different prefixes do not see each other.
"""

import time
from typing import Any, Final

#: The Redis set in which Kombu keeps the queues through which workers receive commands.
PIDBOX: Final = "_kombu.binding.celery.pidbox"
#: The longest time that the scan may take, keys per SCAN, and prefixes that are reported.
SCAN_S, SCAN_KEYS, MOST_PREFIXES = 1.0, 1000, 5


def other_prefixes(client: Any, own: str) -> tuple[str, ...]:
    """Return the prefixes other than our own under which Celery workers are bound on a Redis."""
    found: set[str] = set()
    cursor, ends_at = 0, time.monotonic() + SCAN_S
    while True:
        cursor, keys = client.scan(cursor, match=f"*{PIDBOX}", count=SCAN_KEYS)
        found |= {_text(key).removesuffix(PIDBOX) for key in keys}
        if not int(cursor) or time.monotonic() > ends_at:
            return tuple(sorted(found - {own})[:MOST_PREFIXES])


def _text(key: bytes | str) -> str:
    return key.decode(errors="replace") if isinstance(key, bytes) else key
