"""Broken and hostile events, as anyone who reaches the broker can send them, and what comes out.

REFUSED gives no event and one refusal. CLEANED gives one event: (base, field, sent, kept), where
CUT stands for a text that is cut. APART are fields that no event of Celery's has.
"""

import json
import math
from typing import Any

NOW = 1_700_000_000.0
GOOD: dict[str, Any] = {
    "type": "task-received",
    "hostname": "w1@box",
    "timestamp": NOW - 5,
    "utcoffset": 0,
    "clock": 7,
    "pid": 12,
    "uuid": "u-1",
    "name": "shop.add",
    "args": "(1, 2)",
    "kwargs": "{}",
    "retries": 0,
    "eta": None,
}
BEAT: dict[str, Any] = {
    "type": "worker-heartbeat",
    "hostname": "w1@box",
    "timestamp": NOW - 5,
    "freq": 2.0,
    "active": 1,
    "processed": 3,
    "loadavg": [0.1, 0.2, 0.3],
    "sw_ident": "py-celery",
}
CUT = object()


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in GOOD.items() if key != name}


REFUSED: dict[str, Any] = {
    "a string": "x",
    "a number": 5,
    "null": None,
    "not JSON": b"{",
    "nothing": b"",
    "nested too deep": b"[" * 100_000,
    "bad UTF-8": b'{"type": "\xff"}',
    "no type": without("type"),
    "type is a number": {**GOOD, "type": 5},
    "type is null": {**GOOD, "type": None},
    "type is empty": {**GOOD, "type": ""},
    "type without subject": {**GOOD, "type": "task-"},
    "type is a bare group": {**GOOD, "type": "task"},
    "type of 1 MB": {**GOOD, "type": "task-" + "x" * 10**6},
    "no hostname": without("hostname"),
    "hostname is a number": {**GOOD, "hostname": 5},
    "hostname is null": {**GOOD, "hostname": None},
    "hostname is a list": {**GOOD, "hostname": ["w"]},
    "hostname is empty": {**GOOD, "hostname": ""},
    "hostname of 100 kB": {**GOOD, "hostname": "w" * 10**5},
    "no uuid": without("uuid"),
    "uuid is null": {**GOOD, "uuid": None},
    "uuid is a list": {**GOOD, "uuid": [1]},
    "uuid is an object": {**GOOD, "uuid": {"a": 1}},
    "uuid of 1 MB": {**GOOD, "uuid": "u" * 10**6},
}

CLEANED: list[tuple[dict[str, Any], str, Any, Any]] = [
    (GOOD, "type", "task-<script>", "task-<script>"),
    (GOOD, "type", "<script>alert(1)</script>", "<script>alert(1)</script>"),
    (GOOD, "hostname", 'a/b%2f"<i>\n ü@h', 'a/b%2f"<i>\n ü@h'),
    (GOOD, "hostname", "w\ud800", "w\ufffd"),
    (GOOD, "uuid", 5, "5"),
    (GOOD, "uuid", "u\ud800", "u\ufffd"),
    (GOOD, "name", 5, "5"),
    (GOOD, "name", ["a"], None),
    (GOOD, "name", "n\ud800", "n\ufffd"),
    (GOOD, "name", "a\x00b\n\"'", "a\x00b\n\"'"),
    (GOOD, "args", "a" * 5_000_000, CUT),
    (GOOD, "kwargs", "[" * 20_000, CUT),
    (GOOD, "args", {"a": 1}, "{'a': 1}"),
    (GOOD, "kwargs", [1, "x"], "[1, 'x']"),
    (GOOD, "runtime", "fast", None),
    (GOOD, "runtime", -5, None),
    (GOOD, "runtime", math.nan, None),
    (GOOD, "runtime", math.inf, None),
    (GOOD, "parent_id", 7, None),
    (GOOD, "root_id", ["x"], None),
    (GOOD, "parent_id", "u-1", "u-1"),
    (GOOD, "eta", "junk", "junk"),
    (GOOD, "expires", "junk", "junk"),
    (GOOD, "exception", "<script>x</script>", "<script>x</script>"),
    (GOOD, "traceback", "T" * 5_000_000, CUT),
    (BEAT, "freq", "x", None),
    (BEAT, "freq", None, None),
    (BEAT, "freq", 1e300, 3600.0),
    (BEAT, "freq", 0, 1.0),
    (BEAT, "freq", -1, 1.0),
    (BEAT, "active", "many", None),
    (BEAT, "active", [1], None),
    (BEAT, "active", -3, None),
    (BEAT, "loadavg", [math.nan, 1, 1], None),
    (BEAT, "loadavg", "<i>", None),
    (GOOD, "timestamp", "now", NOW),
    (GOOD, "timestamp", None, NOW),
    (GOOD, "timestamp", math.nan, NOW),
    (GOOD, "timestamp", math.inf, NOW),
    (GOOD, "timestamp", 1e18, NOW),
    (GOOD, "timestamp", -1e12, NOW),
    (GOOD, "clock", "x", None),
    (GOOD, "clock", None, None),
    (GOOD, "clock", math.inf, None),
    (GOOD, "clock", math.nan, None),
    (GOOD, "clock", 2**70, None),
]

APART = (
    "worker", "children", "as_dict", "_serializer_handlers", "cluster_state", "__class__", "state",
    "heartbeats", "alive", "event", "utcoffset", "received_at",
)  # fmt: skip


def encoded(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def bodies() -> list[bytes]:
    """All of them, as messages."""
    cleaned = ({**base, field: sent} for base, field, sent, _ in CLEANED)
    apart = ({**GOOD, field: ["x"]} for field in APART)
    goodbye = {**BEAT, "type": "worker-offline", "hostname": "stranger@box"}
    return [encoded(body) for body in (*REFUSED.values(), *cleaned, *apart, [], goodbye)]
