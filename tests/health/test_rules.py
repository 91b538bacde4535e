"""Each rule holds for what it is about, not for what is well, and not where nobody knows."""

import pytest

from flower_ng.brokers.condition import (
    BrokerFacts,
    RabbitFacts,
    RabbitNode,
    RedisFacts,
    StaleQueue,
)
from flower_ng.health.facts.records import (
    Churn,
    Counts,
    EntryFacts,
    Growth,
    HeldTasks,
    HistoryFacts,
    IngestFacts,
    NewException,
    QueueFacts,
    RunningTask,
    TypeFacts,
    UnackedTask,
)
from flower_ng.health.rules.all_rules import RULES
from flower_ng.monitor.remote.worker_answer import WorkerAnswer
from tests.health.making import BEGAN, NOW, facts, found, undecided, worker

W = "w1@box"
PAY = "shop.pay"


def running(**known):
    return RunningTask(**{"uuid": "5eed", "type": PAY, "worker": W, "runs_s": 10.0, **known})


def of_type(recent=None, usual=None, **known):
    return TypeFacts(PAY, recent or Counts(600), usual or Counts(86_400), **known)


def told(**known):
    return WorkerAnswer(**known)


def stuck(**known):
    """A worker with a free slot that begins nothing of what it holds."""
    usual = {"reserved": 4, "waiting_s": 400, "begun_s": 350, "told": told(slots=2)}
    return worker(**{**usual, "held": HeldTasks(1, 300, 20), **known})


#: What the statistics of a node that is well tell.
NODE_IS_WELL = {
    "has_memory_alarm": False,
    "has_disk_alarm": False,
    "memory_bytes": 10,
    "memory_limit_bytes": 100,
    "disk_free_bytes": 1000,
    "disk_limit_bytes": 50,
    "partitions": (),
}


def node(is_running=True, **known):
    return RabbitNode("rabbit@a", is_running, **{**NODE_IS_WELL, **known})


def rabbit(*nodes, **known):
    return BrokerFacts(NOW, "amqp", rabbit=RabbitFacts("4.1.0", nodes or (node(),), **known))


def redis(**known):
    return BrokerFacts(NOW, "redis", redis=RedisFacts("7.2", **known))


def clocked(**known):
    return IngestFacts(**{"connected_since": BEGAN, **known})


