"""Hostile and broken events at the border: what is refused, what is cleaned, what is kept."""

import json
import logging
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flower_ng.monitor.inbox import Message
from flower_ng.monitor.records import Event
from flower_ng.monitor.wire import Wire

NOW = 1_700_000_000.0
GOOD = {
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
BEAT = {
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


@pytest.fixture
def wire():
    return Wire(clock=lambda: NOW)


def decoded(wire, body, **message):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return wire.events(Message(raw, **message))


def without(name):
    return {key: value for key, value in GOOD.items() if key != name}


REFUSED = {
    "a string": "x",
    "a number": 5,
    "null": None,
    "not JSON": b"{",
    "bad UTF-8": b'{"type": "\xff"}',
    "no type": without("type"),
    "type is a number": {**GOOD, "type": 5},
    "type is null": {**GOOD, "type": None},
    "type is empty": {**GOOD, "type": ""},
    "type without subject": {**GOOD, "type": "task-"},
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


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_an_unusable_event_is_refused_and_counted_once(wire, body):
    assert decoded(wire, body) == []
    assert sum(wire.malformed.values()) == 1


CLEANED = [
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
    (GOOD, "traceback", "T" * 200_000, CUT),
    (BEAT, "freq", "x", None),
    (BEAT, "freq", None, None),
    (BEAT, "freq", 1e300, 3600.0),
    (BEAT, "freq", 0, 1.0),
    (BEAT, "freq", -1, 1.0),
    (BEAT, "active", "many", None),
    (BEAT, "active", [1], None),
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
    (GOOD, "type", "task-<script>", "task-<script>"),
]


@pytest.mark.parametrize(("base", "field", "sent", "kept"), CLEANED)
def test_a_bad_field_is_cleaned_and_its_event_kept(wire, base, field, sent, kept):
    (event,) = decoded(wire, {**base, field: sent})

    value = getattr(event, field)
    if kept is CUT:
        kept_text, _, mark = value.partition("…")
        assert sent.startswith(kept_text)
        assert mark == f" ({len(sent)} characters)"
        assert len(value) in {4096, 65_536}
    else:
        assert value == kept
    assert sum(wire.malformed.values()) == 0


@pytest.mark.parametrize(
    "field",
    ["worker", "children", "as_dict", "_serializer_handlers", "cluster_state", "__class__",
     "state", "heartbeats", "alive", "event", "utcoffset"],
)  # fmt: skip
def test_fields_that_celery_does_not_send_are_left_out(wire, field):
    (event,) = decoded(wire, {**GOOD, field: "x"})

    assert event.uuid == "u-1"
    assert field not in event.__struct_fields__
    assert event.__class__ is Event


def test_the_good_events_of_a_list_count_although_others_are_bad(wire):
    events = decoded(wire, [GOOD, None, {**GOOD, "uuid": "u-2"}, "x", 1])

    assert [event.uuid for event in events] == ["u-1", "u-2"]
    assert wire.malformed == {"not an object": 3}


def test_an_empty_list_is_nothing(wire):
    assert decoded(wire, []) == []
    assert not wire.malformed


@pytest.mark.parametrize("kind", ["application/x-python-serialize", "application/x-unknown"])
def test_a_content_type_that_the_app_does_not_accept_is_refused(wire, kind):
    assert decoded(wire, GOOD, content_type=kind) == []
    assert sum(wire.malformed.values()) == 1


def test_an_event_of_an_unknown_group_is_kept(wire):
    (event,) = decoded(wire, {"type": "my-event", "hostname": "w", "timestamp": NOW})

    assert event.type == "my-event"


def test_refusals_are_logged_once_in_five_seconds(caplog):
    now = [NOW]
    wire = Wire(clock=lambda: now[0])
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            decoded(wire, "x")
        now[0] += 6
        decoded(wire, "x")

    assert len(caplog.records) == 2
    assert "100" in caplog.records[1].getMessage()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*GOOD, *BEAT, "extra"]), json_values), st.booleans())
def test_no_mutation_of_an_event_raises_or_breaks_json(changes, many):
    wire = Wire(clock=lambda: NOW)
    body = {**GOOD, **changes}

    for event in decoded(wire, [body, GOOD] if many else body):
        text = json.dumps([getattr(event, name) for name in event.__struct_fields__])
        json.loads(text.encode(), parse_constant=pytest.fail)
