"""Facts: what workers say, in words, whatever they say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flower_ng.monitor.remote.capacity import fitting
from flower_ng.web.ui.facts import Fact, facts, other_facts, pool_facts, shown, usage_facts

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "–"),
        ("", "–"),
        ([], "–"),
        ({}, "–"),
        (0, "0"),
        (True, "yes"),
        (False, "no"),
        ([1, None, "x"], "1, –, x"),
        ({"a": 1, "b": {"c": True}}, "a: 1, b: c: yes"),
        ("amqp://me:hunter2@host//", "amqp://me:**@host//"),
        (["redis://:hunter2@a", "redis://b"], "redis://:**@a, redis://b"),
    ],
)
def test_a_value_reads_well(value, words):
    assert shown(value) == words


@pytest.mark.parametrize(
    "key",
    ["password", "redis_password", "passwd", "secret_key", "access_token", "api_key", "apikey",
     "ssl_private_key", "AWS_CREDENTIALS", "keyPassphrase"],
)  # fmt: skip
def test_what_is_named_a_secret_is_masked(key):
    assert shown("hunter2", key) == "**"
    assert facts({key: {"inner": "hunter2"}}) == (Fact(facts({key: 1})[0].label, "**"),)


@pytest.mark.parametrize("key", ["task_default_routing_key", "passive", "broker_url"])
def test_what_only_sounds_like_one_is_not(key):
    assert shown("open", key) == "open"


def test_inner_names_are_joined_with_the_outer():
    assert facts({"writes": {"inqueues": {"total": 4}}}) == (Fact("Writes inqueues total", "4"),)


@pytest.mark.parametrize(("slots", "active", "shown"), [(4, 54, None), (4, 4, 4), (None, 3, None)])
def test_slots_that_were_told_before_the_pool_grew_are_not_shown(slots, active, shown):
    assert fitting(slots, active) == shown


def test_times_of_usage_and_uptime_are_durations():
    assert usage_facts({"utime": 61, "maxrss": 7}) == (
        Fact("Utime", "1m 01s"),
        Fact("Maxrss", "7"),
    )
    assert other_facts({"uptime": 3600, "pid": 1}, ["pid"]) == (Fact("Uptime", "1h 00m 00s"),)


@given(ANYTHING)
def test_nothing_that_a_worker_says_breaks_them(said):
    stats = said if isinstance(said, dict) else {"pool": said, "uptime": said}

    for told in (facts(said), usage_facts(said), pool_facts(stats), other_facts(stats, ())):
        assert all(isinstance(fact.value, str) for fact in told)