#: Rule, facts for which it holds, the subject, and what it shows.
WRONG = [
    ("worker-silent", {"workers": [worker(status="silent", silent_s=61)]}, W, {"silent_s": 61}),
    (
        "worker-gone",
        {"workers": [worker(status="silent", silent_s=9, running=4, lost=3)]},
        W,
        {"tasks without a known end": 3, "silent_s": 9},
    ),
    (
        "worker-gone",
        {"workers": [worker(status="left", silent_s=600, running=4, lost=3)]},
        W,
        {"tasks without a known end": 3, "silent_s": 600},
    ),
    (
        "worker-unanswering",
        {"workers": [worker(unanswered_s=200, why="no reply")]},
        W,
        {"unanswered_s": 200, "reason": "no reply"},
    ),
    ("no-workers", {"workers": [worker(status="silent")]}, "", {"workers known": 1}),
    ("worker-clock", {"workers": [worker(skew_s=20)]}, W, {"ahead_s": 20}),
    ("worker-clock", {"workers": [worker(skew_s=-20)]}, W, {"behind_s": 20}),
    (
        "workers-twins",
        {"workers": [worker(switches=4)]},
        W,
        {"changes of identity in a minute": 4},
    ),
    (
        "worker-load",
        {"workers": [worker(load=(1, 1, 9))]},
        W,
        {"load over 15 minutes": 9},
    ),
    (
        "worker-memory",
        {"workers": [worker(growth=Growth(200_000_000, 400_000_000, 3600))]},
        W,
        {"before_bytes": 200_000_000, "now_bytes": 400_000_000, "within_s": 3600},
    ),
    (
        "worker-churn",
        {"workers": [worker(churn=Churn(9, 1.4, 3600))]},
        W,
        {"children replaced": 9, "explained by settings": 1, "within_s": 3600},
    ),
    (
        "worker-stalled",
        {"workers": [worker(reserved=11, waiting_s=400, told=told(slots=0))]},
        W,
        {"reserved": 11, "waiting_s": 400, "running": 0, "slots": 0},
    ),
    (
        "worker-stalled",
        {"workers": [stuck()]},
        W,
        {"reserved": 4, "waiting_s": 300, "running": 1, "slots": 2},
    ),
    (
        "worker-full",
        {"workers": [worker(reserved=4, waiting_s=400, running=2, told=told(slots=2))]},
        W,
        {"reserved": 4, "waiting_s": 400, "running": 2, "slots": 2},
    ),
    (
        "worker-hoards",
        {
            "workers": [
                worker(reserved=4, waiting_s=400, told=told(slots=2, queues=("q",))),
                worker("idle@box", told=told(slots=2, queues=("q",))),
            ]
        },
        W,
        {"reserved": 4, "waiting_s": 400, "idle worker of the same queue": "idle@box"},
    ),
    (
        "workers-differ",
        {
            "workers": [
                worker("a", version="5.4.0", told=told(queues=("q",))),
                worker("b", version="5.5.0", told=told(queues=("q",))),
            ]
        },
        "q",
        {"a": "Celery 5.4.0", "b": "Celery 5.5.0"},
    ),
    (
        "workers-differ",
        {
            "workers": [
                *(
                    worker(f"a{number}", version="5.5.0", told=told(queues=("q", "r")))
                    for number in range(9)
                ),
                *(
                    worker(f"b{number}", version="5.4.0", told=told(queues=("q",)))
                    for number in range(9)
                ),
            ]
        },
        "q",
        {"a0": "Celery 5.5.0", "b0": "Celery 5.4.0"},
    ),
    (
        "workers-differ",
        {
            "workers": [
                worker("a", told=told(queues=("q",), registered=tuple("vwxyz"))),
                worker("b", told=told(queues=("q",), registered=("v",))),
            ]
        },
        "q",
        {"a": "only here: w, x, y and 1 more", "b": "nothing that the other lacks"},
    ),
    (
        "task-long",
        {"running": [running(runs_s=3700), running(uuid="new", runs_s=3601)]},
        PAY,
        {"tasks": 2, "oldest_task": "5eed", "worker": W, "runs_s": 3700},
    ),
    (
        "task-slow",
        {"running": [running(runs_s=200)], "types": [of_type(p99_s=10, runs=500)]},
        PAY,
        {"tasks": 1, "oldest_task": "5eed", "worker": W, "runs_s": 200, "usual_s": 10},
    ),
    (
        "task-near-limit",
        {"running": [running(runs_s=95, limit_s=100)]},
        PAY,
        {"tasks": 1, "oldest_task": "5eed", "worker": W, "runs_s": 95, "limit_s": 100},
    ),
    (
        "task-unclaimed",
        {"running": [running(runs_s=301, claimed=False, is_asked=True)]},
        PAY,
        {"tasks": 1, "oldest_task": "5eed", "worker": W, "runs_s": 301},
    ),
    (
        "task-failing",
        {
            "types": [
                of_type(
                    Counts(600, succeeded=50, failed=50), Counts(86_400, succeeded=990, failed=10)
                )
            ]
        },
        PAY,
        {"failed": 50, "ended": 100, "within_s": 600, "failed_share": 0.5, "usual_share": 0.01},
    ),
    (
        "task-retrying",
        {"types": [of_type(Counts(600, succeeded=10, retried=40))]},
        PAY,
        {"retried": 40, "ended": 10, "within_s": 600},
    ),
    (
        "task-new-exception",
        {"new_exceptions": [NewException(PAY, "KeyError", "5eed", NOW - 60, 2)]},
        f"{PAY}: KeyError",
        {"first_task": "5eed", "first_at": NOW - 60, "tasks": 2},
    ),
    (
        "queue-deserted",
        {"queues": [QueueFacts("q", 3, consumers=0, workers=0)]},
        "q",
        {"waiting": 3, "consumers": 0},
    ),
    ("queue-long", {"queues": [QueueFacts("q", 10_001)]}, "q", {"waiting": 10_001}),
    (
        "queue-long",
        {"queues": [QueueFacts("q", 10_001, paused_by="ann")]},
        "q",
        {"waiting": 10_001, "paused by": "ann"},
    ),
    ("queue-old", {"queues": [QueueFacts("q", 1, 901)]}, "q", {"oldest waits_s": 901}),
    (
        "queue-growing",
        {"queues": [QueueFacts("q", 500, growing_s=960, grown=400)]},
        "q",
        {"waiting": 500, "more than before": 400, "within_s": 960},
    ),
    (
        "events-away",
        {"ingest": IngestFacts(None, "refused", 40)},
        "",
        {"reason": "refused", "away_s": 40},
    ),
    (
        "events-dropped",
        {"ingest": clocked(dropped=5, over_s=300)},
        "",
        {"dropped": 5, "within_s": 300},
    ),
    (
        "events-refused",
        {"ingest": clocked(malformed=10, over_s=300)},
        "",
        {"refused": 10, "within_s": 300},
    ),
    (
        "events-refused",
        {"ingest": clocked(malformed=74, over_s=300, disallowed="application/x-python-serialize")},
        "",
        {"refused": 74, "within_s": 300, "content_type": "application/x-python-serialize"},
    ),
    (
        "broker-blocks",
        {"broker": rabbit(node(has_disk_alarm=True), blocked=("a", "b"))},
        "",
        {"reason": "rabbit@a is short of disk", "connections blocked": 2},
    ),
    (
        "broker-broken",
        {"broker": rabbit(node(False))},
        "rabbit@a",
        {"node": "rabbit@a", "state": "not running"},
    ),
    (
        "broker-broken",
        {"broker": rabbit(node(partitions=("rabbit@b",)))},
        "rabbit@a",
        {"node": "rabbit@a", "cut off from": "rabbit@b"},
    ),
    (
        "broker-memory",
        {"broker": redis(memory_bytes=95, memory_limit_bytes=100)},
        "",
        {"used_share": 0.95, "limit_bytes": 100},
    ),
    (
        "broker-memory",
        {"broker": rabbit(node(memory_bytes=95, memory_limit_bytes=100))},
        "rabbit@a",
        {"used_share": 0.95, "limit_bytes": 100},
    ),
    (
        "broker-disk",
        {"broker": rabbit(node(disk_free_bytes=60, disk_limit_bytes=50))},
        "rabbit@a",
        {"free_bytes": 60, "alarm below_bytes": 50},
    ),
    (
        "broker-evicts",
        {"broker": redis(memory_limit_bytes=100, policy="allkeys-lru", evicted=7)},
        "",
        {"policy": "allkeys-lru", "keys evicted": 7},
    ),
    (
        "broker-replica",
        {"broker": redis(link_down_s=9.0)},
        "",
        {"replica without its master_s": 9.0},
    ),
    ("broker-replica", {"broker": redis(replicas_behind=1)}, "", {"replicas behind": 1}),
    (
        "broker-stale",
        {"broker": rabbit(stale=(StaleQueue("w1@a.celery.pidbox", "w1@a", 4),))},
        "",
        {"queues": 1, "messages": 4, "one": "w1@a.celery.pidbox"},
    ),
    (
        "broker-unanswering",
        {"broker": BrokerFacts(NOW, "redis", "refused", NOW - 200)},
        "",
        {"reason": "refused", "away_s": 200},
    ),
    ("broker-cut-off", {"broker": redis(), "cut_off": 2}, "", {"connections closed": 2}),
    (
        "events-missing",
        {"missing": {"w2@box": 40, "w3@box": 9}},
        "w2@box",
        {"tasks without events": 40, "within_s": 300},
    ),
    ("broker-cut-off", {"ingest": clocked(cuts=1)}, "", {"event connection closed": 1}),
    (
        "broker-redelivers",
        {"broker": redis(), "waiting_for_eta": [UnackedTask("5eed", PAY, 3500)]},
        PAY,
        {"held_task": "5eed", "held_s": 3500, "limit_s": 3600},
    ),
    (
        "broker-redelivers",
        {"broker": redis(), "waiting_for_eta": [UnackedTask("5eed", PAY, 1, 7200)]},
        PAY,
        {"held_task": "5eed", "held_s": 1, "until its ETA_s": 7200, "limit_s": 3600},
    ),
    (
        "broker-redelivers",
        {"broker": redis(), "running": [running(runs_s=3500, is_held=True)]},
        PAY,
        {"held_task": "5eed", "held_s": 3500, "limit_s": 3600},
    ),
    (
        "schedule-overdue",
        {"entries": [EntryFacts("nightly", PAY, NOW - 90_000, 400)]},
        "nightly",
        {"type": PAY, "overdue_s": 400, "last_at": NOW - 90_000},
    ),
    ("events-late", {"ingest": clocked(lag_s=31)}, "", {"late_s": 31}),
    ("worker-eventless", {"eventless": ["w2@box"]}, "w2@box", {"events": "none"}),
    (
        "events-unsent",
        {"types": [of_type(Counts(600, received=50), Counts(86_400, received=900, sent=900))]},
        PAY,
        {"received": 50, "within_s": 600},
    ),
    ("inspect-slow", {"ingest": clocked(inspect_s=3.0)}, "", {"inspection_s": 3.0}),
    ("store-failing", {"keeping": HistoryFacts("disk full")}, "", {"reason": "disk full"}),
    (
        "store-lost",
        {"keeping": HistoryFacts(lost=2, over_s=300)},
        "",
        {"changes lost": 2, "within_s": 300},
    ),
]

