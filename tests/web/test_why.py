"""Why a task does not run: each cause once, what is not known said so, and the surest first."""

from dataclasses import replace
from datetime import UTC
from typing import Any

import pytest

from flower_ng.brokers import QueueNumbers, QueuePlace
from flower_ng.monitor.holds.records import DrainedWorker, PausedQueue
from flower_ng.store import TaskRow
from flower_ng.web.ui.why import why
from flower_ng.web.ui.why_facts import RunsThere, WhyFacts, WorkerSeen
from flower_ng.web.ui.why_words import plain

NOW = 1_000_000.0
W = "w1@box"
IDLE = WorkerSeen(W, slots=2, told_age_s=3.0, has_type=True, accepts=True)
FULL = replace(IDLE, running=2)
HOLDING = replace(FULL, longest=RunsThere("0a1b2c3d4e", "shop.pack", 90.0), holds="reserved")
QUEUE = QueueNumbers("q", messages=3)
FOUND = QueuePlace(0, is_whole=True, content_type="application/json")
UNSHOWN = QueuePlace(why_not="RabbitMQ shows none.")
EMPTY = QueueNumbers("q", messages=0, unacked=0)
DRAIN = DrainedWorker(W, "ann", "deploy", NOW - 60, taken=("q",))


def waiting(row: dict[str, Any] | None = None, **known: Any) -> WhyFacts:
    """A task that waits in a queue of an idle worker."""
    fields = {"name": "shop.add", "sent": NOW - 60, "queue": "q", "client": "c@web", **(row or {})}
    usual = {"queue": QUEUE, "place": FOUND, "team": (IDLE,), "online": 1}
    return WhyFacts(TaskRow("5eed", **fields), NOW, **{**usual, **known})


def received(row: dict[str, Any] | None = None, **known: Any) -> WhyFacts:
    """A task that a full worker holds."""
    fields = {"state": "RECEIVED", "received": NOW - 50, "worker": W, **(row or {})}
    return waiting(fields, **{"worker": HOLDING, **known})


CAUSES = {
    "revoked": (waiting(revoked="Revoked by ann.", revoked_told=(W,)), "sure", "Revoked by ann"),
    "revoked, told to nobody": (waiting(revoked="Revoked by ann."), "likely", "Revoked by ann"),
    "expired": (waiting(expires=NOW - 5), "sure", "It expired at 1970-01-12 13:46:35 UTC"),
    "eta": (waiting(eta=NOW + 90), "sure", "It starts at 1970-01-12 13:48:10 UTC at the earliest"),
    "eta of a retry": (waiting({"state": "RETRY"}, eta=NOW + 9), "sure", "Its next try starts"),
    "paused": (
        waiting(pause=PausedQueue("q", "ann", "release", NOW - 60), team=()),
        "sure",
        "The queue q was paused by ann at 1970-01-12 13:45:40 UTC until somebody resumes it",
    ),
    "broker": (waiting(blocked="it is full"), "likely", "The broker blocks publishers: it is full"),
    "missing": (
        waiting(queue=QueueNumbers("q", reason="The broker knows no queue"), place=QueuePlace()),
        "likely",
        "The broker has no queue q",
    ),
    "taken": (
        waiting(place=QueuePlace(is_whole=True), given_back_after_s=3600.0),
        "likely",
        "It is not in the queue q any more, and no event tells who took it",
    ),
    "taken, as the numbers of an empty queue tell": (
        waiting(queue=EMPTY, queue_age_s=2.0, place=UNSHOWN, team=()),
        "likely",
        "It is not in the queue q any more, and no event tells who took it",
    ),
    "consumers, the empty queue was counted before": (
        waiting(queue=EMPTY, queue_age_s=58.0, place=UNSHOWN, team=()),
        "sure",
        "No worker consumes from the queue q.",
    ),
    "consumers": (waiting(team=()), "sure", "No worker consumes from the queue q."),
    "consumers, nobody online": (waiting(team=(), online=0), "sure", "No worker is online."),
    "consumers, not all told": (
        waiting(team=(), silent_team=2),
        "likely",
        "No worker is known to consume from q; 2 workers did not tell",
    ),
    "drained": (waiting(team=(), drained=(DRAIN,)), "sure", "The workers of the queue q are being"),
    "unregistered": (
        waiting(team=(replace(IDLE, has_type=False),)),
        "sure",
        "No worker of the queue q has registered shop.add",
    ),
    "serializer": (
        waiting(team=(replace(IDLE, accepts=False),)),
        "sure",
        "No worker of its queue accepts application/json",
    ),
    "slots": (waiting(team=(FULL,)), "sure", "All 2 slots of the workers of q are taken."),
    "slots, a pool of none": (
        waiting(team=(replace(IDLE, slots=0),)),
        "sure",
        "The workers of q have no slot",
    ),
    "slots, in line": (
        waiting(place=replace(FOUND, before=2)),
        "likely",
        "It waits in line: 2 messages of q",
    ),
    "gone": (
        received(worker=replace(HOLDING, status="silent", silent_s=60), given_back_after_s=3600.0),
        "likely",
        f"{W} received it at 1970-01-12 13:45:50 UTC and has been offline for 1m 00s. Redis",
    ),
    "gone, on RabbitMQ": (
        received(worker=replace(HOLDING, status="silent"), given_back_after_s=0.0),
        "likely",
        f"{W} received it",
    ),
    "slots, held behind a long task": (
        received(),
        "sure",
        f"All 2 slots of {W}, which holds it, are taken; shop.pack (0a1b2c3d) has run longest for",
    ),
    "slots, held by a pool of none": (
        received(worker=replace(HOLDING, slots=0, running=0)),
        "sure",
        f"The pool of {W}, which holds it, has no process",
    ),
    "slots, its start was missed": (
        received(worker=replace(HOLDING, holds="active")),
        "likely",
        f"{W} says that it runs it",
    ),
    "slots, its end was missed": (
        received(worker=replace(HOLDING, holds="nowhere")),
        "likely",
        f"{W} says that it does not hold it any more",
    ),
    "limited": (
        received(worker=replace(IDLE, limit="7/m")),
        "likely",
        f"{W} holds it back: it starts at most 7/m of shop.add.",
    ),
    "stuck": (received(worker=IDLE), "likely", f"{W} has 2 of 2 slots free, and yet does not"),
}


