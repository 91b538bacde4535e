"""Shares of what waits and of worker time, by type and by producer."""

from flower_ng.store import QueueTask, QueueTasks
from flower_ng.web.ui.queue_work import FIRST, Share, work_of


def one(uuid, state="SUCCESS", name="shop.pay", client="gen1@web", **times):
    empty = dict.fromkeys(QueueTask.__struct_fields__)
    known = {"uuid": uuid, "state": state, "name": name, "client": client}
    return QueueTask(**{**empty, **known, **times})


def test_what_waits_and_what_ran_is_added_up_by_type_and_by_producer():
    tasks = [
        one("a", runtime=3.0),
        one("b", "FAILURE", started=10.0, ended=12.0, client="gen2@web"),
        one("c", "PENDING", name="shop.mail"),
        one("d", "STARTED", started=20.0, client=None),
    ]

    found = work_of(QueueTasks(tasks, 5.0, is_cut=False))

    assert found.whole == Share("", waiting=1, runs=2, run_s=5.0)
    assert found.mean_run_s == 2.5
    assert found.types.first == (Share("shop.pay", 0, 2, 5.0), Share("shop.mail", 1))
    assert found.producers.first == (Share("gen1@web", 1, 1, 3.0), Share("gen2@web", 0, 1, 2.0))


def test_those_that_took_longest_are_named_and_the_rest_is_counted():
    tasks = [one(str(n), name=f"shop.t{n:02}", runtime=float(n)) for n in range(FIRST + 3)]

    found = work_of(QueueTasks(tasks, 0.0, is_cut=True)).types

    assert found.first[0].name == "shop.t12"
    assert (len(found.first), found.more) == (FIRST, 3)


def test_without_a_run_that_ended_its_length_is_unknown():
    assert work_of(QueueTasks([one("a", "PENDING")], 0.0, is_cut=False)).mean_run_s is None