#: Rule and facts for which it must not hold: why is in the id.
WELL = {
    "a worker that said goodbye is not silent": (
        "worker-silent",
        {"workers": [worker(status="left", silent_s=999)]},
    ),
    "a worker that is long gone is history": (
        "worker-silent",
        {"workers": [worker(status="gone", silent_s=90_000)]},
    ),
    "a worker without tasks leaves none behind": (
        "worker-gone",
        {"workers": [worker(status="silent", silent_s=99)]},
    ),
    "a worker that is gone need not answer": (
        "worker-unanswering",
        {"workers": [worker(status="silent", unanswered_s=999)]},
    ),
    "where no worker was ever seen none is missing": ("no-workers", {}),
    "one worker online is enough": (
        "no-workers",
        {"workers": [worker(), worker("b", status="silent")]},
    ),
    "the load of the last minute is no lasting one": (
        "worker-load",
        {"workers": [worker(load=(90, 20, 0))]},
    ),
    "a little more of a little is no leak": (
        "worker-memory",
        {"workers": [worker(growth=Growth(20_000_000, 60_000_000, 3600))]},
    ),
    "waiting behind nobody who is idle is no hoarding": (
        "worker-hoards",
        {
            "workers": [
                worker(reserved=4, waiting_s=400, told=told(slots=2, queues=("q",))),
                worker("b", running=2, told=told(slots=2, queues=("q",))),
                worker("c", told=told(slots=2, queues=("other",))),
            ]
        },
    ),
    "a worker with a free slot is not full": (
        "worker-full",
        {"workers": [worker(reserved=4, waiting_s=400, running=1, told=told(slots=2))]},
    ),
    "a pool of none is stalled, not full": (
        "worker-full",
        {"workers": [worker(reserved=11, waiting_s=400, told=told(slots=0))]},
    ),
    "a pool of none hoards nothing, whoever is idle beside it": (
        "worker-hoards",
        {
            "workers": [
                worker(reserved=4, waiting_s=400, told=told(slots=0, queues=("q",))),
                worker("idle@box", told=told(slots=2, queues=("q",))),
            ]
        },
    ),
    "a worker that began a task lately goes on": (
        "worker-stalled",
        {"workers": [stuck(begun_s=100)]},
    ),
    "what just came does not wait for long": (
        "worker-stalled",
        {"workers": [stuck(waiting_s=100), worker("b", told=told(slots=0))]},
    ),
    "a solo pool answers between its tasks": (
        "worker-stalled",
        {"workers": [stuck(told=told(slots=1, pool="celery.concurrency.solo:TaskPool"))]},
    ),
    "a worker says that it runs as many as it can, of which the starts were missed": (
        "worker-stalled",
        {"workers": [stuck(held=HeldTasks(2, 300, 20))]},
    ),
    "a rate limit or an ETA holds tasks back, so that it does not name them": (
        "worker-stalled",
        {"workers": [stuck(held=HeldTasks(0, 0, 20))]},
    ),
    "a worker that is gone is another problem": (
        "worker-stalled",
        {"workers": [stuck(status="silent")]},
    ),
    "where another of its queue is idle, it hoards": (
        "worker-full",
        {
            "workers": [
                worker(reserved=4, waiting_s=400, running=2, told=told(slots=2, queues=("q",))),
                worker("idle@box", told=told(slots=2, queues=("q",))),
            ]
        },
    ),
    "a task that its worker does not run does not run for long": (
        "task-long",
        {"running": [running(runs_s=9999, claimed=False)]},
    ),
    "the tasks of a worker that is gone are its own rule's": (
        "task-long",
        {"running": [running(runs_s=9999, is_worker_online=False)]},
    ),
    "a few runs do not tell what is usual": (
        "task-slow",
        {"running": [running(runs_s=200)], "types": [of_type(p99_s=10, runs=10)]},
    ),
    "a task of which the result backend was not asked is not lost": (
        "task-unclaimed",
        {"running": [running(runs_s=999, claimed=False)]},
    ),
    "tasks of a worker that is gone are not lost before the result backend was asked": (
        "worker-gone",
        {"workers": [worker(status="silent", silent_s=9, running=4)]},
    ),
    "a worker that said goodbye may still wait for its tasks": (
        "worker-gone",
        {"workers": [worker(status="left", silent_s=599, running=4, lost=3)]},
    ),
    "a task whose worker was not asked is not lost": (
        "task-unclaimed",
        {"running": [running(runs_s=999)]},
    ),
    "a type that always fails does not fail more than usual": (
        "task-failing",
        {
            "types": [
                of_type(
                    Counts(600, succeeded=20, failed=80), Counts(86_400, succeeded=200, failed=800)
                )
            ]
        },
    ),
    "a failure or two are chance": (
        "task-failing",
        {"types": [of_type(Counts(600, failed=2), Counts(86_400, succeeded=1000))]},
    ),
    "without a past nothing is unusual": (
        "task-failing",
        {"types": [of_type(Counts(600, failed=100))]},
    ),
    "an old exception is not new": (
        "task-new-exception",
        {"new_exceptions": [NewException(PAY, "KeyError", "5eed", NOW - 7 * 3600, 2)]},
    ),
    "an empty queue needs no consumer": (
        "queue-deserted",
        {"queues": [QueueFacts("q", 0, consumers=0, workers=0)]},
    ),
    "a worker that consumes is a consumer": (
        "queue-deserted",
        {"queues": [QueueFacts("q", 9, consumers=None, workers=1)]},
    ),
    "a paused queue has no consumer on purpose": (
        "queue-deserted",
        {"queues": [QueueFacts("q", 9, consumers=0, workers=0, paused_by="ann")]},
    ),
    "where no worker has told its queues nobody knows who consumes": (
        "queue-deserted",
        {"queues": [QueueFacts("q", 9, consumers=None, workers=None)]},
    ),
    "a length that is unknown is not long": ("queue-long", {"queues": [QueueFacts("q")]}),
    "growth by a few is noise": (
        "queue-growing",
        {"queues": [QueueFacts("q", 9, growing_s=9999, grown=9)]},
    ),
    "a limit that is not there is not reached": (
        "broker-memory",
        {"broker": redis(memory_bytes=9)},
    ),
    "a policy without a limit evicts nothing": (
        "broker-evicts",
        {"broker": redis(policy="allkeys-lru", memory_limit_bytes=0)},
    ),
    "a few events could not be read": ("events-refused", {"ingest": clocked(malformed=9)}),
    "RabbitMQ without a timeout delivers nothing twice": (
        "broker-redelivers",
        {
            "broker": rabbit(ack_timeout_s=1800.0),
            "waiting_for_eta": [UnackedTask("5eed", PAY, 60, 900)],
        },
    ),
    "sending that was never seen can't stop": (
        "events-unsent",
        {"types": [of_type(Counts(600, received=50), Counts(86_400, received=900))]},
    ),
}
#: Rules that judge what we know of ourselves, or what has been seen, and so can always tell.
ALWAYS = {
    "events-away",
    "events-dropped",
    "events-refused",
    "store-failing",
    "store-lost",
    "task-new-exception",
    "inspect-slow",
}


