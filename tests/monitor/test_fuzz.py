"""Real events, mutated with a fixed seed: nothing that comes over the wire breaks what we keep."""

import json
import math
import random

import pytest

from flower_ng.monitor.ingest.decode import Wire
from flower_ng.monitor.ingest.inbox import EventMessage
from flower_ng.monitor.state.state import ClusterState
from tests.monitor.corpus import BEAT, GOOD

SEEDS = [
    GOOD,
    BEAT,
    {**GOOD, "type": "task-sent", "hostname": "gen1@web", "routing_key": "celery"},
    {**GOOD, "type": "task-started"},
    {**GOOD, "type": "task-succeeded", "result": "3", "runtime": 0.2},
    {**GOOD, "type": "task-retried", "exception": "E()", "traceback": "T"},
    {**BEAT, "type": "worker-offline"},
    {**GOOD, "type": "task-progress", "percent": 5},
]
STRANGE = [
    None, True, 0, -1, 2**70, 1e308, math.nan, math.inf, "", "x" * 5000, "\ud800", "\x00", "ü😀",
    [], [1, [2, [3]]], {}, {"__type__": "datetime", "__value__": 5}, {"a": {"b": None}}, "task-",
]  # fmt: skip
ROUNDS = 20_000


def mutated(event, chance):
    """One event with a few fields dropped, retyped, renamed, repeated or nested."""
    changed = dict(event)
    for _ in range(chance.randint(1, 3)):
        field = chance.choice([*changed, "mine"])
        kind = chance.randrange(5)
        if kind == 0:
            changed.pop(field, None)
        elif kind == 1:
            changed[field] = chance.choice(STRANGE)
        elif kind == 2:
            changed[field] = [changed.get(field)]
        elif kind == 3:
            changed[chance.choice([*GOOD, *BEAT])] = changed.get(field)
        else:
            changed[field] = str(changed.get(field)) * chance.randint(0, 3)
    return changed


def spliced(body, chance):
    """A body with some bytes cut out, doubled or overwritten."""
    start = chance.randrange(len(body))
    end = start + chance.randrange(20)
    return body[:start] + chance.choice([b"", body[start:end] * 2, b"\xff", b"9"]) + body[end:]


def record(thing):
    return {
        name: getattr(thing, name)
        for name in thing.__struct_fields__
        if name not in {"worker", "cluster_state", "life"}
    }


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.soak)])
def test_no_mutation_of_real_events_breaks_the_state_or_its_json(seed):
    chance = random.Random(seed)
    wire, state = Wire(), ClusterState(max_tasks_in_memory=50, max_workers_in_memory=20)
    applied = 0

    for _ in range(ROUNDS):
        events = [mutated(chance.choice(SEEDS), chance) for _ in range(chance.randint(1, 2))]
        body = json.dumps(events if chance.random() < 0.5 else events[0]).encode()
        body = spliced(body, chance) if chance.random() < 0.2 else body
        for event in wire.events(EventMessage(body)):
            change = state.apply(event)
            applied += 1
            told = [record(thing) for thing in (event, change.task, change.worker) if thing]
            json.dumps(told, allow_nan=False, ensure_ascii=False).encode()

    assert applied > ROUNDS / 4
    assert sum(wire.malformed.values()) > ROUNDS / 20
    assert len(wire.malformed) < 10
    assert sum(state.tallies.states.values()) == len(state.tasks) <= 50
    assert len(state.workers) <= 20
