"""Hostile and broken events at the border: what is refused, what is cleaned, what is kept."""

import json
import logging
import pickle

import pytest
from celery import Celery
from hypothesis import given, settings
from hypothesis import strategies as st

from flower_ng.event_record import Event
from flower_ng.monitor.ingest.decode import Wire, accepted, types_of
from flower_ng.monitor.ingest.inbox import EventMessage
from flower_ng.monitor.state.event_repair import clean
from tests.monitor.corpus import APART, BEAT, CLEANED, CUT, GOOD, NOW, REFUSED, encoded, without


@pytest.fixture
def wire():
    return Wire(clock=lambda: NOW)


def decoded(wire, body, **message):
    return wire.events(EventMessage(encoded(body), **message))


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED.keys())
def test_an_unusable_event_is_refused_and_counted_once(wire, body):
    assert decoded(wire, body) == []
    assert sum(wire.malformed.values()) == 1


@pytest.mark.parametrize(("base", "field", "sent", "kept"), CLEANED)
def test_a_bad_field_is_cleaned_and_its_event_kept(wire, base, field, sent, kept):
    (event,) = decoded(wire, {**base, field: sent})

    value = getattr(event, field)
    if kept is CUT:
        beginning, mark, end = value.partition(f"… ({len(sent)} characters)")
        assert mark
        assert sent.startswith(beginning)
        assert sent.endswith(end.strip("\n"))
        assert len(value) in {4096, 65_536}
    else:
        assert value == kept
    assert sum(wire.malformed.values()) == 0


@pytest.mark.parametrize("field", APART)
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


@settings(deadline=None)  # a busy machine is no failure
@given(st.dictionaries(st.sampled_from([*GOOD, *BEAT, "extra"]), json_values), st.booleans())
def test_no_mutation_of_an_event_raises_or_breaks_json(changes, many):
    wire = Wire(clock=lambda: NOW)
    body = {**GOOD, **changes}

    for event in decoded(wire, [body, GOOD] if many else body):
        text = json.dumps([getattr(event, name) for name in event.__struct_fields__])
        json.loads(text.encode(), parse_constant=pytest.fail)


def test_events_may_come_in_the_apps_own_serializer():
    body = pickle.dumps([GOOD, without("uuid")])
    wire = Wire({"pickle"}, clock=lambda: NOW)

    events = decoded(wire, body, content_type="application/x-python-serialize")

    assert [event.uuid for event in events] == ["u-1"]
    assert wire.malformed == {"bad uuid": 1}


@pytest.mark.parametrize(
    ("settings", "takes_pickle"),
    [
        ({}, False),
        ({"event_serializer": "pickle"}, False),
        ({"event_serializer": "pickle", "accept_content": ["json", "pickle"]}, True),
    ],
)
def test_pickle_is_read_only_if_the_app_accepts_it_and_uses_it(settings, takes_pickle):
    app = Celery(set_as_current=False)
    app.conf.update(settings)

    assert ("application/x-python-serialize" in accepted(app)) is takes_pickle
    assert "application/json" in accepted(app)


def test_a_dropped_message_counts_by_the_types_of_its_events():
    assert types_of(EventMessage(encoded([GOOD, BEAT, {}]))) == [
        "task-received", "worker-heartbeat", "unknown",
    ]  # fmt: skip
    assert types_of(EventMessage(b"{")) == ["unknown"]


PROGRESS = {"type": "task-progress", "hostname": "w1@box", "timestamp": NOW - 5, "uuid": "u-1"}


def own(wire, **fields):
    (event,) = decoded(wire, {**PROGRESS, **fields})
    return json.loads(event.own)


def test_what_an_event_of_the_apps_own_says_is_kept(wire):
    said = own(wire, current=3, total=10, note="three of ten", done=False, parts=[1, {"a": 2}])

    assert said.items() >= {
        "current": 3, "total": 10, "note": "three of ten", "done": False, "parts": "[1, {'a': 2}]"
    }.items()  # fmt: skip
    assert not said.keys() & {"type", "uuid", "hostname", "timestamp", "clock", "pid"}


def test_what_it_says_is_bounded_in_number_and_size(wire):
    many = own(wire, **{f"field{number}": number for number in range(100)})
    long = own(wire, **{f"field{number}": "x" * 10_000 for number in range(10)})

    assert len(many) == 21
    assert many["…"] == 80
    assert len(json.dumps(long)) < 1300
    assert "… (10000 characters)" in long["field0"]


@pytest.mark.parametrize(
    "value", ["\ud800", float("nan"), 10**400, {"a": float("inf")}, ["\ud800"] * 50]
)
def test_whatever_it_says_can_be_written_as_json(value):
    event = clean({**PROGRESS, "field": value}, NOW)

    json.loads(event.own.encode())


def test_no_sender_can_put_words_into_celerys_own_events(wire):
    (event,) = decoded(wire, {**GOOD, "own": "{}", "flower_ng.own": "{}", "current": 1})

    assert event.own is None
    assert event.uuid == GOOD["uuid"]