@pytest.mark.parametrize(("rule", "known", "subject", "evidence"), WRONG)
def test_a_rule_finds_what_is_wrong_and_shows_it(rule, known, subject, evidence):
    assert found(rule, facts(**known)) == {subject: evidence}


@pytest.mark.parametrize("case", WELL)
def test_a_rule_is_silent_where(case):
    rule, known = WELL[case]

    assert found(rule, facts(**known)) == {}


def test_every_rule_is_tried_here():
    assert {rule.name for rule in RULES} == {case[0] for case in WRONG}


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_a_cluster_of_which_nothing_is_known_has_no_problem(rule):
    assert not found(rule, facts())


@pytest.mark.parametrize("rule", [rule.name for rule in RULES if rule.name not in ALWAYS])
def test_without_a_connection_a_rule_does_not_know(rule):
    known = {"workers": [worker(status="silent", silent_s=9999, running=3)]}

    assert found(rule, facts(connected=False, **known)) is None


#: Rule and facts in which nobody can say whether it holds: why is in the id.
DOUBTFUL = {
    "a worker that was not listened to for long enough": (
        "worker-silent",
        {"workers": [worker(status="unknown", silent_s=9)]},
    ),
    "silence before a restart does not count": (
        "worker-silent",
        {"workers": [worker(status="silent", silent_s=9)]},
    ),
    "a worker that was not asked yet": ("worker-unanswering", {"workers": [worker()]}),
    "a clock that no beat told of": ("worker-clock", {"workers": [worker()]}),
    "slots that were not told": (
        "worker-full",
        {"workers": [worker(reserved=4, waiting_s=400)]},
    ),
    "slots of which nobody told": (
        "worker-stalled",
        {"workers": [stuck(told=None)]},
    ),
    "a worker that has not said what it holds": (
        "worker-stalled",
        {"workers": [stuck(held=None)]},
    ),
    "an answer from before the newest task began": (
        "worker-stalled",
        {"workers": [stuck(held=HeldTasks(1, 300, 355))]},
    ),
    "heartbeats that count no tasks": (
        "worker-stalled",
        {"workers": [stuck(begun_s=None)]},
    ),
    "a worker that may be gone": (
        "worker-stalled",
        {"workers": [stuck(status="unknown")]},
    ),
    "a length that is unknown": ("queue-long", {"queues": [QueueFacts(W)]}),
    "messages whose age is at least that": (
        "queue-old",
        {"queues": [QueueFacts(W, 5, 60.0, is_oldest_least=True)]},
    ),
    "consumers that nobody told of": ("queue-deserted", {"queues": [QueueFacts(W, 5)]}),
    "an entry that was not seen since the start": (
        "schedule-overdue",
        {"entries": [EntryFacts(W, PAY, None, 10.0)]},
    ),
}


