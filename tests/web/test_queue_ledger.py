"""The ledger of a queue: each task that was sent is in one place; what can't be known is told."""

import pytest

from flower_ng.brokers import QueueIds
from flower_ng.store import Gap, QueueTask, QueueTasks
from flower_ng.web.ui.queue_ledger import MISSING, MOST_LISTED, LedgerFacts, ledger, with_gaps

NOW = 1_000_000.0
W = "w1@box"
SENT = NOW - 60
DELAYED = ".".join("0" * 28) + ".mail"


def one(uuid, state="PENDING", **known):
    empty = dict.fromkeys(QueueTask.__struct_fields__)
    received = None if state == "PENDING" else SENT + 1
    usual = {"sent": SENT, "received": received, "worker": W if received else None}
    return QueueTask(**{**empty, "uuid": uuid, "state": state, **usual, **known})


def told(*tasks, is_cut=False, **known):
    usual = {"ids": QueueIds(is_whole=True), "length": 0, "unacked": 0, "statuses": {W: "online"}}
    facts = LedgerFacts(NOW - 3600, NOW, **{**usual, **known})
    return ledger(QueueTasks(list(tasks), NOW - 3600, is_cut), facts)


SEEN = {"ids": QueueIds(frozenset({"a"}), frozenset({"b"}), is_whole=True), "length": 1}
UNSEEN = {"ids": QueueIds(why_not="It shows none."), "length": 1}
GONE = {"statuses": {W: "silent"}}

PLACES = {
    "its message waits": (one("a"), SEEN, "waiting"),
    "a worker holds its message": (one("b"), SEEN, "waiting"),
    "nothing has its message": (one("c"), SEEN, "missing"),
    "messages can't be seen and some wait": (one("c"), UNSEEN, "unknown"),
    "messages can't be seen and none waits": (one("c"), {**UNSEEN, "length": 0}, "missing"),
    "messages can't be seen and one is held": (
        one("c"),
        {**UNSEEN, "length": 0, "unacked": 1},
        "unknown",
    ),
    "messages can't be seen and what is held isn't told": (
        one("c"),
        {**UNSEEN, "length": 0, "unacked": None},
        "unknown",
    ),
    "not all messages were looked at": (
        one("c"),
        {**SEEN, "ids": QueueIds(frozenset({"a"}))},
        "unknown",
    ),
    "RabbitMQ delays it": (
        one("c", eta="2100-01-01T00:00:00+00:00", routing_key=DELAYED),
        {},
        "waiting",
    ),
    "it succeeded": (one("c", "SUCCESS"), {}, "done"),
    "it was revoked by its worker": (one("c", "REVOKED"), {}, "done"),
    "it is to be tried again": (one("c", "RETRY"), {}, "retrying"),
    "it runs": (one("c", "STARTED"), {}, "running"),
    "its worker holds it": (one("c", "RECEIVED"), {}, "held"),
    "its worker is gone": (one("c", "STARTED"), GONE, "lost"),
    "its worker is gone and it is delivered again": (
        one("b", "RECEIVED"),
        {**SEEN, **GONE},
        "returning",
    ),
    "its worker is gone and messages can't be seen": (
        one("c", "STARTED"),
        {**UNSEEN, **GONE},
        "unsure",
    ),
    "its worker may be there": (one("c", "STARTED"), {"statuses": {W: "unknown"}}, "unsure"),
    "its worker runs it or is dead": (one("c", "STARTED"), {"statuses": {W: "busy"}}, "unsure"),
}


@pytest.mark.parametrize("case", PLACES)
def test_a_task_is_in_one_place_where(case):
    task, known, place = PLACES[case]

    found = told(task, **known)

    assert found.counts == {place: 1}
    assert [one.place for one in found.listed] == [place] * (place in {"missing", "lost"})


def test_no_number_is_told_of_what_may_wait_be_missing_or_be_lost():
    known = told(one("a"), one("c", "SUCCESS"), **SEEN)
    unseen = told(one("c"), one("d", "STARTED"), **{**UNSEEN, **GONE})

    places = ("waiting", "missing", "lost")
    assert [known.told(place) for place in places] == [1, 0, 0]
    assert [unseen.told(place) for place in places] == [None, None, None]
    assert (unseen.told("unknown"), unseen.told("unsure"), unseen.sent) == (1, 1, 2)


def test_the_sums_are_those_of_the_places():
    tasks = [one(str(number), state) for number, state in enumerate(("SUCCESS", "STARTED"))]

    found = told(*tasks, one("a"), one("c"), **SEEN)

    assert (found.sent, found.received, found.of("waiting"), found.of("missing")) == (4, 2, 1, 1)
    assert found.listed[0].why == MISSING


def test_what_was_sent_before_or_just_now_or_by_nobody_who_told_is_left_out():
    found = told(one("a", sent=NOW - 4000), one("b", sent=NOW - 5), one("c", "SUCCESS", sent=None))

    assert not found.is_told
    assert "task_send_sent_event" in found.notes[0]


def test_what_is_missing_at_a_second_look_only_is_on_its_way():
    found = told(one("a"), one("b", "STARTED"), one("c"), suspects={"c"}, **GONE)

    assert found.counts == {"waiting": 1, "unsure": 1, "missing": 1}
    assert found.suspects == {"c"}


def test_more_than_are_listed_are_counted():
    found = told(*(one(str(number)) for number in range(MOST_LISTED + 5)))

    assert (len(found.listed), len(found.suspects)) == (MOST_LISTED, MOST_LISTED + 5)


def test_what_was_cut_and_gaps_and_silent_workers_make_it_about_right_only():
    assert told(one("a")).is_about is False
    assert told(one("a"), is_cut=True).is_about
    gaps = (Gap(NOW - 50, NOW - 40, None, "broker"), Gap(NOW - 9, None, 3, "inbox"))

    found = with_gaps(told(one("a")), gaps, has_eventless=True)

    assert found.is_about
    assert "no connection to the broker" in found.notes[0]
    assert "dropped" in found.notes[1]
    assert "sends no events" in found.notes[2]
