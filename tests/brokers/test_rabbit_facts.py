"""Answers of the management API that no broker here gives: written after its documentation."""

import pytest

from flower_ng.brokers.rabbit_facts import named, owner, rabbit_facts, unheard

NODES = [
    {
        "name": "rabbit@a",
        "running": True,
        "mem_alarm": False,
        "disk_free_alarm": True,
        "mem_used": 500,
        "mem_limit": 1000,
        "disk_free": 10,
        "disk_free_limit": 50,
        "partitions": ["rabbit@b"],
    },
    {"name": "rabbit@b", "running": False},
]


def test_a_recorded_answer_of_nodes_tells_alarms_partitions_and_who_is_down():
    facts = rabbit_facts({"rabbitmq_version": "4.1.0"}, NODES, None, [], [])
    first, second = facts.nodes

    assert facts.down == ("rabbit@b",)
    assert [node.name for node in facts.alarmed] == ["rabbit@a"]
    assert (first.partitions, first.has_memory_alarm, first.disk_free_bytes) == (
        ("rabbit@b",),
        False,
        10,
    )
    assert (second.memory_bytes, second.partitions) == (None, None)
    assert facts.tells_alarms


@pytest.mark.parametrize(
    "nodes",
    [
        None,
        [],
        [{"name": "rabbit@a", "running": True}],
        [{"name": "rabbit@a", "running": True, "mem_alarm": False}],
        [{"name": "rabbit@a", "mem_alarm": False, "disk_free_alarm": False}],
        [NODES[0], {"name": "rabbit@b"}],
    ],
)
def test_a_node_whose_statistics_are_not_there_yet_has_no_known_alarm(nodes):
    facts = rabbit_facts({"rabbitmq_version": "4.1.0"}, nodes, None, [], [])

    assert not facts.tells_alarms
    assert not facts.down


def test_connections_whose_state_is_not_there_yet_are_not_told_to_be_free():
    connections = [{"name": "a", "state": "blocked"}, {"name": "b"}]

    told = rabbit_facts({}, None, connections, [], [])

    assert (told.blocked, told.blocking) == (None, None)


def test_a_recorded_answer_of_4_3_says_that_it_refuses_transient_queues():
    assert rabbit_facts({"rabbitmq_version": "4.3.0"}, [], [], [], []).refuses_transient


def test_connections_are_told_by_their_state_and_not_without_an_answer():
    connections = [
        {"name": "a", "state": "blocked"},
        {"name": "b", "state": "blocking"},
        {"name": "c", "state": "running"},
    ]

    told = rabbit_facts({}, None, connections, [], [])
    untold = rabbit_facts({}, None, None, [], [])

    assert (told.blocked, told.blocking) == (("a",), ("b",))
    assert (untold.blocked, untold.blocking, untold.version) == (None, None, "")


@pytest.mark.parametrize("prefix", [None, "shop"])
def test_the_queues_of_delayed_delivery_are_one_number_and_no_queues_of_tasks(prefix):
    kombu = pytest.importorskip(
        "kombu.transport.native_delayed_delivery", reason="new in Kombu 5.5"
    )
    levels = range(kombu.MAX_NUMBER_OF_BITS_TO_USE)
    queues = [{"name": kombu.level_name(level, prefix), "messages": level} for level in levels]
    queues += [{"name": "celery"}, {"name": "celery_delayed_28"}, {"name": "celery_delayed_1x"}]

    assert rabbit_facts({}, None, None, queues, []).delayed == sum(levels)
    assert [one["name"] for one in named(queues, ["celery_delayed_3"])] == [
        "celery",
        "celery_delayed_28",
        "celery_delayed_1x",
    ]
    assert rabbit_facts({}, None, None, queues[-3:], []).delayed is None


def test_the_least_timeout_of_queues_and_policies_counts():
    queues = [
        {"name": "a", "arguments": {"x-consumer-timeout": 90_000}},
        {"name": "b", "effective_policy_definition": {"consumer-timeout": 60_000}},
        {"name": "c", "arguments": [], "effective_policy_definition": None},
    ]

    facts = rabbit_facts({"rabbitmq_version": "3.12.0"}, None, None, queues, [])

    assert (facts.ack_timeout_s, facts.is_ack_timeout_usual) == (60.0, False)


def test_an_old_version_has_no_timeout():
    assert rabbit_facts({"rabbitmq_version": "3.8.9"}, None, None, [], []).ack_timeout_s is None


def test_only_queues_for_control_and_events_without_consumers_are_unheard():
    queues = [
        {"name": "w@x.celery.pidbox", "consumers": 0, "messages": 3},
        {"name": "v@x.celery.pidbox", "consumers": 1},
        {"name": "celeryev.1", "consumers": 0},
        {"name": "celery", "consumers": 0},
        {"name": "1f2e.reply.celery.pidbox", "consumers": 0, "exclusive": True},
        {"name": "u@x.celery.pidbox"},
    ]

    assert [one.name for one in unheard(queues)] == ["w@x.celery.pidbox", "celeryev.1"]


def test_the_owner_is_in_the_name_of_a_control_queue():
    assert owner("celery@box.celery.pidbox") == "celery@box"
    assert owner("1f2e.reply.celery.pidbox") == owner("celeryev.1") == ""