@pytest.mark.parametrize("cause", CAUSES)
def test_each_cause_is_told_in_one_sentence(cause):
    facts, certainty, sentence = CAUSES[cause]
    told = why(facts)

    assert told.cause == cause.partition(",")[0].partition(" of ")[0]
    assert told.verdict.certainty == certainty
    assert plain(told.verdict.sentence, UTC).startswith(sentence)
    assert next(one for one in told.steps if one.key == told.cause).verdict == told.verdict


def test_an_idle_worker_beside_is_named_with_the_setting_that_frees_the_task():
    verdict = why(received(team=(HOLDING, replace(IDLE, name="idle@box")))).verdict

    assert "idle@box has a free slot, and can't take what w1@box has reserved." in verdict.sentence
    assert "Its worker_prefetch_multiplier is 4." in verdict.sentence
    assert "worker_prefetch_multiplier = 1" in verdict.advice


UNKNOWN = {
    "sent": waiting({"sent": None}),
    "broker": waiting(is_current=False),
    "queue": waiting({"queue": None}),
    "taken": waiting(place=QueuePlace(is_whole=True), is_current=False),
    "consumers": waiting(team=(), queue=replace(QUEUE, consumers=3)),
    "unregistered": waiting(team=(IDLE, replace(IDLE, has_type=None))),
    "serializer": waiting(place=QueuePlace(why_not="RabbitMQ shows none.")),
    "slots": waiting(team=(replace(IDLE, slots=None),)),
    "worker": received(worker=replace(IDLE, status="busy"), team=()),
}


@pytest.mark.parametrize("key", UNKNOWN)
def test_what_can_not_be_known_is_said_with_its_reason(key):
    step = next(one for one in why(UNKNOWN[key]).steps if one.key == key)

    assert step.kind == "unknown"
    assert "can't be known" in step.words
    assert "because" in step.words
    assert step.verdict is None


def test_nothing_is_claimed_where_nothing_keeps_it():
    told = why(waiting({"sent": NOW - 1}))

    assert (told.cause, told.verdict.certainty) == ("unknown", "unknown")
    assert told.verdict.sentence == "Nothing that can be seen keeps it from running."


def test_some_workers_that_lack_the_type_are_a_risk_and_no_reason():
    told = why(waiting(team=(IDLE, replace(IDLE, name="old@box", has_type=False))))

    step = next(one for one in told.steps if one.key == "unregistered")
    assert step.kind == "risk"
    assert "not registered on 1 of 2 workers of q" in step.words
    assert told.cause == "unknown"


def test_what_is_sure_comes_before_what_is_likely_but_a_broker_that_blocks_before_its_effects():
    paused = waiting(pause=PausedQueue("q", "ann", "", NOW), team=(FULL,))

    assert why(paused).cause == "slots"
    assert why(waiting(blocked="it is full", team=(FULL,))).cause == "broker"
    assert why(waiting(blocked="it is full", eta=NOW + 9)).cause == "eta"


@pytest.mark.parametrize(
    ("row", "cause", "sentence"),
    [
        ({"state": "STARTED", "worker": W, "started": NOW - 9}, "running", f"It runs on {W} for"),
        ({"state": "SUCCESS"}, "ended", "It has ended: SUCCESS."),
        ({"state": "REJECTED"}, "ended", "It has ended: REJECTED."),
    ],
)
def test_what_runs_or_has_ended_waits_for_nothing(row, cause, sentence):
    told = why(waiting(row))

    assert told.cause == cause
    assert told.verdict.sentence.startswith(sentence)
    assert not told.steps


def test_a_started_task_in_doubt_is_not_said_to_run():
    told = why(waiting({"state": "STARTED", "worker": W}, doubt="Its worker is gone."))

    assert (told.cause, told.verdict.certainty) == ("doubt", "unknown")
    assert told.verdict.sentence == "Its worker is gone."