@pytest.mark.parametrize("case", DOUBTFUL)
def test_where_it_cannot_be_known_yet_what_was_told_stays(case):
    rule, known = DOUBTFUL[case]

    assert undecided(rule, facts(**known)) == {W}
    assert found(rule, facts(**known)) == {}


@pytest.mark.parametrize("rule", ["broker-blocks", "broker-broken", "broker-memory", "broker-disk"])
def test_of_a_node_whose_statistics_are_not_there_yet_nothing_is_known(rule):
    new = BrokerFacts(NOW, "amqp", rabbit=RabbitFacts("4", (RabbitNode("a", None),)))

    assert found(rule, facts(broker=new)) is None
    assert found(rule, facts(broker=rabbit())) == {}


def test_while_a_worker_may_be_online_nobody_says_that_none_is():
    workers = [worker("a", status="silent"), worker("b", status="unknown")]

    assert found("no-workers", facts(workers=workers)) is None


def test_a_fleet_that_was_purged_is_still_missed():
    assert found("no-workers", facts(online_at=NOW - 300)) == {"": {"workers known": 0}}


def test_a_worker_that_is_only_remembered_for_its_tasks_is_not_silent():
    purged = [worker(status="purged", silent_s=999, running=2, lost=2)]

    assert found("worker-silent", facts(workers=purged)) == {}
    assert found("worker-gone", facts(workers=purged)) == {W: {"tasks without a known end": 2}}


@pytest.mark.parametrize(
    "broker", [rabbit(node(has_memory_alarm=True)), redis(memory_bytes=9, memory_limit_bytes=9)]
)
def test_nobody_is_blamed_for_not_answering_while_the_broker_takes_no_messages(broker):
    mute = worker(unanswered_s=999, why="no reply")

    assert found("worker-unanswering", facts(workers=[mute], broker=broker)) is None
